"""The ready notification: one that waits for nothing but its time, with the bytes to be sent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from daemon.instance import EventId, InstanceId, NotificationId
from daemon.notifications.compose import Draft
from daemon.notifications.context import NotificationFormat


@dataclass(slots=True, kw_only=True)
class ReadyNotification:
    """What an attempt needs. `attempts` counts those spent, `event_id` is the `webhook-id`.

    `page_read_at` is when the page it tells of had been read, `events` how many changes it tells;
    `replay` marks one sent again on a person's word.
    """

    id: NotificationId
    event_id: EventId
    format: NotificationFormat
    body: bytes = field(repr=False)
    due_at: datetime
    page_read_at: datetime
    events: int = 1
    attempts: int = 0
    replay: bool = False


@dataclass(slots=True, kw_only=True)
class DueNotification:
    """What the outbox says is next in a lane.

    `notification` is None if it was not loaded, because it is not due yet or large.
    """

    instance_id: InstanceId
    id: NotificationId
    due_at: datetime
    notification: ReadyNotification | None


def ready_from(drafts: Iterable[Draft], page_read_at: datetime) -> list[ReadyNotification]:
    """Those of a committed page that need not wait for an earlier one."""
    return [
        ReadyNotification(
            id=draft.id,
            event_id=draft.event_id,
            format=draft.format,
            body=draft.body,
            due_at=draft.due_at,
            page_read_at=page_read_at,
            events=len(draft.events),
        )
        for draft in drafts
        if draft.waits_for is None
    ]
