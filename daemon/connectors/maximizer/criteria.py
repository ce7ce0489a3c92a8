"""PURE: a CEQL tree made into the SearchQuery of an Octopus Read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, assert_never

from daemon.connectors.ceql import (
    And,
    Comparison,
    Expression,
    In,
    IsNull,
    Like,
    Operator,
    Or,
    Template,
    Value,
)
from daemon.connectors.maximizer.resources import Resource
from daemon.errors import Fault, InvalidInput

SearchQuery = dict[str, Any]

_OPERATORS: Mapping[Operator, str] = {
    Operator.EQUAL: "$EQ",
    Operator.NOT_EQUAL: "$NE",
    Operator.LESS: "$LT",
    Operator.GREATER: "$GT",
    Operator.LESS_OR_EQUAL: "$LE",
    Operator.GREATER_OR_EQUAL: "$GE",
}
_EPOCH = re.compile(r"\d{9,17}")
_EPOCH_UNITS = ((10**15, 10**6), (10**11, 10**3), (0, 1))
"""From which size on an epoch counts micro- or milliseconds, and how many make a second."""


def search_query(resource: Resource, where: Expression | None) -> SearchQuery:
    """What to ask for: the condition, and the entry type of the resource. `{}` asks for all.

    Raises InvalidInput for a date that is none.
    """
    parts = [] if where is None else [_translate(resource, where)]
    if resource.entry_type is not None:
        parts.insert(0, {"Type": {"$EQ": resource.entry_type}})
    if not parts:
        return {}
    return parts[0] if len(parts) == 1 else {"$AND": parts}


def key_query(resource: Resource, field: str, key: str) -> SearchQuery:
    """What asks for the one record with this key."""
    condition = Comparison(field=field, operator=Operator.EQUAL, value=key)
    return search_query(resource, condition)


def literal(instant: datetime) -> str:
    """An instant as filters take it: UTC, whole seconds, no suffix (none was ever seen in one)."""
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds")


def _translate(resource: Resource, expression: Expression) -> SearchQuery:
    match expression:
        case And():
            return {"$AND": [_translate(resource, each) for each in expression.conditions]}
        case Or():
            return {"$OR": [_translate(resource, each) for each in expression.conditions]}
        case Comparison():
            round_up = expression.operator is Operator.LESS
            value = _value(resource, expression.field, expression.value, round_up=round_up)
            return {_path(expression.field): {_OPERATORS[expression.operator]: value}}
        case In():
            values = [_value(resource, expression.field, each) for each in expression.values]
            return {_path(expression.field): {"$IN": values}}
        case Like():
            return {_path(expression.field): {"$LIKE": _plain(expression.pattern)}}
        case IsNull():
            operator = "$NE" if expression.negated else "$EQ"
            return {_path(expression.field): {operator: None}}
        case _:
            assert_never(expression)


def _path(field: str) -> str:
    """Parts of a composite are named by a path; a user-defined field may hold dots of its own."""
    return field if "$" in field else field.replace(".", "/")


def _value(resource: Resource, field: str, value: Value, *, round_up: bool = False) -> Any:
    if isinstance(value, datetime):
        return _date_literal(value, round_up=round_up)
    plain = _plain(value)
    if field.casefold() not in resource.dates or isinstance(plain, bool):
        return plain
    if isinstance(plain, int | float) or _EPOCH.fullmatch(plain):
        return _date_literal(_from_epoch(field, float(plain)), round_up=round_up)
    return _normalized(field, plain, round_up=round_up)


def _plain(value: Value) -> Any:
    if isinstance(value, Template):
        raise TypeError("a macro has to be expanded before a provider is asked")
    return value


def _normalized(field: str, text: str, *, round_up: bool) -> str:
    """A date text in the service's form; a function such as `$TODAY()` and a bare day stay."""
    if text.startswith("$"):
        return text
    try:
        instant = datetime.fromisoformat(text)
        if len(text) <= len("2026-11-24"):
            return text
        return _date_literal(instant.replace(tzinfo=instant.tzinfo or UTC), round_up=round_up)
    except (ValueError, OverflowError) as error:
        raise _no_date(field, text) from error


def _date_literal(instant: datetime, *, round_up: bool) -> str:
    """Stamps have whole seconds: `< 10:00:00.5` means `< 10:00:01`, everything else cuts down."""
    if round_up and instant.microsecond:
        instant += timedelta(seconds=1)
    return literal(instant)


def _from_epoch(field: str, number: float) -> datetime:
    divisor = next(divisor for least, divisor in _EPOCH_UNITS if abs(number) >= least)
    try:
        return datetime.fromtimestamp(number / divisor, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise _no_date(field, str(number)) from error


def _no_date(field: str, text: str) -> InvalidInput:
    message = f"the value '{text[:40]}' of {field} is not a date"
    return InvalidInput([Fault(field="where", message=message)])
