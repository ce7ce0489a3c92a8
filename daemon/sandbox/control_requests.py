"""Control requests: how the sandbox's own paths read what they are asked, and say what is wrong."""

import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, TypeAlias

from aiohttp import web

from daemon.sandbox.dates import written
from daemon.sandbox.refusals import BadRequest, Refusal, Unknown

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def explain_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answers the control paths' errors with their sentence as JSON."""
    try:
        return await handler(request)
    except Unknown as error:
        return web.json_response({"message": str(error)}, status=404)
    except (BadRequest, Refusal) as error:
        return web.json_response({"message": str(error)}, status=400)


async def read_object(request: web.Request) -> dict[str, Any]:
    """The JSON object of a control request; the standard reader lets lone surrogates through."""
    try:
        given = json.loads(await request.read() or b"{}")
    except ValueError as error:
        raise BadRequest(f"the body is not JSON: {error}") from error
    if not isinstance(given, dict):
        raise BadRequest("the body must be a JSON object")
    return given


def read_instant(text: Any) -> datetime:
    """An instant in a control request; without a zone it is UTC. Raises BadRequest."""
    instant = written(text) if isinstance(text, str) else None
    if instant is None:
        raise BadRequest(f"{text!r} is not an instant")
    return instant


def read_number(request: web.Request, name: str, default: int) -> int:
    """A whole number of the query string. Raises BadRequest."""
    text = request.query.get(name, str(default))
    if not text.isdigit():
        raise BadRequest(f"{name} must be a number")
    return int(text)
