"""Splitting: a stored body of several events taken apart into one body for each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, assert_never

import orjson

from daemon.instance import EventId, NotificationId
from daemon.notifications.context import NotificationFormat
from daemon.notifications.identifiers import notification_event_id
from daemon.notifications.records import encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The notification that one event of a refused one becomes: its number, and the event."""

    id: NotificationId
    told: EventId

    @property
    def event_id(self) -> EventId:
        """The name of the new notification."""
        return notification_event_id(self.id, [self.told])


def split_body(
    notification_format: NotificationFormat, body: bytes, parts: Sequence[Part], id_field: str
) -> list[bytes]:
    """One body per part, in the format of the stored one; `id_field` leads to the id of a record.

    Each takes along the record of its own event, as far as that can be told, and no other: a page
    that travelled along whole would carry the record that is refused into every part. Raises
    ValueError if an event is not in the body.
    """
    content = orjson.loads(body)
    match notification_format:
        case NotificationFormat.OPENCONNECTORS:
            return _split_envelope(content, parts, id_field)
        case NotificationFormat.CLOUDEVENTS:
            found = {entry["id"]: entry for entry in content}
            return [encode([_found(found, part)]) for part in parts]
        case NotificationFormat.STANDARD:
            raise ValueError("A notification in the standard format holds one event only")
        case _:
            assert_never(notification_format)


def _split_envelope(
    content: Mapping[str, Any], parts: Sequence[Part], id_field: str
) -> list[bytes]:
    message = content["message"]
    entries = {entry["eventId"]: entry for entry in message["events"]}
    records = _records_by_event(message, id_field)
    bodies = []
    for part in parts:
        entry = _found(entries, part)
        told = {
            **message,
            "eventId": part.event_id,
            "raw": {**message["raw"], entry["objectType"]: records.get(part.told, [])},
            "events": [entry],
        }
        bodies.append(encode({**content, "id": str(part.id), "message": told}))
    return bodies


def _found(entries: Mapping[str, Any], part: Part) -> Any:
    if part.told not in entries:
        raise ValueError(f"Event {part.told} is not in the body of its notification")
    return entries[part.told]


def _records_by_event(message: Mapping[str, Any], id_field: str) -> dict[str, list[Any]]:
    """The record of each event: by its id, else by its place if each event has one."""
    events: Sequence[Mapping[str, Any]] = message["events"]
    records: Sequence[Any] = message["raw"].get(events[0]["objectType"], [])
    by_id = {_text_at(record, id_field): record for record in reversed(records)}
    if all(event["objectId"] in by_id for event in events):
        return {event["eventId"]: [by_id[event["objectId"]]] for event in events}
    if len(records) == len(events):
        pairs = zip(events, records, strict=True)
        return {event["eventId"]: [record] for event, record in pairs}
    return {
        event["eventId"]: [by_id[event["objectId"]]]
        for event in events
        if event["objectId"] in by_id
    }


def _text_at(record: object, path: str) -> str | None:
    """The id in a record, as the text that `objectId` has."""
    for name in path.split("."):
        record = record.get(name) if isinstance(record, Mapping) else None
    return str(record) if isinstance(record, str | int) else None
