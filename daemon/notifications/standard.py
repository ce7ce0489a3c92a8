"""The body of Standard Webhooks 1.0.0: one event per notification as type, timestamp and data."""

from __future__ import annotations

from daemon.notifications.cloudevents import data_of, event_type
from daemon.notifications.context import Telling
from daemon.notifications.records import encode, iso_seconds

CONTENT_TYPE = "application/json"


def render(telling: Telling) -> bytes:
    """The body of one notification, which in this format holds exactly one event."""
    (told,) = telling.told
    return encode(
        {
            "type": event_type(telling.context, told),
            "timestamp": iso_seconds(told.change.occurred_at),
            "data": data_of(telling.context, told),
        }
    )
