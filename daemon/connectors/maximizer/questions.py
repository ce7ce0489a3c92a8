"""PURE: the bodies of Octopus calls: what is read of which records, and what is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from daemon.connectors.connector import Order, Query
from daemon.connectors.maximizer.criteria import SearchQuery
from daemon.connectors.maximizer.resources import COMPATIBILITY, KEY, Resource, Scope


def scope(resource: Resource, query: Query) -> Scope:
    """The fields to read: those to compare, and whatever else is needed."""
    extra = [*query.also, *([query.id_field] if query.id_field else [])]
    return {**_chosen(resource, query), **_named(resource, extra)}


def uncompared(resource: Resource, query: Query) -> frozenset[str]:
    """The fields that are read for their dates or ids alone."""
    compared = _chosen(resource, query).keys()
    extra = scope(resource, query).keys() - compared
    return frozenset(extra | {name.partition("/")[0] for name in extra} - compared)


def _chosen(resource: Resource, query: Query) -> Scope:
    """The fields of the resource or the query."""
    return resource.scope if query.fields is None else _named(resource, (KEY, *query.fields))


def read_body(
    resource: Resource, query: Query, search: SearchQuery, fields: Scope, page_size: int
) -> bytes:
    """The body of a Read."""
    order = [
        {_path(each.name): "DESC" if each.descending else "ASC"}
        for each in query.order or _default_order(resource)
        if resource.sorts_by_key or each.name.casefold() != KEY.casefold()
    ]
    section = {
        "Scope": {"Fields": dict(fields)},
        "Criteria": {"SearchQuery": search},
        "OrderBy": {"PageKey": query.page_key, "PageSize": page_size, "Fields": order},
    }
    return orjson.dumps(
        {
            resource.object_name: section,
            "Compatibility": dict(COMPATIBILITY),
            "Configuration": {"Drivers": dict(resource.drivers)},
        }
    )


def create_body(resource: Resource, fields: Mapping[str, Any]) -> bytes:
    """The body of a Create; the resource's entry type is filled in where none is given."""
    data = {KEY: None, **_without_key(fields)}
    if resource.entry_type is not None and not any(name.casefold() == "type" for name in data):
        data["Type"] = resource.entry_type
    return _write_body(resource, data)


def update_body(resource: Resource, key: str, fields: Mapping[str, Any]) -> bytes:
    """The body of an Update."""
    return _write_body(resource, {KEY: key, **_without_key(fields)})


def delete_body(resource: Resource, key: str) -> bytes:
    """The body of a Delete."""
    return _write_body(resource, {KEY: key})


def _write_body(resource: Resource, data: Mapping[str, Any]) -> bytes:
    return orjson.dumps(
        {resource.object_name: {"Data": data}, "Compatibility": dict(COMPATIBILITY)}
    )


def _without_key(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: value for name, value in fields.items() if name.casefold() != KEY.casefold()}


def _default_order(resource: Resource) -> Sequence[Order]:
    """By date, oldest first; the key makes the order of equal dates certain."""
    date = resource.updated or resource.created
    return [Order(name=name) for name in (date, KEY) if name is not None]


def _named(resource: Resource, names: Sequence[str]) -> Scope:
    """The fields by name as Maximizer spells them, composites with the parts we know."""
    native = {name.casefold(): name for name in resource.scope}
    chosen: dict[str, Any] = {}
    for name in names:
        path = _path(name)
        spelled = native.get(path.casefold())
        if spelled is not None:
            chosen[spelled] = resource.scope[spelled]
        else:
            chosen[path] = 1
    return chosen


def _path(name: str) -> str:
    return name if "$" in name else name.replace(".", "/")
