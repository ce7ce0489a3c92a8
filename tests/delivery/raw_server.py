"""A server that speaks to a socket byte by byte, as badly as a test wants."""

from __future__ import annotations

import asyncio
import socket
import struct
from asyncio import StreamReader, StreamWriter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import count
from typing import Self

Manner = Callable[["Exchange"], Awaitable[None]]
"""What it does with the next exchange on a connection."""

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Exchange:
    """One request and its answer, the how manieth on its connection says `number`.

    The connection stays open unless one of them ends it.
    """

    def __init__(
        self, server: RawServer, number: int, reader: StreamReader, writer: StreamWriter
    ) -> None:
        self.number = number
        self.is_over = False
        self._server = server
        self._reader = reader
        self._writer = writer

    async def hear(self) -> None:
        """The whole request; its id is noted."""
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("ascii").lower()
        headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
        await self._reader.readexactly(int(headers["content-length"]))
        self._server.webhook_ids.append(headers["webhook-id"])

    async def say(self, text: bytes) -> None:
        """These bytes, whatever they mean."""
        self._writer.write(text)
        await self._writer.drain()

    async def be_silent(self) -> None:
        """Until the other side gives up."""
        await self._reader.read()
        self.is_over = True

    def hang_up(self) -> None:
        """An orderly end of the connection."""
        self.is_over = True

    def reset(self) -> None:
        """A connection torn down without a word."""
        connection: socket.socket = self._writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self.is_over = True


async def accept(exchange: Exchange) -> None:
    """As it should be."""
    await exchange.hear()
    await exchange.say(ANSWER)


class RawServer:
    """`manner` may be exchanged at any time; `webhook_ids` are those of all complete requests."""

    def __init__(self, manner: Manner = accept) -> None:
        self.manner = manner
        self.connections = 0
        self.webhook_ids: list[str] = []
        self.port = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    def url(self, scheme: str = "http") -> str:
        return f"{scheme}://127.0.0.1:{self.port}/callback"

    def _accept(self, reader: StreamReader, writer: StreamWriter) -> None:
        self.connections += 1
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                for number in count(1):
                    exchange = Exchange(self, number, reader, writer)
                    await self.manner(exchange)
                    if exchange.is_over:
                        break
        finally:
            writer.close()
