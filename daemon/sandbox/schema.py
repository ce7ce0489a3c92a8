"""The schema: what a Read of the object `Schema` tells of the others."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from daemon.sandbox.catalogue import OBJECTS
from daemon.sandbox.objects import Field, ObjectType
from daemon.sandbox.projection import Row
from daemon.sandbox.refusals import Refusal, UnknownField


def read_schema(
    section: Mapping[str, Any], is_hidden: Callable[[str, str], bool]
) -> list[dict[str, Any]]:
    """Rows for the keys asked for by `$TREE` or `$EQ`, fields in the request's casing.

    `is_hidden(object, field)` tells the fields that can be neither queried nor sorted by.
    """
    parts = {name.lower(): value for name, value in section.items()}
    criteria = {name.lower(): value for name, value in (parts.get("criteria") or {}).items()}
    wanted = _wanted(criteria.get("searchquery") or {})
    scope = {name.lower(): value for name, value in (parts.get("scope") or {}).items()}
    names = list(scope.get("fields") or {})
    return [_named(names, row) for row in _rows(is_hidden) if wanted(row["key"].lower())]


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


def _rows(is_hidden: Callable[[str, str], bool]) -> Iterator[Row]:
    for object_type in OBJECTS.values():
        for field in object_type.fields.values():
            yield _row(object_type, field, is_hidden(object_type.name, field.name))


def _row(object_type: ObjectType, field: Field, hidden: bool) -> Row:
    return {
        "key": f"/{object_type.name}/{field.name}",
        "alias": [field.name],
        "type": field.kind.value,
        "name": field.name,
        "appliesto": [object_type.name],
        "sortable": field.sortable and not hidden,
        "queryable": field.queryable and not hidden,
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
