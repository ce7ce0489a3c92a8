"""Criteria: a SearchQuery made into a test of one record's fields."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from daemon.sandbox.comparison import Comparison, compile_comparison
from daemon.sandbox.dates import Frame
from daemon.sandbox.objects import Kind, ObjectType
from daemon.sandbox.records import Value
from daemon.sandbox.refusals import Refusal, UnknownField

Test: TypeAlias = Callable[[Mapping[str, Value]], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Between which stamps, both inclusive, everything lies that can pass the test."""

    low: datetime | None = None
    high: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """One Read's question about one object."""

    object_type: ObjectType
    frame: Frame
    sql_driver: bool
    hidden_abilities: tuple[str, ...] = ()
    not_queryable: tuple[str, ...] = ()

    def compile(self, query: Mapping[str, Any]) -> Test:
        """The test that a SearchQuery stands for. Raises Refusal for what it cannot ask."""
        return _all_of([self._part(name, operand) for name, operand in query.items()])

    def bounds(self, query: Mapping[str, Any]) -> Bounds:
        """What the conditions which must all hold say of the modification date."""
        low: datetime | None = None
        high: datetime | None = None
        for operator, operand in _required(query, "lastmodifydate"):
            if operator in ("$GE", "$GT"):
                span = self.frame.span(operand)
                low = span.low if low is None else max(low, span.low)
            if operator in ("$LE", "$LT"):
                span = self.frame.span(operand)
                high = span.high if high is None else min(high, span.high)
        return Bounds(low=low, high=high)

    def can(self, field_name: str) -> bool:
        """Whether the profile leaves the field its abilities to be queried and sorted by."""
        return not self._is_among(self.hidden_abilities, field_name)

    def _is_among(self, paths: tuple[str, ...], field_name: str) -> bool:
        path = f"{self.object_type.name}/{field_name}".lower()
        return any(path == each.lower() for each in paths)

    def _part(self, name: str, operand: Any) -> Test:
        match name.upper():
            case "$AND":
                return _all_of([self.compile(each) for each in _listed(name, operand)])
            case "$OR":
                return _any_of([self.compile(each) for each in _listed(name, operand)])
            case "$PHRASE":
                return self._phrase(str(operand))
            case _:
                return self._condition(name, operand)

    def _condition(self, name: str, operand: Any) -> Test:
        if name.startswith("$"):
            raise Refusal(f"The operator {name} is not supported")
        field = self.object_type.find(name)
        if field is None:
            raise UnknownField(self.object_type.name, name)
        comparison = self._comparison(name, operand)
        able = self.can(field.name) and not self._is_among(self.not_queryable, field.name)
        if not field.queryable or not able:
            raise Refusal(f"{self.object_type.name}/{field.name} cannot be used in a query")
        self._check_driver(field.needs_sql_driver, name, comparison.operator)
        holds = compile_comparison(field, comparison, self.frame)
        path = field.name
        return lambda fields: holds(fields.get(path))

    def _comparison(self, name: str, operand: Any) -> Comparison:
        if not isinstance(operand, Mapping):
            return Comparison(operator="$EQ", operand=operand)
        if len(operand) != 1:
            raise Refusal(f"'{name}' needs exactly one operator; use $AND for several")
        ((operator, value),) = operand.items()
        return Comparison(operator=operator.upper(), operand=value)

    def _check_driver(self, needs_sql_driver: bool, name: str, operator: str) -> None:
        if needs_sql_driver and not self.sql_driver and operator not in ("$EQ", "$RANGE"):
            raise Refusal(f"The operator {operator} is not supported for the field '{name}'")
        entry_type = self.object_type.name == "AbEntry" and name.lower() == "type"
        if entry_type and self.sql_driver and operator == "$NE":
            raise Refusal("The operator $NE is not available in the SQL driver yet")

    def _phrase(self, phrase: str) -> Test:
        wanted = phrase.lower()
        texts = [each.name for each in self.object_type.fields.values() if each.kind is Kind.TEXT]
        return lambda fields: any(wanted in str(fields.get(name) or "").lower() for name in texts)


def entry_types(query: Any) -> frozenset[str]:
    """The address book types a query asks for, in lower case; empty if it does not say."""
    asked: set[str] = set()
    for operator, operand in _required(query, "type"):
        if operator in ("$EQ", "$IN"):
            asked.update(str(each).lower() for each in _several(operand))
    return frozenset(asked)


def _required(query: Any, wanted: str) -> list[tuple[str, Any]]:
    """The conditions on one field that every row must meet, as operator and operand."""
    found: list[tuple[str, Any]] = []
    if not isinstance(query, Mapping):
        return found
    for name, operand in query.items():
        if name.upper() == "$AND" and isinstance(operand, list):
            found += [each for inner in operand for each in _required(inner, wanted)]
        elif name.lower() == wanted and isinstance(operand, Mapping) and len(operand) == 1:
            found += [(operator.upper(), value) for operator, value in operand.items()]
        elif name.lower() == wanted and not isinstance(operand, Mapping):
            found.append(("$EQ", operand))
    return found


def _several(operand: Any) -> list[Any]:
    return operand if isinstance(operand, list) else [operand]


def _listed(name: str, operand: Any) -> list[Mapping[str, Any]]:
    if not isinstance(operand, list) or not all(isinstance(each, Mapping) for each in operand):
        raise Refusal(f"{name} needs an array of conditions")
    return operand


def _all_of(tests: list[Test]) -> Test:
    if not tests:
        return lambda _: True
    first, *others = tests
    if not others:
        return first
    rest = _all_of(others)
    return lambda fields: first(fields) and rest(fields)


def _any_of(tests: list[Test]) -> Test:
    return lambda fields: any(test(fields) for test in tests)
