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

import aiohttp
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
    """How long a call may take, and how much of its answer is read."""

    timeout: aiohttp.ClientTimeout
    max_bytes: int


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


async def post(
    connector: aiohttp.BaseConnector, target: Target, parts: Parts, limits: Limits
) -> Reply:
    """Make one call and read its answer. Redirects, cookies and proxies are not used.

    A connection that breaks is never tried again here: if it was the body that made the receiver
    crash, the first to fail must be the one to blame. Raises what aiohttp raises, TimeoutError, and
    ValueError for headers that would break the request.
    """
    request = _write(target, parts)
    async with asyncio.timeout(limits.timeout.total):
        try:
            connection = await connector.connect(target.request, [], limits.timeout)
        except TimeoutError as error:
            raise aiohttp.ConnectionTimeoutError from error
        return await _exchange(connection, request, limits.max_bytes)


def _write(target: Target, parts: Parts) -> bytes:
    lines = [target.head]
    lines += [f"{name}: {value}" for name, value in parts.headers.items()]
    lines.append(f"Content-Length: {len(parts.body)}\r\n\r\n")
    head = "\r\n".join(lines)
    ends = target.head.count("\n") + len(lines) + 1
    if head.count("\n") != ends or head.count("\r") != ends or "\0" in head:
        raise ValueError("A header holds a line break")
    return head.encode() + parts.body


async def _exchange(connection: Connection, request: bytes, max_bytes: int) -> Reply:
    """Write and read. The connection goes back to the pool unless something is left on it."""
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
        connection.release()
    return Reply(message=message, body=body, truncated=truncated)


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
