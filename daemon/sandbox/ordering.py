"""Ordering: a Read's OrderBy, the keys of its pages, and how rows are sorted by it."""

import base64
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from daemon.sandbox.criteria import Criteria
from daemon.sandbox.keys import Key
from daemon.sandbox.records import Record, Value, Version
from daemon.sandbox.refusals import Refusal, UnknownField

Seen: TypeAlias = tuple[Record, Version]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Fields with whether they descend, rows to pass over, and rows to give if it says so."""

    fields: tuple[tuple[str, bool], ...]
    offset: int
    size: int | None


def parse_order(given: Mapping[str, Any], criteria: Criteria) -> Order:
    """The OrderBy section, its names in any casing.

    Raises Refusal for a bad page key and for fields that cannot be sorted by.
    """
    parts = {name.lower(): value for name, value in given.items()}
    size = parts.get("pagesize")
    if size is not None and (not isinstance(size, int) or size < 1):
        raise Refusal("OrderBy: PageSize must be a positive number")
    return Order(
        fields=tuple(_sort_fields(parts.get("fields") or [], criteria)),
        offset=_offset(parts.get("pagekey")),
        size=size,
    )


def page_key(offset: int) -> str:
    """The key of the page that begins after so many rows."""
    return base64.b64encode(str(offset).encode()).decode()


def in_order(rows: Iterable[Seen], order: Order, criteria: Criteria) -> list[Seen]:
    """The rows sorted; those equal in all sort fields keep the order of their creation."""
    ordered = list(rows)
    for name, descending in reversed(order.fields):
        ordered.sort(key=lambda row: _rank(row[1].fields.get(name), criteria), reverse=descending)
    return ordered


def _offset(key: Any) -> int:
    if key is None:
        return 0
    try:
        offset = int(base64.b64decode(str(key), validate=True))
    except ValueError as error:
        raise Refusal("OrderBy: the PageKey is not valid") from error
    if offset < 0:
        raise Refusal("OrderBy: the PageKey is not valid")
    return offset


def _sort_fields(given: Any, criteria: Criteria) -> Iterator[tuple[str, bool]]:
    for each in given if isinstance(given, list) else [given]:
        for name, direction in each.items():
            field = criteria.object_type.find(name)
            if field is None:
                raise UnknownField(criteria.object_type.name, name)
            if not field.sortable or not criteria.can(field.name):
                raise Refusal(f"{criteria.object_type.name}/{field.name} cannot be sorted by")
            yield field.name, str(direction).upper() == "DESC"


def _rank(value: Value, criteria: Criteria) -> tuple[bool, Any]:
    """Nulls first, texts regardless of case, dates in the object's frame, keys by id and number."""
    if isinstance(value, datetime):
        return True, criteria.frame.shift(value)
    if isinstance(value, Key):
        return True, (value.id.lower(), value.number or 0)
    if isinstance(value, str):
        return True, value.lower()
    return value is not None, value or 0
