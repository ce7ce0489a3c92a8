"""The parameters of the API description, and the headers of its answers."""

from __future__ import annotations

from collections.abc import Mapping

from daemon.admin.openapi_event_parameters import EVENT_PARAMETERS, PAGED_CALLS
from daemon.admin.openapi_parts import TEXT, TEXTS, Schema


def _query(name: str, schema: Schema, description: str = "", *, required: bool = False) -> Schema:
    described = {"description": description} if description else {}
    return {"in": "query", "name": name, "schema": schema, "required": required, **described}


PARAMETERS: Mapping[tuple[str, str], list[Schema]] = {
    ("GET", "/readyz"): [
        {
            "in": "query",
            "name": "verbose",
            "schema": TEXT,
            "allowEmptyValue": True,
            "description": "Lists all checks.",
        }
    ],
    ("GET", "/instances"): [
        _query("tags[]", TEXTS, "Only instances with all of these tags."),
        _query("searchText", TEXT, "Only instances whose name holds this text, in any case."),
        _query("page", {"type": "integer", "minimum": 1, "default": 1}),
        _query("pageSize", {"type": "integer", "minimum": 1, "maximum": 1000, "default": 200}),
    ],
    ("GET", "/elements/{element}/oauth/url"): [
        _query("apiKey", TEXT, "The client id.", required=True),
        _query("apiSecret", TEXT, "The client secret; it is not needed here."),
        _query("callbackUrl", TEXT, "Where the provider sends the code.", required=True),
        _query("state", TEXT, "Comes back with the code; the element's key if not given."),
        _query("maximizer.alias", TEXT, "Needed if an address in use holds {alias}."),
        _query("maximizer.datacenter", TEXT, "The part that {datacenter} stands for."),
    ],
    ("GET", "/elements/{element}/oauth/callback"): [
        _query("code", TEXT, "The code, if consent was given."),
        _query("state", TEXT, "What POST .../oauth/state answered; it is good once."),
        _query("error", TEXT, "Why there is no code."),
    ],
    ("GET", "/hubs/{hub}/{resource}"): [
        _query("where", TEXT, "CEQL, such as LastName LIKE 'D%' AND Type='Contact'."),
        _query("fields", TEXT, "Names with commas between them; all if not given."),
        _query("page", {"type": "integer", "minimum": 1, "default": 1}),
        _query("pageSize", {"type": "integer", "minimum": 1, "maximum": 1000}),
        _query("nextPage", TEXT, "The Elements-Next-Page-Token of the page before."),
    ],
    ("GET", "/hubs/{hub}/{resource}/{record:.+}"): [
        _query("fields", TEXT, "Names with commas between them; all if not given."),
    ],
    ("POST", "/instances"): [{"$ref": "#/components/parameters/IdempotencyKey"}],
    ("POST", "/elements/{element}/instances"): [{"$ref": "#/components/parameters/IdempotencyKey"}],
    **EVENT_PARAMETERS,
}
"""The parameters of a call besides those in its address."""

IDEMPOTENCY_KEY: Schema = {
    "in": "header",
    "name": "Idempotency-Key",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "description": "The same key with the same body gets the first answer again for 24 hours.",
}


def _header(schema: Schema, description: str) -> Schema:
    return {"schema": schema, "description": description}


_COUNTS: Mapping[str, Schema] = {
    "Elements-Returned-Count": _header({"type": "integer"}, "How many this answer has."),
    "Elements-Total-Count": _header({"type": "integer"}, "How many there are, where known."),
    "Link": _header(TEXT, "The next page, if there is one (RFC 8288)."),
}

_PAGE: Mapping[str, Schema] = {
    **_COUNTS,
    "Elements-Next-Page-Token": _header(TEXT, "What nextPage takes, if there is more."),
}

HEADERS: Mapping[tuple[str, str], Mapping[str, Schema]] = {
    ("GET", "/instances"): _COUNTS,
    **dict.fromkeys((("GET", "/hubs/{hub}/{resource}"), *PAGED_CALLS), _PAGE),
}
"""The headers of an answer besides those that all have."""
