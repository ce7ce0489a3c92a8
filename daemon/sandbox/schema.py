"""The schema: what a Read of the object `Schema` tells of the others."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from daemon.sandbox.catalogue import OBJECTS
from daemon.sandbox.objects import Field, ObjectType
from daemon.sandbox.profile import Profile
from daemon.sandbox.projection import Row
from daemon.sandbox.refusals import Refusal, UnknownField

SHORTENED = 10
"""Rows of a schema that a tenant tells only a part of."""


def read_schema(section: Mapping[str, Any], profile: Profile) -> list[dict[str, Any]]:
    """Rows for the keys asked for by `$TREE` or `$EQ`, fields in the request's casing."""
    if profile.schema == "unsupported":
        raise Refusal("The object 'Schema' is not supported")
    parts = {name.lower(): value for name, value in section.items()}
    criteria = {name.lower(): value for name, value in (parts.get("criteria") or {}).items()}
    wanted = _wanted(criteria.get("searchquery") or {})
    scope = {name.lower(): value for name, value in (parts.get("scope") or {}).items()}
    names = list(scope.get("fields") or {})
    rows = [_named(names, row) for row in _rows(profile) if wanted(row["key"].lower())]
    return rows if profile.schema == "whole" else rows[:SHORTENED]


def _wanted(query: Mapping[str, Any]) -> Callable[[str], bool]:
    conditions = {name.lower(): value for name, value in query.items()}
    condition = conditions.get("key")
    if condition is None:
        return lambda _: True
    if not isinstance(condition, Mapping) or len(condition) != 1:
        raise Refusal("Schema: Key needs exactly one operator")
    ((operator, operand),) = condition.items()
    path = str(operand).lower().rstrip("/")
    match operator.upper():
        case "$TREE":
            return lambda key: key.startswith(path + "/")
        case "$EQ":
            return lambda key: key == path
        case _:
            raise Refusal(f"The operator {operator} is not supported for the field 'Key'")


def _rows(profile: Profile) -> Iterator[Row]:
    missing, hidden = _folded(profile.missing_fields), _folded(profile.hidden_abilities)
    not_queryable = hidden | _folded(profile.not_queryable)
    for object_type in OBJECTS.values():
        for field in object_type.fields.values():
            path = f"{object_type.name}/{field.name}".lower()
            if path not in missing and path.rpartition("/")[0] not in missing:
                row = _row(object_type, field)
                row["sortable"] &= path not in hidden
                row["queryable"] &= path not in not_queryable
                yield row


def _folded(paths: tuple[str, ...]) -> frozenset[str]:
    return frozenset(path.lower() for path in paths)


def _row(object_type: ObjectType, field: Field) -> Row:
    return {
        "key": f"/{object_type.name}/{field.name}",
        "alias": [field.name],
        "type": field.kind.value,
        "name": field.name,
        "appliesto": [object_type.name],
        "sortable": field.sortable,
        "queryable": field.queryable,
        "nullable": not field.mandatory,
        "mandatory": field.mandatory,
        "assignable": field.assignable,
        "displayvalue": field.name,
        "inactive": False,
    }


def _named(names: list[str], row: Row) -> Row:
    unknown = [name for name in names if name.lower() not in row]
    if unknown:
        raise UnknownField("Schema", unknown[0])
    return {name: row[name.lower()] for name in names}
