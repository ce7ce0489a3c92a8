"""The posting: one POST and its answer over a pooled connection, the request written in one piece.

A session spends most of a small call on what callbacks do not need: header maps, cookies, a task
for the body. Notifications are many small posts to few addresses, so what stays the same is
prepared once for each. Connections (look-up, TLS, keep-alive) and the reading of answers are
aiohttp's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from weakref import WeakSet

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http import RawResponseMessage
from yarl import URL


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An address with what never changes about it: the request by which the pool knows its
    connections, and the first lines of each request.
    """

    request: aiohttp.ClientRequest
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer of any status; `truncated` tells that its body went on past the cap."""

    message: RawResponseMessage
    body: bytes
    truncated: bool


def make_target(url: str) -> Target:
    """Prepare posts to a URL; needs the running loop. Raises ValueError or
    aiohttp.InvalidURL for what is none, aiohttp.NonHttpUrlClientError for another scheme.
    """
    address = URL(url)
    if address.scheme not in ("http", "https"):
        raise aiohttp.NonHttpUrlClientError(address)
    request = aiohttp.ClientRequest("POST", address, loop=asyncio.get_running_loop())
    lines = (f"POST {request.url.raw_path_qs} HTTP/1.1", f"Host: {request.headers['Host']}")
    return Target(request=request, head="\r\n".join([*lines, "Accept: */*"]))


class Poster:
    """Posts over the connections of one pool; the other is a pool that keeps none."""

    def __init__(self, kept: aiohttp.BaseConnector, fresh: aiohttp.BaseConnector) -> None:
        self._pool = kept
        self._fresh = fresh
        self._used = WeakSet[ResponseHandler]()

    async def post(self, target: Target, parts: Parts, limits: Limits) -> Reply:
        """Make one call and read its answer. Redirects, cookies and proxies are not used.

        The other side may close a connection that it has kept long enough just as it is used again.
        That says nothing about the call, which then may be repeated once on a new one. Raises what
        aiohttp raises, TimeoutError, and ValueError for headers that would break the request.
        """
        request = _write(target, parts)
        async with asyncio.timeout(limits.timeout.total):
            connection = await _connect(self._pool, target, limits)
            was_used = connection.protocol in self._used
            try:
                return await self._exchange(connection, request, limits.max_bytes)
            except (aiohttp.ClientConnectionError, ConnectionError) as error:
                if not (limits.may_repeat and was_used and _is_stale(error)):
                    raise
            connection = await _connect(self._fresh, target, limits)
            return await self._exchange(connection, request, limits.max_bytes)

    async def _exchange(self, connection: Connection, request: bytes, max_bytes: int) -> Reply:
        """Write and read. The connection goes back to its pool unless something is left on it."""
        protocol, transport = connection.protocol, connection.transport
        try:
            if protocol is None or transport is None:
                raise aiohttp.ServerDisconnectedError
            protocol.set_response_params(read_until_eof=True)
            transport.write(request)
            message, content = await protocol.read()
            while message.code < 200 and message.code != 101:  # not yet the answer
                message, content = await protocol.read()
            body, truncated = await read_up_to(content, max_bytes)
        except BaseException:
            _discard(connection)
            raise
        if truncated or transport.get_write_buffer_size():
            _discard(connection)
        else:
            self._used.add(protocol)
            connection.release()
        return Reply(message=message, body=body, truncated=truncated)


async def _connect(pool: aiohttp.BaseConnector, target: Target, limits: Limits) -> Connection:
    try:
        return await pool.connect(target.request, [], limits.timeout)
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
