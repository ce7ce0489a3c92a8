"""The ping: a body without a change, in each format, to try out a callback."""

from __future__ import annotations

from dataclasses import replace

from daemon.instance import EventId, NotificationId
from daemon.notifications import openconnectors
from daemon.notifications.cloudevents import SPECIFICATION_VERSION
from daemon.notifications.context import Context, NotificationFormat, RawMode, Telling
from daemon.notifications.records import encode, iso_seconds

OBJECT_TYPE = "ping"
NOTIFICATION = NotificationId(0)
"""No notification that tells anything has this number."""


def render(context: Context, event_id: EventId) -> bytes:
    """The body; `events` is empty in the original's envelope, the others have the type `*.ping`."""
    kind, at = f"{context.element_key}.{OBJECT_TYPE}", iso_seconds(context.created_at)
    match context.format:
        case NotificationFormat.OPENCONNECTORS:
            silent = replace(context, object_type=OBJECT_TYPE, raw_mode=RawMode.NONE)
            telling = Telling(
                context=silent, notification_id=NOTIFICATION, event_id=event_id, told=()
            )
            return openconnectors.render(telling)
        case NotificationFormat.STANDARD:
            return encode({"type": kind, "timestamp": at, "data": {}})
        case NotificationFormat.CLOUDEVENTS:
            event = {
                "specversion": SPECIFICATION_VERSION,
                "id": event_id,
                "source": f"/instances/{context.instance_id}",
                "type": kind,
                "time": at,
            }
            return encode([event])
