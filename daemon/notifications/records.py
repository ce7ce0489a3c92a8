"""The records that travel along: what of the provider's data is told, and how it is encoded."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from daemon.instance import EventType
from daemon.notifications.change import Change
from daemon.notifications.context import Context

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def encode(value: object) -> bytes:
    """Compact JSON in the order given. Raises TypeError for what JSON cannot carry."""
    return orjson.dumps(value, default=_as_dict)


def can_carry(record: Mapping[str, Any]) -> bool:
    """Whether a record survives encoding (no lone surrogate, no integer beyond 64 bits)."""
    try:
        encode(record)
    except TypeError:
        return False
    return True


def record_of(context: Context, change: Change) -> Mapping[str, Any] | None:
    """The record that goes with a change; of a deleted object nothing but its id is left."""
    if change.type is EventType.DELETED:
        return _nested(context.id_field, change.object_key)
    if change.raw is None:
        return None
    return without_nulls(change.raw) if context.drop_nulls else change.raw


def without_nulls(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """The record without its null fields, at every depth; nulls in lists keep their places."""
    return {
        key: value if type(value) is str else _pruned(value)
        for key, value in record.items()
        if value is not None
    }


def iso_seconds(instant: datetime) -> str:
    """`2018-08-20T15:29:06Z`."""
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def epoch_milliseconds(instant: datetime) -> int:
    """Whole milliseconds since 1970, without the rounding of a float."""
    return (instant - EPOCH) // timedelta(milliseconds=1)


def _pruned(value: Any) -> Any:
    """Records come out of JSON: nothing else in them has parts."""
    kind = type(value)
    if kind is dict:
        return without_nulls(value)
    if kind is list:
        return [_pruned(item) for item in value]
    return value


def _nested(path: str, value: str) -> Mapping[str, Any]:
    """`a.b` and a value as `{"a": {"b": value}}`, where the configured path will look for it."""
    head, _, rest = path.partition(".")
    return {head: _nested(rest, value) if rest else value}


def _as_dict(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"JSON cannot carry a {type(value).__name__}")
