"""The ids of events and notifications: 20 URL-safe characters that never change."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence

from daemon.instance import EventId, InstanceId, NotificationId, ResourceId

DIGEST_BYTES = 15
"""15 bytes are 20 base64 characters without padding, and far too many to collide."""


def event_id(
    instance_id: InstanceId, resource_id: ResourceId, object_id: str, revision: int
) -> EventId:
    """The name of one change. Nothing of its content is in it: A, B, A again are three changes."""
    return _digest(b"event", f"{instance_id}/{resource_id}/{revision}/{object_id}")


def notification_event_id(notification_id: NotificationId, event_ids: Sequence[EventId]) -> EventId:
    """The name of one notification, `message.eventId` and `webhook-id` on every attempt.

    The events are in it so that a database restored from an old copy, which hands out the same
    notification numbers again, cannot give an old name to new events.
    """
    return _digest(b"notification", f"{notification_id}/{'/'.join(event_ids)}")


def _digest(kind: bytes, text: str) -> EventId:
    digest = hashlib.blake2b(text.encode(), digest_size=DIGEST_BYTES, person=kind).digest()
    return EventId(base64.urlsafe_b64encode(digest).decode("ascii"))
