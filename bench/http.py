"""The far side's HTTP/1.1: as little as a client needs, so that it is not what is measured."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

END_OF_HEAD = b"\r\n\r\n"
LENGTH = b"content-length:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as it came; header names are in lower case in `head`, values too."""

    target: bytes
    head: bytes = field(repr=False)
    body: bytes = field(repr=False)


Reply = Callable[[bytes], None]
"""Sends a whole response; may be called later, once."""

Handle = Callable[[Request, Reply], None]


class Connection(asyncio.Protocol):
    """One client's connection, kept open; requests are handled in turn."""

    def __init__(self, handle: Handle) -> None:
        self._handle = handle
        self._received = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (request := self._next()) is not None:
            self._handle(request, self._reply)

    def _reply(self, response: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(response)

    def _next(self) -> Request | None:
        head_end = self._received.find(END_OF_HEAD)
        if head_end < 0:
            return None
        line, _, rest = bytes(self._received[:head_end]).partition(b"\r\n")
        head = rest.lower() + b"\r\n"
        begins = head_end + len(END_OF_HEAD)
        ends = begins + _length(head)
        if len(self._received) < ends:
            return None
        body = bytes(self._received[begins:ends])
        del self._received[:ends]
        return Request(target=line.split(b" ")[1], head=head, body=body)


def header(request: Request, name: bytes) -> bytes:
    """A header's value in lower case, empty without such a header."""
    _, found, rest = request.head.partition(name + b":")
    return rest.partition(b"\r\n")[0].strip() if found else b""


def response(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    """A whole response."""
    length = b"Content-Length: %d" % len(body)
    return b"\r\n".join((b"HTTP/1.1 " + status, *headers, length, b"", body))


async def listen(handle: Handle) -> str:
    """Serve on a free port of loopback until the process ends; answers the base URL."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(handle), "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    return f"http://{host}:{port}"


def _length(head: bytes) -> int:
    _, found, rest = head.partition(LENGTH)
    return int(rest.partition(b"\r\n")[0]) if found else 0
