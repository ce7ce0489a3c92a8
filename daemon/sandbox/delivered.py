"""Delivered events: what a notification says, in whichever format it came."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """One event of a notification; `record` is the raw record it came with, if any did."""

    instance: str
    object_type: str
    object_id: str
    event_type: str
    event_id: str | None
    sequence: int | None
    date: str | None
    record: Any
    changed: list[str] | None = None
    backfill: bool = False


def read_events(body: Any) -> list[Delivered]:
    """The events of a parsed body: Open Connectors, a CloudEvents batch, or Standard Webhooks.

    Raises ValueError for anything else.
    """
    try:
        if isinstance(body, list):
            return [_cloud_event(each) for each in body]
        if "message" in body:
            return list(_open_connectors(body["message"]))
        if {"type", "data"} <= body.keys():
            return [_standard(body)]
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"the body lacks {error}") from error
    raise ValueError("the body is in no known format")


def _open_connectors(message: Mapping[str, Any]) -> Iterator[Delivered]:
    raw = message.get("raw") or {}
    events = message["events"]
    for position, event in enumerate(events):
        records = raw.get(event["objectType"]) or []
        id_field = _id_field(records, {str(each["objectId"]) for each in events})
        record = _record(records, position, id_field, str(event["objectId"]))
        yield _event(event, str(message["instanceId"]), record)


def _id_field(records: list[Any], object_ids: set[str]) -> str | None:
    """The field with the most of these ids: others, as a parent's key, hold some of them too."""
    found: dict[str, set[str]] = {}
    for record in records:
        for name, value in record.items() if isinstance(record, Mapping) else ():
            if str(value) in object_ids:
                found.setdefault(name, set()).add(str(value))
    return max(found, key=lambda name: len(found[name]), default=None)


def _record(records: list[Any], position: int, id_field: str | None, object_id: str) -> Any:
    """The record an event is about: the one with its object id, else the one beside it."""
    for record in records:
        if isinstance(record, Mapping) and str(record.get(id_field)) == object_id:
            return record
    return records[position] if position < len(records) else None


def _standard(body: Mapping[str, Any]) -> Delivered:
    data = body["data"]
    return _event(_named(body["type"], data), str(data.get("instanceId", "")), data.get("record"))


def _cloud_event(event: Mapping[str, Any]) -> Delivered:
    data = event.get("data") or {}
    merged = {
        "objectId": event.get("subject"),
        "eventId": event["id"],
        "date": event.get("time"),
        "sequence": event.get("sequence"),
        **data,
    }
    instance = data.get("instanceId", event["source"].rstrip("/").rpartition("/")[2])
    return _event(_named(event["type"], merged), str(instance), data.get("record"))


def _named(kind: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """An event with type and resource from a name such as `maximizer.contacts.created`."""
    resource, _, event_type = kind.rpartition(".")
    return {
        "objectType": resource.rpartition(".")[2],
        "eventType": event_type.upper(),
        **data,
    }


def _event(event: Mapping[str, Any], instance: str, record: Any) -> Delivered:
    sequence = event.get("sequence")
    return Delivered(
        instance=instance,
        object_type=event["objectType"],
        object_id=str(event["objectId"]),
        event_type=event["eventType"],
        event_id=event.get("eventId"),
        sequence=None if sequence is None else int(sequence),
        date=event.get("date"),
        record=record,
        changed=event.get("changed"),
        backfill=bool(event.get("backfill", False)),
    )
