"""The posting: one POST and its answer over a pooled connection, the request written in one piece.

A session spends most of a small call on what callbacks do not need: header maps, cookies, a task
for the body. Notifications are many small posts to few addresses, so what stays the same is
prepared once for each. Connections (look-up, TLS, keep-alive) and the reading of answers are
aiohttp's.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from weakref import WeakSet

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http import RawResponseMessage
from yarl import URL

from daemon.outbound.deadlines import Deadlines

AT_HAND_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An address with what never changes about it: the request by which the pool knows its
    connections, their key, and the first lines of each request.
    """

    request: aiohttp.ClientRequest
    key: Hashable
    head: str


@dataclass(slots=True)
class Parts:
    """What a request says besides its first lines."""

    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class Limits:
    """How long a call may take, how much of its answer is read, and whether it does no harm that
    the other side gets it twice.
    """

    timeout: aiohttp.ClientTimeout
    max_bytes: int
    may_repeat: bool

    @property
    def total_seconds(self) -> float:
        """Everything from the way to the address to the last byte of the answer."""
        return self.timeout.total or math.inf


@dataclass(slots=True, kw_only=True)
class Reply:
    """An answer of any status; `truncated` tells that its body went on past the cap."""

    message: RawResponseMessage
    body: bytes
    truncated: bool


@dataclass(slots=True)
class _Call:
    target: Target
    request: bytes
    limits: Limits
    ends_at: float


def make_target(url: str) -> Target:
    """Prepare posts to a URL; needs the running loop. Raises ValueError or
    aiohttp.InvalidURL for what is none, aiohttp.NonHttpUrlClientError for another scheme.
    """
    address = URL(url)
    if address.scheme not in ("http", "https"):
        raise aiohttp.NonHttpUrlClientError(address)
    request = aiohttp.ClientRequest("POST", address, loop=asyncio.get_running_loop())
    lines = (f"POST {request.url.raw_path_qs} HTTP/1.1", f"Host: {request.headers['Host']}")
    head = "\r\n".join([*lines, "Accept: */*", "Accept-Encoding: identity"])
    return Target(request=request, key=request.connection_key, head=head)


class Poster:
    """Posts over the connections of one pool; the other is a pool that keeps none.

    Connections stay at hand between posts, since the way through the pool costs as much as signing.
    Now and then those not in use are given back to it, to grow old there.
    """

    def __init__(self, kept: aiohttp.BaseConnector, fresh: aiohttp.BaseConnector) -> None:
        self._loop = asyncio.get_running_loop()
        self._pool = kept
        self._fresh = fresh
        self._deadlines = Deadlines()
        self._used = WeakSet[ResponseHandler]()
        self._at_hand: dict[Hashable, list[Connection]] = {}
        self._giving_back: asyncio.TimerHandle | None = None

    def close(self) -> None:
        """Leave the connections to the pool; before that is closed."""
        if self._giving_back is not None:
            self._giving_back.cancel()
            self._give_back()

    async def post(self, target: Target, parts: Parts, limits: Limits) -> Reply:
        """Make one call and read its answer. Redirects, cookies and proxies are not used.

        The other side may close a connection that it has kept long enough just as it is used again.
        That says nothing about the call, which then may be repeated once on a new one. Raises what
        aiohttp raises, TimeoutError, and ValueError for headers that would break the request.
        """
        ends_at = self._loop.time() + limits.total_seconds
        call = _Call(target, _write(target, parts), limits, ends_at)
        was_used, connection = True, self._take(target)
        if connection is None:
            connection = await self._from_pool(call)
            was_used = connection.protocol in self._used
        try:
            return await self._exchange(connection, call)
        except (aiohttp.ClientConnectionError, ConnectionError) as error:
            if not (limits.may_repeat and was_used and _is_stale(error)):
                raise
        return await self._exchange(await _connect(self._fresh, call), call)

    async def _exchange(self, connection: Connection, call: _Call) -> Reply:
        """Write and read. The connection is kept unless something is left on it."""
        protocol, transport = connection.protocol, connection.transport
        if protocol is None or transport is None:
            _discard(connection)
            raise aiohttp.ServerDisconnectedError
        self._deadlines.begin(protocol, call.ends_at)
        try:
            # An answer packed in spite of what was asked for is an answer all the same.
            protocol.set_response_params(read_until_eof=True, auto_decompress=False)
            transport.write(call.request)
            message, content = await protocol.read()
            while message.code < 200 and message.code != 101:  # not yet the answer
                message, content = await protocol.read()
            body, truncated = await read_up_to(content, call.limits.max_bytes)
        except BaseException as error:
            in_time = self._deadlines.end(protocol)
            _discard(connection)
            if not in_time and isinstance(error, (aiohttp.ClientError, OSError)):
                raise TimeoutError from error
            raise
        self._deadlines.end(protocol)
        if truncated or transport.get_write_buffer_size():
            _discard(connection)
        else:
            self._keep(connection, call.target)
        return Reply(message=message, body=body, truncated=truncated)

    async def _from_pool(self, call: _Call) -> Connection:
        while True:
            connection = await _connect(self._pool, call)
            protocol = connection.protocol
            if protocol is None or protocol not in self._used or not protocol.should_close:
                return connection
            connection.release()  # it has said what nobody has asked for

    def _take(self, target: Target) -> Connection | None:
        """One that is at hand, unless it has ended or said what nobody has asked for."""
        at_hand = self._at_hand.get(target.key)
        while at_hand:
            connection = at_hand.pop()
            protocol = connection.protocol
            if protocol is not None and protocol.is_connected() and not protocol.should_close:
                return connection
            connection.release()
        return None

    def _keep(self, connection: Connection, target: Target) -> None:
        protocol = connection.protocol
        if protocol is None or protocol.should_close or self._pool.closed:
            connection.release()
            return
        self._at_hand.setdefault(target.key, []).append(connection)
        if self._giving_back is None:
            self._giving_back = self._loop.call_later(AT_HAND_SECONDS, self._give_back)

    def _give_back(self) -> None:
        self._giving_back = None
        for connections in self._at_hand.values():
            for connection in connections:
                if connection.protocol is not None:
                    self._used.add(connection.protocol)
                connection.release()
        self._at_hand.clear()


async def _connect(pool: aiohttp.BaseConnector, call: _Call) -> Connection:
    async with asyncio.timeout_at(call.ends_at):
        try:
            return await pool.connect(call.target.request, [], call.limits.timeout)
        except TimeoutError as error:
            raise aiohttp.ConnectionTimeoutError from error


def _is_stale(error: Exception) -> bool:
    """Whether a connection ended before anything of an answer had come."""
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return isinstance(error.message, str)  # else it is the head as far as it came
    return not isinstance(error, aiohttp.ClientPayloadError)


def _write(target: Target, parts: Parts) -> bytes:
    lines = [target.head]
    lines += [f"{name}: {value}" for name, value in parts.headers.items()]
    lines.append(f"Content-Length: {len(parts.body)}\r\n\r\n")
    head = "\r\n".join(lines)
    ends = target.head.count("\n") + len(lines) + 1
    if head.count("\n") != ends or head.count("\r") != ends or "\0" in head:
        raise ValueError("A header holds a line break")
    return head.encode() + parts.body


def _discard(connection: Connection) -> None:
    """End it at once; an orderly end would wait until the other side has read what was written."""
    if connection.protocol is not None:
        connection.protocol.abort()
    connection.close()


async def read_up_to(content: aiohttp.StreamReader, max_bytes: int) -> tuple[bytes, bool]:
    """A body up to the cap, and whether more was to come: then its connection is to be closed."""
    chunks: list[bytes] = []
    left = max_bytes
    while left >= 0 and (chunk := await content.readany()):
        chunks.append(chunk[:left])
        left -= len(chunk)
    return b"".join(chunks), left < 0
