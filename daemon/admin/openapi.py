"""The description of the API in OpenAPI 3.1, made of the very table that routes it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from aiohttp import web

from daemon import __version__
from daemon.admin.access import Access
from daemon.admin.messages import answer
from daemon.admin.openapi_events import EVENT_OPTIONAL_BODIES, STREAMS
from daemon.admin.openapi_parameters import HEADERS, IDEMPOTENCY_KEY, PARAMETERS
from daemon.admin.openapi_parts import Schema, reference
from daemon.admin.openapi_polling import OPTIONAL_BODIES
from daemon.admin.openapi_schemas import SCHEMAS

if TYPE_CHECKING:
    from daemon.admin.routes import Route

DESCRIPTION = web.AppKey("description", dict[str, Any])

_PATH_PARAMETER = re.compile(r"\{(\w+)(?::[^{}]*(?:\{[^{}]*\}[^{}]*)*)?\}")
_OPEN_PROBLEMS = (400, 404, 406)
_PROBLEMS = (400, 401, 403, 404, 406, 409, 413, 415, 429, 500, 502, 503, 504)


async def describe(request: web.Request) -> web.Response:
    """GET /openapi.json"""
    return answer(request.app[DESCRIPTION])


def build_description(
    routes: Iterable[Route], prefixed: Iterable[Route], prefix: str
) -> dict[str, Any]:
    """The whole document: `routes` as they are, `prefixed` under the prefix too."""
    paths: dict[str, dict[str, Any]] = {}
    for route, before in [
        *((route, "") for route in routes),
        *((route, prefix) for route in prefixed),
    ]:
        path = before + _PATH_PARAMETER.sub(r"{\1}", route.path)
        operation = _operation(route)
        paths.setdefault(path, {})[route.method.lower()] = {
            "operationId": _operation_id(route.method, path),
            **operation,
        }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "pollhook",
            "version": __version__,
            "description": "Turns a CRM that can only be polled into one that calls you.",
        },
        "paths": paths,
        "components": {
            "schemas": dict(SCHEMAS),
            "parameters": {"IdempotencyKey": IDEMPOTENCY_KEY},
            "securitySchemes": {
                "secrets": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "`User <user secret>, Organization <organization secret>`, or"
                    " `User <user secret>, Element <instance token>`",
                },
                "session": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The `token` that `POST /authentication` answers",
                },
            },
        },
    }


def _operation_id(method: str, path: str) -> str:
    """A name for programs that are generated: `getInstancesByIdState`."""
    words = re.findall(r"\w+", path.replace("{", "by_").replace("/", " "))
    parts = [part for word in words for part in re.split(r"[_-]", word)]
    return method.lower() + "".join(part[:1].upper() + part[1:] for part in parts)


def _operation(route: Route) -> dict[str, Any]:
    in_address = [
        {"in": "path", "name": name, "required": True, "schema": {"type": "string"}}
        for name in _PATH_PARAMETER.findall(route.path)
    ]
    operation: dict[str, Any] = {
        "summary": route.summary,
        "parameters": [*in_address, *PARAMETERS.get((route.method, route.path), [])],
        "responses": {
            **_success(route),
            **{
                str(status): _PROBLEM
                for status in (_OPEN_PROBLEMS if route.access is Access.OPEN else _PROBLEMS)
            },
        },
    }
    if route.takes is not None:
        required = route.takes not in OPTIONAL_BODIES | EVENT_OPTIONAL_BODIES
        operation["requestBody"] = {"required": required, "content": _content(route.takes)}
    if route.access is not Access.OPEN:
        schemes = ("secrets",) if route.access is Access.HUB else ("secrets", "session")
        operation["security"] = [{scheme: []} for scheme in schemes]
    return operation


def _success(route: Route) -> dict[str, Any]:
    if route.answers == "Redirect":
        location = {"schema": {"type": "string", "format": "uri-reference"}}
        return {"303": {"description": "To the page", "headers": {"Location": location}}}
    return {
        "200": {
            "description": "Done",
            "headers": dict(HEADERS.get((route.method, route.path), {})),
            "content": _content(route.answers),
        }
    }


def _content(name: str) -> Schema:
    if name == "Metrics":
        return {"text/plain": {"schema": {"type": "string"}}}
    if name == "Page":
        return {"text/html": {"schema": {"type": "string"}}}
    kind = "text/event-stream" if name in STREAMS else "application/json"
    return {kind: {"schema": reference(name)}}


_PROBLEM = {
    "description": "A problem, in words",
    "content": {"application/json": {"schema": reference("Problem")}},
}
