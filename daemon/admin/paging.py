"""The paging: lists that go on behind an opaque cursor, and what a call's events are limited to."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import orjson
from aiohttp import web

from daemon.admin.access import CALLER, target
from daemon.admin.context import CONTEXT
from daemon.admin.messages import answer, read_count, refuse
from daemon.errors import NotFound
from daemon.instance import InstanceId
from daemon.store.recorded import Place, Scope

DEFAULT_PAGE_SIZE = 100
MAXIMUM_PAGE_SIZE = 1000
CURSOR = "nextPage"
PAGE_PARAMETERS = (CURSOR, "pageSize")


async def read_scope(request: web.Request) -> Scope:
    """Whose things a call is about: one instance by id or token, else the whole organization.

    Raises NotFound for an instance that is not the caller's.
    """
    caller = request[CALLER]
    organization_id = caller.user.organization_id
    if "id" not in request.match_info:
        return Scope(organization_id=organization_id, instance_id=caller.instance_id)
    instance_id = target(request)
    await request.app[CONTEXT].instances.get(organization_id, instance_id)
    return Scope(organization_id=organization_id, instance_id=instance_id)


async def read_instance(request: web.Request) -> tuple[Scope, InstanceId]:
    """The one instance a call is about. Raises NotFound, Unauthorized if none is named."""
    instance_id = target(request)
    organization_id = request[CALLER].user.organization_id
    await request.app[CONTEXT].instances.get(organization_id, instance_id)
    return Scope(organization_id=organization_id, instance_id=instance_id), instance_id


def page_size(request: web.Request) -> int:
    """How many entries are asked for."""
    return read_count(request, "pageSize", DEFAULT_PAGE_SIZE, MAXIMUM_PAGE_SIZE)


def check_query(request: web.Request, known: Collection[str]) -> None:
    """Raises InvalidInput for a parameter that would be passed over in silence."""
    for name in request.query:
        if name not in known:
            raise refuse(name[:60], f"is not known here; known: {', '.join(known)}")


def read_cursor(request: web.Request, kind: str) -> Sequence[Any] | None:
    """What the cursor of the page before holds, None for the first page. Raises InvalidInput."""
    text = request.query.get(CURSOR, "")
    if not text:
        return None
    try:
        content = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError):
        content = None
    if not isinstance(content, list) or content[:1] != [kind]:
        raise refuse(CURSOR, "is not the cursor of a page of this list")
    return content[1:]


def read_place(request: web.Request) -> Place | None:
    """The event behind which a page begins. Raises InvalidInput."""
    content = read_cursor(request, "t")
    if content is None:
        return None
    try:
        instant, event_id = content
        return Place(created_at=datetime.fromisoformat(instant), event_id=str(event_id))
    except (TypeError, ValueError) as error:
        raise refuse(CURSOR, "is not the cursor of a page of this list") from error


def read_number(request: web.Request) -> int | None:
    """The number behind which a page begins. Raises InvalidInput."""
    content = read_cursor(request, "n")
    if content is None:
        return None
    if len(content) != 1 or not isinstance(content[0], int) or not 0 <= content[0] < 2**62:
        raise refuse(CURSOR, "is not the cursor of a page of this list")
    number: int = content[0]
    return number


def place_token(place: Place) -> str:
    """The cursor behind an event."""
    return _token(["t", place.created_at.isoformat(), place.event_id])


def number_token(number: int) -> str:
    """The cursor behind a number."""
    return _token(["n", number])


def answer_page(request: web.Request, entries: Sequence[Any], token: str | None) -> web.Response:
    """A page, and where the next one is if there is one."""
    headers = {"Elements-Returned-Count": str(len(entries))}
    if token is not None:
        kept = [(name, text) for name, text in request.query.items() if name != CURSOR]
        query = urlencode([*kept, (CURSOR, token)])
        headers["Elements-Next-Page-Token"] = token
        headers["Link"] = f'<{request.path}?{query}>; rel="next"'
    return answer(entries, headers=headers)


def read_number_in_path(request: web.Request, name: str, what: str) -> int:
    """A number in the address. Raises NotFound for what is none: nothing has such an id."""
    text = request.match_info[name]
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise NotFound(f"No {what} found with id {text[:60]}.")
    return int(text)


def _token(content: Sequence[Any]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(content)).rstrip(b"=").decode("ascii")
