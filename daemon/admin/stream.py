"""The stream: new events as they are written, by Server-Sent Events, resumable without a gap."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import orjson
import structlog
from aiohttp import web

from daemon.admin.access import CALLER, authenticate
from daemon.admin.context import CONTEXT, AdminContext
from daemon.admin.event_views import render_event
from daemon.admin.messages import refuse
from daemon.admin.paging import check_query
from daemon.admin.problems import Unauthorized
from daemon.errors import DatabaseUnavailable, NotFound, RateLimited
from daemon.instance import InstanceId, OrganizationId
from daemon.notifications.records import EPOCH
from daemon.store import events
from daemon.store.recorded import Place, RecordedEvent, Scope

log = structlog.get_logger(__name__)

STREAMS_AT_MOST = 32
"""Per organization: each of them asks the database twice a second."""

LOOK_SECONDS = 0.5
HEARTBEAT_SECONDS = 15.0
EVENTS_AT_ONCE = 200
WRITE_SECONDS = 30.0
"""A client that takes nothing for so long is let go; it resumes where it was."""

RESUME = "Last-Event-ID"
_MICROSECOND = timedelta(microseconds=1)
_HEADERS = {"Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no"}


class Streams:
    """Counts open streams, and ends them when the server does."""

    def __init__(self) -> None:
        self._open: Counter[OrganizationId] = Counter()
        self._ending = asyncio.Event()

    @contextlib.contextmanager
    def admitted(self, organization_id: OrganizationId) -> Iterator[None]:
        """Inside, one stream more is open. Raises RateLimited if there are enough."""
        if self._open[organization_id] >= STREAMS_AT_MOST:
            raise RateLimited(
                f"{STREAMS_AT_MOST} event streams are open already: close one first.",
                retry_after=timedelta(seconds=HEARTBEAT_SECONDS),
            )
        self._open[organization_id] += 1
        try:
            yield
        finally:
            self._open[organization_id] -= 1

    async def rest(self) -> bool:
        """Wait until it is time to look again; False if the server ends."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS):
                await self._ending.wait()
        return not self._ending.is_set()

    async def end(self, _application: web.Application) -> None:
        """No stream outlives the server."""
        self._ending.set()


STREAMS = web.AppKey("streams", Streams)


def install_streams(application: web.Application) -> None:
    """Let an application have streams."""
    application[STREAMS] = Streams()
    application.on_shutdown.append(application[STREAMS].end)


async def stream_events(request: web.Request) -> web.StreamResponse:
    """GET /events/stream, `?instanceId=` for one instance: what is written from now on.

    With a Last-Event-ID (header, or `lastEventId` where a header cannot be set), what was written
    since that one.
    """
    check_query(request, ("instanceId", "lastEventId"))
    scope, streams = await _scope(request), request.app[STREAMS]
    database = request.app[CONTEXT].database
    place = _resumed(request)
    if place is None:
        place = Place(created_at=await events.horizon(database), event_id="")
    with streams.admitted(scope.organization_id):
        response = web.StreamResponse(headers=_HEADERS)
        await response.prepare(request)
        try:
            await _Tail(request, response, scope, place).follow(streams)
        except (ConnectionError, TimeoutError):
            log.debug("stream.client_gone")
    return response


class _Tail:
    """One open stream: where it is, and when it last said something."""

    def __init__(
        self, request: web.Request, response: web.StreamResponse, scope: Scope, place: Place
    ) -> None:
        self._request = request
        self._response = response
        self._scope = scope
        self._place = place
        self._beat_at = time.monotonic()

    async def follow(self, streams: Streams) -> None:
        """Until the client goes, is no longer let in, or the server ends."""
        await self._write(_mark(self._place))
        with contextlib.suppress(Unauthorized):
            while await self._catch_up() or await streams.rest():
                if time.monotonic() - self._beat_at >= HEARTBEAT_SECONDS:
                    await self._beat()

    async def _catch_up(self) -> bool:
        """Send what is new; answers whether there may be more at once."""
        context: AdminContext = self._request.app[CONTEXT]
        try:
            until = await events.horizon(context.database)
            found = await events.list_new(
                context.database, self._scope, self._place, until, EVENTS_AT_ONCE
            )
        except DatabaseUnavailable:
            return False
        if found:
            self._place = found[-1].place
            await self._write(b"".join(_message(event, context) for event in found))
        full = len(found) == EVENTS_AT_ONCE
        if not full and until > self._place.created_at:
            self._place = Place(created_at=until, event_id="")
        return full

    async def _beat(self) -> None:
        """Show that the stream lives, from where it would resume; the caller may have left."""
        with contextlib.suppress(DatabaseUnavailable):
            await authenticate(self._request)
        await self._write(_mark(self._place))

    async def _write(self, data: bytes) -> None:
        async with asyncio.timeout(WRITE_SECONDS):
            await self._response.write(data)
        self._beat_at = time.monotonic()


async def _scope(request: web.Request) -> Scope:
    caller = request[CALLER]
    text = request.query.get("instanceId", "")
    if not text:
        return Scope(organization_id=caller.user.organization_id, instance_id=caller.instance_id)
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise refuse("instanceId", "has to be the id of an instance")
    instance_id = InstanceId(int(text))
    if caller.instance_id not in (None, instance_id):
        raise NotFound(f"No instance found with id {instance_id}.")
    await request.app[CONTEXT].instances.get(caller.user.organization_id, instance_id)
    return Scope(organization_id=caller.user.organization_id, instance_id=instance_id)


def _resumed(request: web.Request) -> Place | None:
    """Where the client was. Raises InvalidInput for an id that is none of ours."""
    text = request.headers.get(RESUME) or request.query.get("lastEventId", "")
    if not text:
        return None
    number, _, event_id = text.partition(".")
    if not (number.isascii() and number.isdigit() and len(number) <= 17):
        raise refuse(RESUME, "is not the id of an event of this stream")
    return Place(created_at=EPOCH + int(number) * _MICROSECOND, event_id=event_id)


def _message(event: RecordedEvent, context: AdminContext) -> bytes:
    content = orjson.dumps(render_event(event, context.connectors))
    return b"id: %s\ndata: %s\n\n" % (_text(event.place), content)


def _mark(place: Place) -> bytes:
    """No message, but the client remembers the place and resumes there."""
    return b": here\nid: %s\n\n" % _text(place)


def _text(place: Place) -> bytes:
    return f"{(place.created_at - EPOCH) // _MICROSECOND}.{place.event_id}".encode()
