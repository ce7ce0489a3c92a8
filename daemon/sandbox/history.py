"""History: what the control paths tell of records and all their versions."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from daemon.sandbox.dates import show
from daemon.sandbox.keys import Key
from daemon.sandbox.records import Record, Value, Version
from daemon.sandbox.store import Store


def record_json(record: Record, version: Version) -> dict[str, Any]:
    """A record as people see it in one version: its name, its key, what its fields hold."""
    return {
        "resource": record.resource,
        "id": record.short_id,
        "object": record.object_name,
        "version": version.number,
        "deleted": version.deleted,
        "key": record.key.text(),
        "keyId": record.key.id,
        "keyNumber": record.key.number,
        "fields": {
            name: _plain(value)
            for name, value in version.fields.items()
            if value is not None and name != "Key"
        },
    }


def history_json(
    store: Store, record: Record, now: datetime, fields: Sequence[str]
) -> dict[str, Any]:
    """A record with every version it had, each with the values of these fields."""
    view = store.view(record.object_name, now)
    return {
        "resource": record.resource,
        "id": record.short_id,
        "object": record.object_name,
        "key": record.key.text(),
        "keyId": record.key.id,
        "keyNumber": record.key.number,
        "created": show(record.created_at),
        "versions": [
            {
                "version": version.number,
                "change": version.change,
                "stamp": show(version.stamp),
                "writtenAt": version.written_at.isoformat(timespec="microseconds"),
                "deleted": version.deleted,
                "visible": view.shows(version),
                "served": store.served[version.change],
                "fields": {name: _plain(version.fields.get(name)) for name in fields},
            }
            for version in record.versions
        ],
    }


def _plain(value: Value) -> Any:
    if isinstance(value, datetime):
        return show(value)
    return value.text() if isinstance(value, Key) else value
