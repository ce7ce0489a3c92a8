"""PURE: the schema of one object: how it is asked for, and what its rows say of the fields.

A Read of the object `Schema`, as the vendor's collection has it: rows such as
`{"Key": "/AbEntry/LastModifyDate", "Sortable": true, "Queryable": true, ...}`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from daemon.connectors.facts import FieldFacts
from daemon.connectors.maximizer.answers import check, find_data, find_member, find_page_keys
from daemon.connectors.maximizer.parsing import parse_patiently
from daemon.connectors.maximizer.resources import COMPATIBILITY

SCHEMA = "Schema"
_ABILITIES = ("Sortable", "Queryable", "Nullable", "Assignable")
_FIELDS = ("Key", "Name", "Type", *_ABILITIES)
_VERSIONS = {**COMPATIBILITY, "SchemaObject": "1.0"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaPage:
    """A part of an object's schema: facts by path, and where the next page's key may stand."""

    facts: Mapping[str, FieldFacts]
    page_keys: Sequence[str]


def schema_body(object_name: str, page_key: str | None = None) -> bytes:
    """The body of the Read; without a page key it asks for no particular page, as samples do."""
    section: dict[str, Any] = {
        "Scope": {"Fields": dict.fromkeys(_FIELDS, 1)},
        "Criteria": {"SearchQuery": {"Key": {"$TREE": f"/{object_name}"}}},
    }
    if page_key is not None:
        section["OrderBy"] = {"PageKey": page_key}
    return orjson.dumps({SCHEMA: section, "Compatibility": _VERSIONS})


def read_schema(body: bytes, object_name: str) -> SchemaPage:
    """The facts of an answer. Raises MalformedAnswer, TokenRejected, RequestRefused and others."""
    content = check(parse_patiently(body))
    facts = dict(_facts(row, object_name) for row in find_data(content, SCHEMA))
    facts.pop("", None)
    return SchemaPage(facts=facts, page_keys=list(find_page_keys(content, SCHEMA).values()))


def _facts(row: Any, object_name: str) -> tuple[str, FieldFacts]:
    """A row's path below its object, empty for a row about something else, and what it says."""
    key = find_member(row, "Key") if isinstance(row, dict) else None
    parts = key.strip("/").split("/") if isinstance(key, str) else []
    if len(parts) < 2 or parts[0].casefold() != object_name.casefold():
        return "", FieldFacts()
    said = {name.casefold(): find_member(row, name) is not False for name in _ABILITIES}
    return "/".join(parts[1:]), FieldFacts(**said)
