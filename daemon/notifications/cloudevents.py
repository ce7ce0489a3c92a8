"""CloudEvents 1.0 in structured batch mode: an array of self-contained events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from daemon.notifications.context import Context, RawMode, Telling, Told
from daemon.notifications.openconnectors import event_entry
from daemon.notifications.records import encode, iso_seconds, record_of

CONTENT_TYPE = "application/cloudevents-batch+json"
SPECIFICATION_VERSION = "1.0"


def render(telling: Telling) -> bytes:
    """The body of one notification: one CloudEvent per change."""
    return encode([_event(telling.context, told) for told in telling.told])


def event_type(context: Context, told: Told) -> str:
    """`maximizer.contacts.updated`."""
    return f"{context.element_key}.{context.object_type}.{told.change.type.lower()}"


def data_of(context: Context, told: Told) -> Mapping[str, Any]:
    """The event entry of the original's envelope, and the record it is about."""
    entry = event_entry(context, told)
    record = None if context.raw_mode is RawMode.NONE else record_of(context, told.change)
    return entry if record is None else {**entry, "record": record}


def _event(context: Context, told: Told) -> Mapping[str, Any]:
    return {
        "specversion": SPECIFICATION_VERSION,
        "id": told.event_id,
        "source": f"/instances/{context.instance_id}/{quote(context.object_type)}",
        "type": event_type(context, told),
        "subject": told.change.object_key,
        "time": iso_seconds(told.change.occurred_at),
        "datacontenttype": "application/json",
        "sequence": str(told.sequence),
        "data": data_of(context, told),
    }
