"""The documentation of the API for people: the description that programs get, as one page."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import groupby
from typing import Any

from aiohttp import web

from daemon.admin.openapi import DESCRIPTION
from daemon.admin.openapi_parts import Schema
from daemon.admin.ui.pages import SECURITY_HEADERS

Description = dict[str, Any]
Call = tuple[str, str, Mapping[str, Any]]
"""Method, path and operation."""

_HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>pollhook API</title>
<link rel="icon" href="/ui/assets/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/ui/assets/tokens.css">
<link rel="stylesheet" href="/ui/assets/page.css">
<link rel="stylesheet" href="/ui/assets/docs.css">
</head>
<body>
<main class="docs">
"""
_INTRODUCTION = """<p>{description}</p>
<p>Every call of the platform is served under <code>{prefix}</code> and, identically, without that
prefix. Most want <code>Authorization: User &lt;user secret&gt;, Organization &lt;organization
secret&gt;</code>; calls about one instance also take <code>User &lt;user secret&gt;, Element
&lt;instance token&gt;</code>. A problem is a status and JSON with <code>requestId</code> and
<code>message</code>; 400 lists all <code>faults</code>. For programs there is
<a href="/openapi.json">openapi.json</a>.</p>
"""


async def show(request: web.Request) -> web.Response:
    """GET /docs"""
    return web.Response(
        text=render(request.app[DESCRIPTION]), content_type="text/html", headers=SECURITY_HEADERS
    )


def render(description: Description, prefix: str = "/elements/api-v2") -> str:
    """The whole page; calls under the prefix are told of once, without it."""
    calls: list[Call] = [
        (method.upper(), path, operation)
        for path, operations in description["paths"].items()
        if not path.startswith(prefix)
        for method, operation in operations.items()
    ]
    calls.sort(key=lambda call: (_group(call[1]), call[1]))
    groups = {name: list(members) for name, members in groupby(calls, lambda call: _group(call[1]))}
    info = description["info"]
    introduction = _INTRODUCTION.format(description=escape(info["description"]), prefix=prefix)
    schemas: Mapping[str, Schema] = description["components"]["schemas"]
    return "".join(
        (
            _HEAD,
            f"<h1>{escape(info['title'])} API {escape(info['version'])}</h1>\n{introduction}",
            _contents(groups),
            *(_section(name, members) for name, members in groups.items()),
            _schemas(schemas),
            "</main>\n</body>\n</html>\n",
        )
    )


def _group(path: str) -> str:
    return path.split("/")[1]


def _contents(groups: Mapping[str, Sequence[Call]]) -> str:
    links = "".join(
        f'<li><a href="#{name}">{name}</a> {len(members)}</li>' for name, members in groups.items()
    )
    return (
        f'<nav aria-label="Contents"><ul>{links}<li><a href="#schemas">schemas</a></li></ul></nav>'
    )


def _section(name: str, calls: Sequence[Call]) -> str:
    inner = "".join(_call(*call) for call in calls)
    return f'<section class="panel" id="{name}"><header><h2>{name}</h2></header>{inner}</section>\n'


def _call(method: str, path: str, operation: Mapping[str, Any]) -> str:
    anchor = re.sub(r"[^a-z0-9]+", "-", f"{method}{path}".lower()).strip("-")
    success = next(iter(operation["responses"].values()))
    parts = [
        "" if "security" in operation else "<p>Answered without credentials.</p>",
        _parameters(operation["parameters"]),
        *(f"<p>Takes {kind}.</p>" for kind in _contents_of(operation.get("requestBody"))),
        *(f"<p>Answers {kind}.</p>" for kind in _contents_of(success)),
        _rows("Header", success.get("headers", {})),
    ]
    called = f'<b class="method">{method}</b> <code>{escape(path)}</code>'
    return (
        f'<details id="{anchor}"><summary>{called}'
        f' {escape(operation["summary"])}</summary><div class="body stack">{"".join(parts)}</div>'
        "</details>"
    )


def _parameters(parameters: Sequence[Mapping[str, Any]]) -> str:
    named = [each for each in parameters if "name" in each]
    referred = [each["$ref"].rpartition("/")[2] for each in parameters if "$ref" in each]
    rows = "".join(
        f"<tr><td><code>{escape(each['name'])}</code></td><td>{each['in']}</td>"
        f"<td>{_kind(each.get('schema', {}))}</td>"
        f"<td>{_prose(each.get('description', ''))}</td></tr>"
        for each in named
    )
    rows += "".join(
        f"<tr><td>{escape(name)}</td><td>header</td><td></td><td></td></tr>" for name in referred
    )
    head = "<tr><th>Parameter</th><th>in</th><th>Type</th><th>Meaning</th></tr>"
    return f"<table>{head}{rows}</table>" if rows else ""


def _contents_of(body: Mapping[str, Any] | None) -> Iterator[str]:
    for media, content in (body or {}).get("content", {}).items():
        yield f"{_kind(content.get('schema', {}))} as <code>{escape(media)}</code>"


def _schemas(schemas: Mapping[str, Schema]) -> str:
    inner = "".join(
        f'<details id="schema-{name}"><summary><code>{name}</code></summary>'
        f'<div class="body stack">{_schema(schema)}</div></details>'
        for name, schema in sorted(schemas.items())
    )
    return (
        f'<section class="panel" id="schemas"><header><h2>schemas</h2></header>{inner}</section>\n'
    )


def _schema(schema: Schema) -> str:
    members = schema.get("properties", {})
    table = _rows("Member", members, frozenset(schema.get("required", ())))
    return f"<p>{_kind(schema)}</p>{_prose(schema.get('description', ''))}{table}"


def _rows(what: str, members: Mapping[str, Schema], always: frozenset[str] = frozenset()) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code>{' always' if name in always else ''}</td>"
        f"<td>{_kind(member.get('schema', member))}</td>"
        f"<td>{_prose(member.get('description', ''))}</td></tr>"
        for name, member in members.items()
    )
    head = f"<tr><th>{what}</th><th>Type</th><th>Meaning</th></tr>"
    return f"<table>{head}{rows}</table>" if rows else ""


def _kind(schema: Schema) -> str:
    """The type in words; what has a name is a link to it."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f'<a href="#schema-{name}">{name}</a>'
    if "enum" in schema:
        return " or ".join(f"<code>{escape(str(value))}</code>" for value in schema["enum"])
    for key in ("oneOf", "anyOf"):
        if key in schema:
            return " or ".join(_kind(each) for each in schema[key])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    kinds = schema.get("type", "anything")
    words = kinds if isinstance(kinds, str) else " or ".join(kinds)
    return words + (f" ({schema['format']})" if "format" in schema else "")


def _prose(text: str) -> str:
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", escape(text, quote=False))
