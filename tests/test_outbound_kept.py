"""What becomes of connections between two posts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network

import pytest

from daemon.address_guard import AddressGuard
from daemon.outbound import Answer, Outbound, OutboundError, OutboundFailure, posting

ACCEPTED = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
TIRED = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"


class Callback:
    """Accepts every post unless it is silent, and counts connections."""

    def __init__(self) -> None:
        self.connections: list[asyncio.StreamWriter] = []
        self.silent = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.append(writer)
        while await reader.read(65_536):
            if not self.silent:
                writer.write(ACCEPTED)
        writer.close()


@asynccontextmanager
async def callback() -> AsyncIterator[tuple[Callback, str]]:
    it = Callback()
    async with await asyncio.start_server(it.serve, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        yield it, f"http://{host}:{port}/"
        for writer in it.connections:
            writer.close()


def make_outbound() -> Outbound:
    return Outbound(AddressGuard([ip_network("127.0.0.0/8")]))


async def post(outbound: Outbound, url: str, deadline_seconds: float = 5) -> Answer:
    return await outbound.post(
        url, headers={}, data=b"x", deadline_seconds=deadline_seconds, max_bytes=10, guard=True
    )


@pytest.mark.parametrize("at_hand_seconds", [5.0, 0.0])
async def test_a_kept_connection_is_used_again_wherever_it_was_kept(
    monkeypatch: pytest.MonkeyPatch, at_hand_seconds: float
) -> None:
    monkeypatch.setattr(posting, "AT_HAND_SECONDS", at_hand_seconds)
    async with callback() as (it, url), make_outbound() as outbound:
        for path in ("a", "b", "a"):
            assert (await post(outbound, url + path)).status == 200
            await asyncio.sleep(0.01)
        assert len(it.connections) == 1


@pytest.mark.parametrize("at_hand_seconds", [5.0, 0.0])
async def test_what_a_callback_says_unasked_answers_no_post(
    monkeypatch: pytest.MonkeyPatch, at_hand_seconds: float
) -> None:
    monkeypatch.setattr(posting, "AT_HAND_SECONDS", at_hand_seconds)
    async with callback() as (it, url), make_outbound() as outbound:
        await post(outbound, url)
        await asyncio.sleep(0.01)
        it.connections[0].write(TIRED)
        await asyncio.sleep(0.01)
        assert (await post(outbound, url)).status == 200
        assert len(it.connections) == 2


async def test_a_kept_connection_that_falls_silent_is_cut_off_at_its_own_deadline() -> None:
    async with callback() as (it, url), make_outbound() as outbound:
        await asyncio.gather(post(outbound, url), post(outbound, url))
        it.silent = True
        patient = asyncio.create_task(post(outbound, url, deadline_seconds=0.4))
        await asyncio.sleep(0)
        began = asyncio.get_running_loop().time()
        with pytest.raises(OutboundError) as raised:
            await post(outbound, url, deadline_seconds=0.1)
        took = asyncio.get_running_loop().time() - began
        assert raised.value.kind is OutboundFailure.TIMEOUT
        assert 0.09 <= took < 0.35
        assert not patient.done()
        with pytest.raises(OutboundError):
            await patient
        assert len(it.connections) == 2


async def test_a_post_that_is_given_up_leaves_no_connection_to_the_next() -> None:
    async with callback() as (it, url), make_outbound() as outbound:
        await post(outbound, url)
        it.silent = True
        given_up = asyncio.create_task(post(outbound, url))
        await asyncio.sleep(0.02)
        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up
        it.silent = False
        assert (await post(outbound, url)).status == 200
        assert len(it.connections) == 2
