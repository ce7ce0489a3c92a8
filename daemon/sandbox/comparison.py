"""Comparisons: what each operator means for each kind of field."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from daemon.sandbox.dates import Frame, Span
from daemon.sandbox.keys import Key, parse_key
from daemon.sandbox.objects import Field, Kind
from daemon.sandbox.records import Value
from daemon.sandbox.refusals import Refusal

Holds: TypeAlias = Callable[[Value], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """An operator in capitals with its operand as the client sent it."""

    operator: str
    operand: Any


def compile_comparison(field: Field, comparison: Comparison, frame: Frame) -> Holds:
    """The test of one value. Raises Refusal for an operator or operand that does not fit.

    As in SQL, a value that is missing passes no comparison but the one with null.
    """
    if comparison.operator in _NEGATIONS:
        return _negated(field, comparison, frame)
    if comparison.operator in ("$IN", "$ALL"):
        return _sets(field, comparison, frame)
    if comparison.operand is None and comparison.operator == "$EQ":
        return lambda value: value is None
    if field.kind is Kind.INSTANT:
        return _instant(field, comparison, frame)
    return _OF_KIND[field.kind](field, comparison)


_NEGATIONS: Mapping[str, str] = {
    "$NE": "$EQ",
    "$NIN": "$IN",
    "$NLIKE": "$LIKE",
    "$NRANGE": "$RANGE",
}


def _negated(field: Field, comparison: Comparison, frame: Frame) -> Holds:
    positive = Comparison(operator=_NEGATIONS[comparison.operator], operand=comparison.operand)
    holds = compile_comparison(field, positive, frame)
    if comparison.operand is None:
        return lambda value: not holds(value)
    return lambda value: value is not None and not holds(value)


def _unsupported(field: Field, operator: str) -> Refusal:
    return Refusal(f"The operator {operator} is not supported for the field '{field.name}'")


def _sets(field: Field, comparison: Comparison, frame: Frame) -> Holds:
    if not isinstance(comparison.operand, list):
        raise Refusal(f"{comparison.operator} needs an array")
    each = [
        compile_comparison(field, Comparison(operator="$EQ", operand=operand), frame)
        for operand in comparison.operand
    ]
    if comparison.operator == "$ALL":
        return lambda value: all(holds(value) for holds in each)
    return lambda value: any(holds(value) for holds in each)


def _key(field: Field, comparison: Comparison) -> Holds:
    if comparison.operator != "$EQ":
        raise _unsupported(field, comparison.operator)
    wanted_id, number = _key_parts(comparison.operand)
    wanted = wanted_id.lower()

    def holds(value: Value) -> bool:
        if not isinstance(value, Key) or value.id.lower() != wanted:
            return False
        return number is None or value.number == number

    return holds


def _key_parts(operand: Any) -> tuple[str, int | None]:
    """Id and number of a key's text, or of an object with `Value` or `Id` and maybe `Number`."""
    if isinstance(operand, Mapping):
        parts = {name.lower(): value for name, value in operand.items()}
        if "id" in parts:
            return str(parts["id"]), parts.get("number")
        operand = parts.get("value")
    key = parse_key(operand) if isinstance(operand, str) else None
    if key is None:
        raise Refusal("The given key is of a type not supported by the target object.")
    return key.id, key.number


def _instant(field: Field, comparison: Comparison, frame: Frame) -> Holds:
    if comparison.operator == "$RANGE":
        span = _range(comparison, frame)
        return lambda value: (
            isinstance(value, datetime) and span.low <= frame.shift(value) <= span.high
        )
    if not isinstance(comparison.operand, str):
        raise Refusal(f"{field.name}: a date is wanted", -1024)
    holds = _against(field, comparison.operator, frame.span(comparison.operand))
    return lambda value: isinstance(value, datetime) and holds(frame.shift(value))


def _range(comparison: Comparison, frame: Frame) -> Span:
    if not isinstance(comparison.operand, list) or len(comparison.operand) != 2:
        raise Refusal("$RANGE needs an array of two")
    low, high = (frame.span(str(each)) for each in comparison.operand)
    return Span(low=low.low, high=high.high)


def _against(field: Field, operator: str, span: Span) -> Callable[[datetime], bool]:
    """Exclusive operators leave a span out, inclusive ones take it in."""
    low, high, is_point = span.low, span.high, span.low == span.high
    tests: dict[str, Callable[[datetime], bool]] = {
        "$EQ": (lambda stamp: stamp == low) if is_point else (lambda stamp: low <= stamp < high),
        "$LT": lambda stamp: stamp < low,
        "$GE": lambda stamp: stamp >= low,
        "$LE": (lambda stamp: stamp <= high) if is_point else (lambda stamp: stamp < high),
        "$GT": (lambda stamp: stamp > high) if is_point else (lambda stamp: stamp >= high),
    }
    if operator not in tests:
        raise _unsupported(field, operator)
    return tests[operator]


def _list(field: Field, comparison: Comparison) -> Holds:
    if comparison.operator != "$EQ":
        raise _unsupported(field, comparison.operator)
    wanted = str(comparison.operand).lower()
    return lambda value: isinstance(value, list) and wanted in (each.lower() for each in value)


def _number(field: Field, comparison: Comparison) -> Holds:
    operand = comparison.operand
    if comparison.operator == "$RANGE" and isinstance(operand, list) and len(operand) == 2:
        low, high = operand
        return lambda value: isinstance(value, int | float) and low <= value <= high
    if not isinstance(operand, int | float):
        raise Refusal(f"{field.name}: a number is wanted", -1024)
    return _ordered(field, comparison.operator, operand, lambda value: value)


def _text(field: Field, comparison: Comparison) -> Holds:
    operand = comparison.operand
    if comparison.operator == "$RANGE" and isinstance(operand, list) and len(operand) == 2:
        low, high = (str(each).lower() for each in operand)
        return lambda value: isinstance(value, str) and low <= value.lower() <= high
    if comparison.operator == "$LIKE":
        pattern = _like(str(operand))
        return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None
    wanted = str(operand).lower()
    return _ordered(field, comparison.operator, wanted, lambda value: str(value).lower())


def _like(operand: str) -> re.Pattern[str]:
    wild = {"%": ".*", "_": "."}
    expression = "".join(wild.get(letter) or re.escape(letter) for letter in operand)
    return re.compile(expression, re.IGNORECASE | re.DOTALL)


def _ordered(field: Field, operator: str, wanted: Any, normal: Callable[[Any], Any]) -> Holds:
    tests: dict[str, Holds] = {
        "$EQ": lambda value: value is not None and normal(value) == wanted,
        "$LT": lambda value: value is not None and normal(value) < wanted,
        "$LE": lambda value: value is not None and normal(value) <= wanted,
        "$GT": lambda value: value is not None and normal(value) > wanted,
        "$GE": lambda value: value is not None and normal(value) >= wanted,
    }
    if operator not in tests:
        raise _unsupported(field, operator)
    return tests[operator]


_OF_KIND: Mapping[Kind, Callable[[Field, Comparison], Holds]] = {
    Kind.KEY: _key,
    Kind.LIST: _list,
    Kind.NUMBER: _number,
    Kind.FLAG: _number,
    Kind.TEXT: _text,
    Kind.USER: _text,
}
