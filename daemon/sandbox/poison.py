"""Poison: rows on a page that no client can carry whole."""

from collections.abc import Callable, Mapping
from datetime import datetime
from operator import itemgetter
from types import MappingProxyType
from typing import Any

from daemon.sandbox.faults import Poison
from daemon.sandbox.ordering import Seen
from daemon.sandbox.projection import Row
from daemon.sandbox.records import Value


def poisoned(
    fault: Poison,
    seen: list[Seen],
    rows: list[Row],
    render: Callable[[Mapping[str, Value]], Row],
) -> list[Any] | None:
    """The rows with the fault's record spoilt; None if it is not on this page."""
    names = [record.name for record, _ in seen]
    position = 0 if fault.record is None else _position(names, fault.record)
    if position is None or not rows:
        return None
    spoilt: list[Any] = list(rows)
    if fault.what == "not_an_object":
        spoilt[position] = "#REF!"
    elif fault.what == "moved":
        return _with_previous(seen, rows, None if fault.record is None else position, render)
    elif fault.what == "duplicate":
        versions = seen[position][0].versions
        spoilt.append(render(versions[-2 if len(versions) > 1 else -1].fields))
    else:
        spoilt[position] = _spoilt(fault, rows[position], seen[position][1].fields)
    return spoilt


def _with_previous(
    seen: list[Seen],
    rows: list[Row],
    only: int | None,
    render: Callable[[Mapping[str, Value]], Row],
) -> list[Any]:
    """The rows with those of records as they were before, each where it was in the order then."""
    dated: list[tuple[datetime, Row]] = []
    for record, version in seen if only is None else [seen[only]]:
        before = record.versions[version.number - 2] if version.number > 1 else version
        if not before.deleted:
            dated.append((before.stamp, render(before.fields)))
    dated += [(version.stamp, row) for (_, version), row in zip(seen, rows, strict=True)]
    return [row for _, row in sorted(dated, key=itemgetter(0))]


def _position(names: list[str], wanted: str) -> int | None:
    return names.index(wanted) if wanted in names else None


def _spoilt(fault: Poison, row: Row, fields: Mapping[str, Value]) -> Row:
    dates = [name for name in row if isinstance(_value(fields, name), datetime)]
    match fault.what:
        case "no_key":
            return {name: value for name, value in row.items() if name.lower() != "key"}
        case "no_date":
            return {name: value for name, value in row.items() if name not in dates}
        case "bad_date":
            return row | dict.fromkeys(dates, "0000-00-00T00:00:00Z")
        case _:
            return row | {_field(fault, row, dates): _VALUES[fault.what]}


def _field(fault: Poison, row: Row, dates: list[str]) -> str:
    if fault.field is not None:
        return fault.field
    return _first_text(row, dates)


def _value(fields: Mapping[str, Value], name: str) -> Value:
    return next((value for each, value in fields.items() if each.lower() == name.lower()), None)


def _first_text(row: Row, dates: list[str]) -> str:
    """The row's first text that is neither its key, its type nor a date."""
    passed_over = {"key", "type", *(name.lower() for name in dates)}
    for name, value in row.items():
        if isinstance(value, str) and name.lower() not in passed_over:
            return name
    return "Description"


_VALUES: Mapping[str, Any] = MappingProxyType(
    {
        "nul": "before\x00after",
        "lone_surrogate": "before\ud800after",
        "nan": float("nan"),
        "huge_integer": 10**30 + 7,
    }
)
