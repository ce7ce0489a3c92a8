"""Messages: JSON bodies and queries as they come in, JSON answers as they go out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
from aiohttp import web

from daemon.admin.problems import UnsupportedMediaType
from daemon.errors import Fault, InvalidInput
from daemon.instance_configuration import why_unstorable

MAXIMUM_BODY_BYTES = 1024 * 1024


def check_address(request: web.Request) -> None:
    """Raises InvalidInput for an address with characters that no name and no text here can have."""
    if why_unstorable(request.path):
        raise refuse("path", "holds a character that cannot be stored")
    for name, text in request.query.items():
        if reason := why_unstorable(name) or why_unstorable(text):
            raise refuse(name.encode("ascii", "replace").decode(), reason)


async def read_object(request: web.Request) -> Mapping[str, Any]:
    """The JSON object in a request's body. Raises UnsupportedMediaType, InvalidInput."""
    if "Content-Type" in request.headers and request.content_type != "application/json":
        raise UnsupportedMediaType("Content-Type has to be application/json.")
    body = await request.read()
    try:
        content = orjson.loads(body)
    except ValueError as error:
        raise refuse("body", f"is not JSON ({error})") from error
    if not isinstance(content, dict):
        raise refuse("body", "has to be a JSON object")
    return content


def read_count(request: web.Request, name: str, default: int, maximum: int) -> int:
    """A whole number from 1 on in the query. Raises InvalidInput."""
    text = request.query.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and 1 <= len(text) <= 9 and int(text) >= 1):
        raise refuse(name, "has to be a whole number from 1 on")
    if int(text) > maximum:
        raise refuse(name, f"is above {maximum}")
    return int(text)


def answer(content: Any, *, headers: Mapping[str, str] | None = None) -> web.Response:
    """200 with JSON."""
    return web.Response(
        body=orjson.dumps(content), content_type="application/json", headers=headers
    )


def instant_text(instant: datetime | None) -> str | None:
    """An instant in ISO seconds with `Z`, as the platform API writes it."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if instant else None


def refuse(field: str, message: str) -> InvalidInput:
    """One fault."""
    return InvalidInput([Fault(field=field, message=message)])
