"""Messages: JSON bodies and queries as they come in, JSON answers as they go out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from aiohttp import web

from daemon.admin.problems import UnsupportedMediaType
from daemon.errors import Fault, InvalidInput
from daemon.instance_configuration import why_unstorable
from daemon.notifications.records import iso_seconds

MAXIMUM_BODY_BYTES = 1024 * 1024
EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
"""No instant that a person means lies before it; arithmetic with earlier ones may overflow."""


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


async def read_optional_object(request: web.Request) -> Mapping[str, Any]:
    """The same, empty if there is no body."""
    return await read_object(request) if await request.read() else {}


def check_members(content: Collection[str], known: Collection[str]) -> None:
    """Raises InvalidInput for names that have no meaning here, in a body or a query."""
    faults = [
        Fault(field=name[:60], message=f"is not known here; known: {', '.join(known)}")
        for name in content
        if name not in known
    ]
    if faults:
        raise InvalidInput(faults)


def together(*checks: Callable[[], Any]) -> Sequence[Any]:
    """What each of these reads. Raises InvalidInput with the faults of all of them."""
    read: list[Any] = []
    faults: list[Fault] = []
    for check in checks:
        try:
            read.append(check())
        except InvalidInput as error:
            faults += error.faults
    if faults:
        raise InvalidInput(faults)
    return read


def read_flag(content: Mapping[str, Any], name: str) -> bool:
    """A member that is true or false, as itself or as a text. Raises InvalidInput."""
    value = content.get(name)
    if isinstance(value, bool) or value is None:
        return value is True
    if not isinstance(value, str) or value.strip().lower() not in ("true", "false"):
        raise refuse(name, "has to be true or false")
    return value.strip().lower() == "true"


def read_instant(content: Mapping[str, Any], name: str) -> datetime:
    """An instant in ISO 8601 with its offset. Raises InvalidInput."""
    value = content.get(name)
    if value is None:
        raise refuse(name, "is needed: an instant such as 2026-01-31T00:00:00Z")
    try:
        instant = datetime.fromisoformat(value.strip()) if isinstance(value, str) else None
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None or instant < EARLIEST:
        raise refuse(
            name,
            "has to be an instant such as 2026-01-31T00:00:00Z, with its offset,"
            f" not before {instant_text(EARLIEST)}",
        )
    return instant.astimezone(UTC)


def read_count(request: web.Request, name: str, default: int, maximum: int) -> int:
    """A whole number from 1 on in the query. Raises InvalidInput."""
    return whole_number(request.query, name, default=default, maximum=maximum)


def whole_number(given: Mapping[str, str], name: str, *, default: int, maximum: int) -> int:
    """A whole number from 1 on under a name, the default if it is missing. Raises InvalidInput."""
    text = given.get(name, "")
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
    return iso_seconds(instant) if instant else None


def refuse(field: str, message: str) -> InvalidInput:
    """One fault."""
    return InvalidInput([Fault(field=field, message=message)])
