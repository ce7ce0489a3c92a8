"""PURE: the syntax tree of the `where` language (CEQL), how it is changed and written back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from types import UnionType
from typing import assert_never

KEYWORDS = frozenset({"AND", "OR", "IN", "LIKE", "IS", "NOT", "NULL", "TRUE", "FALSE"})
"""Words that are no field names unless in back-quotes, in any casing."""
NAME = r"[^\W\d]\w*(?:[./]\w+)*"
"""The expression of field names that need no back-quotes."""


class Operator(StrEnum):
    """How a comparison compares."""

    EQUAL = "="
    NOT_EQUAL = "!="
    LESS = "<"
    GREATER = ">"
    LESS_OR_EQUAL = "<="
    GREATER_OR_EQUAL = ">="


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A value with parts that the language does not look into: texts, and what callers put among
    them (a poller's macros). `quoted` tells whether it stands in quotes."""

    parts: tuple[object, ...]
    quoted: bool = True


Value = str | int | float | bool | datetime | Template
"""A literal. No text makes a datetime: it comes from callers who know the instant (aware)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """`field operator value`."""

    field: str
    operator: Operator
    value: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class In:
    """`field IN (value, ...)`: at least one value."""

    field: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Like:
    """`field LIKE 'pattern'`, with `%` for any text and `_` for any character."""

    field: str
    pattern: str | Template


@dataclass(frozen=True, slots=True, kw_only=True)
class IsNull:
    """`field IS NULL`, or `IS NOT NULL` if negated."""

    field: str
    negated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class And:
    """All of two or more conditions."""

    conditions: tuple[Expression, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Or:
    """Any of two or more conditions."""

    conditions: tuple[Expression, ...]


Leaf = Comparison | In | Like | IsNull
Expression = Leaf | And | Or


def leaves(expression: Expression) -> Iterator[Leaf]:
    """The conditions on single fields, in the order they are written."""
    if isinstance(expression, And | Or):
        for condition in expression.conditions:
            yield from leaves(condition)
    else:
        yield expression


def replace(
    expression: Expression, change: Callable[[Leaf], Expression | None]
) -> Expression | None:
    """The tree with each leaf changed. None, from `change` and as the answer, is a condition that
    every record meets: it drops out of an And, and makes an Or hold for every record."""
    if isinstance(expression, And):
        return conjunction(*(replace(condition, change) for condition in expression.conditions))
    if isinstance(expression, Or):
        changed = [replace(condition, change) for condition in expression.conditions]
        kept = [condition for condition in changed if condition is not None]
        return Or(conditions=tuple(kept)) if len(kept) == len(changed) else None
    return change(expression)


def conjunction(*conditions: Expression | None) -> Expression | None:
    """All of the conditions at once; None among them, and as the answer, holds for every record."""
    kept = tuple(condition for condition in conditions if condition is not None)
    if len(kept) > 1:
        return And(conditions=kept)
    return kept[0] if kept else None


def render(expression: Expression, show: Callable[[object], str] = str) -> str:
    """The text that `parse` reads back to the same tree; `show` spells the opaque parts."""
    match expression:
        case And():
            parts = (_grouped(condition, show, And | Or) for condition in expression.conditions)
            return " AND ".join(parts)
        case Or():
            parts = (_grouped(condition, show, Or) for condition in expression.conditions)
            return " OR ".join(parts)
        case Comparison():
            value = _value(expression.value, show)
            return f"{_name(expression.field)}{expression.operator}{value}"
        case In():
            values = ", ".join(_value(value, show) for value in expression.values)
            return f"{_name(expression.field)} IN ({values})"
        case Like():
            return f"{_name(expression.field)} LIKE {_value(expression.pattern, show)}"
        case IsNull():
            return f"{_name(expression.field)} IS {'NOT ' if expression.negated else ''}NULL"
        case _:
            assert_never(expression)


def _grouped(
    condition: Expression, show: Callable[[object], str], bracketed: type | UnionType
) -> str:
    text = render(condition, show)
    return f"({text})" if isinstance(condition, bracketed) else text


def _name(field: str) -> str:
    if re.fullmatch(NAME, field) and field.upper() not in KEYWORDS:
        return field
    return "`" + field.replace("`", "``") + "`"


def _value(value: Value, show: Callable[[object], str]) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            return f"'{_escaped(value)}'"
        case datetime():
            return f"'{value.astimezone(UTC).isoformat().replace('+00:00', 'Z')}'"
        case Template():
            return _template(value, show)
        case _:
            assert_never(value)


def _template(template: Template, show: Callable[[object], str]) -> str:
    if not template.quoted:
        return "".join(show(part) for part in template.parts)
    inner = (_escaped(part) if isinstance(part, str) else show(part) for part in template.parts)
    return f"'{''.join(inner)}'"


def _escaped(text: str) -> str:
    return text.replace("'", "''")
