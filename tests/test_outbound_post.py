"""What a post leaves behind where the receiver does not take all of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from daemon.address_guard import AddressGuard
from daemon.outbound import Answer, Outbound, OutboundError, OutboundFailure

MORE_THAN_SOCKETS_TAKE = b"x" * 20_000_000
REFUSAL = b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n"


class Deaf:
    """Reads the head of a request, says its words, and reads no more."""

    def __init__(self, words: bytes) -> None:
        self.words = words
        self.writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(self.words)
        self.writers.append(writer)

    async def hang_up(self) -> None:
        """Fails unless the other side has ended every connection."""
        for writer in self.writers:
            with pytest.raises(ConnectionError):
                await _speak_on(writer)
            writer.close()


async def _speak_on(writer: asyncio.StreamWriter) -> None:
    async with asyncio.timeout(5):
        for _ in range(10):
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.01)


@asynccontextmanager
async def serving(deaf: Deaf) -> AsyncIterator[str]:
    server = await asyncio.start_server(deaf.serve, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        yield f"http://{host}:{port}/"


async def post(outbound: Outbound, url: str, deadline_seconds: float) -> Answer:
    return await outbound.post(
        url,
        headers={},
        data=MORE_THAN_SOCKETS_TAKE,
        deadline_seconds=deadline_seconds,
        max_bytes=100,
        guard=False,
    )


async def test_a_connection_answered_before_all_was_said_is_torn_down() -> None:
    deaf = Deaf(REFUSAL)
    async with serving(deaf) as url, Outbound(AddressGuard()) as outbound:
        for _ in range(2):
            assert (await post(outbound, url, 5)).status == 413
        assert len(deaf.writers) == 2
        await deaf.hang_up()


async def test_a_connection_nobody_reads_from_ends_with_the_deadline() -> None:
    deaf = Deaf(b"")
    async with serving(deaf) as url, Outbound(AddressGuard()) as outbound:
        with pytest.raises(OutboundError) as raised:
            await post(outbound, url, 0.2)
        assert raised.value.kind is OutboundFailure.TIMEOUT
        await deaf.hang_up()
