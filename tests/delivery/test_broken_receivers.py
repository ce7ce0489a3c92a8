"""Receivers that break HTTP, the connection or both: each attempt gets the outcome it deserves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from ipaddress import ip_network

import pytest
import pytest_asyncio

from daemon.address_guard import AddressGuard
from daemon.delivery.endpoint import EndpointConfiguration
from daemon.delivery.retry import Blame
from daemon.delivery.sender import ANSWER_BYTES, Sender
from daemon.delivery.settlement import Outcome, OutcomeKind
from daemon.delivery.signing import Signer
from daemon.outbound import Outbound
from daemon.settings import DeliverySettings
from daemon.store.database import Database
from tests.delivery.parts import make_ready
from tests.delivery.raw_server import ANSWER, Exchange, Manner, RawServer, accept
from tests.delivery.workshop import Source, Workshop, count, running, until

PATIENCE_SECONDS = 0.25
QUICK = DeliverySettings(timeout_seconds=PATIENCE_SECONDS, connect_timeout_seconds=0.2)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n"


async def reset_at_once(exchange: Exchange) -> None:
    exchange.reset()


async def reset_after_the_request(exchange: Exchange) -> None:
    await exchange.hear()
    exchange.reset()


async def hang_up_without_a_word(exchange: Exchange) -> None:
    await exchange.hear()
    exchange.hang_up()


async def never_answer(exchange: Exchange) -> None:
    await exchange.be_silent()


async def drip(exchange: Exchange) -> None:
    await exchange.hear()
    for byte in HEAD + b"X-Drip: 1\r\n" * 100:
        await exchange.say(bytes([byte]))
        await asyncio.sleep(0.01)


async def half_a_head(exchange: Exchange) -> None:
    await exchange.hear()
    await exchange.say(HEAD)
    exchange.hang_up()


async def half_a_head_and_silence(exchange: Exchange) -> None:
    await exchange.hear()
    await exchange.say(HEAD)
    await exchange.be_silent()


async def half_a_body(exchange: Exchange) -> None:
    await exchange.hear()
    await exchange.say(HEAD + b"\r\nhalf")
    exchange.hang_up()


async def half_a_body_and_silence(exchange: Exchange) -> None:
    await exchange.hear()
    await exchange.say(HEAD + b"\r\nhalf")
    await exchange.be_silent()


async def half_a_chunk(exchange: Exchange) -> None:
    await exchange.hear()
    await exchange.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhalf")
    exchange.hang_up()


async def no_http(exchange: Exchange) -> None:
    await exchange.hear()
    await exchange.say(b"220 mail.example.com ESMTP ready\r\n\r\n")
    exchange.hang_up()


async def an_endless_head(exchange: Exchange) -> None:
    await exchange.hear()
    await exchange.say(b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 200_000 + b"\r\n\r\n")


async def a_megabyte(exchange: Exchange) -> None:
    await exchange.hear()
    await exchange.say(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1_000_000)


async def a_body_without_end(exchange: Exchange) -> None:
    await exchange.hear()
    await exchange.say(b"HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        await exchange.say(b"1000\r\n" + b"y" * 0x1000 + b"\r\n")


async def a_redirect(exchange: Exchange) -> None:
    await exchange.hear()
    await exchange.say(
        b"HTTP/1.1 307 Elsewhere\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"
    )


async def an_old_answer(exchange: Exchange) -> None:
    await exchange.hear()
    await exchange.say(b"HTTP/1.0 202 Accepted\r\n\r\nuntil the end")
    exchange.hang_up()


def packed(coding: bytes) -> Manner:
    async def say_what_cannot_be_unpacked(exchange: Exchange) -> None:
        await exchange.hear()
        await exchange.say(ANSWER.replace(b"\r\n", b"\r\nContent-Encoding: %s\r\n" % coding, 1))

    return say_what_cannot_be_unpacked


async def early_hints(exchange: Exchange) -> None:
    await exchange.hear()
    await exchange.say(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + ANSWER)


@pytest_asyncio.fixture
async def sender() -> AsyncIterator[Sender]:
    async with Outbound(AddressGuard([ip_network("127.0.0.0/8")])) as outbound:
        yield Sender(outbound, QUICK, lambda: datetime.now(UTC))


async def send(sender: Sender, url: str) -> Outcome:
    async with asyncio.timeout(5):
        signer = Signer(EndpointConfiguration(url=url))
        return await sender.send(signer, make_ready(), may_repeat=True)


@pytest.mark.parametrize(
    ("manner", "kind"),
    [
        (reset_at_once, OutcomeKind.RESET),
        (reset_after_the_request, OutcomeKind.RESET),
        (hang_up_without_a_word, OutcomeKind.RESET),
        (never_answer, OutcomeKind.TIMEOUT),
        (drip, OutcomeKind.TIMEOUT),
        (half_a_head, OutcomeKind.RESET),
        (half_a_head_and_silence, OutcomeKind.TIMEOUT),
        (half_a_body, OutcomeKind.RESET),
        (half_a_body_and_silence, OutcomeKind.TIMEOUT),
        (half_a_chunk, OutcomeKind.RESET),
        (no_http, OutcomeKind.RESET),
        (an_endless_head, OutcomeKind.RESET),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
async def test_without_a_whole_answer_the_endpoint_is_to_blame(
    sender: Sender, manner: Manner, kind: OutcomeKind
) -> None:
    async with RawServer(manner) as server:
        outcome = await send(sender, server.url())

    assert (outcome.kind, outcome.blame) == (kind, Blame.ENDPOINT)
    assert (outcome.status, outcome.answer) == (None, None)
    assert f"http://127.0.0.1:{server.port} " in (outcome.reason or "")
    assert "/callback" not in (outcome.reason or "")
    assert outcome.duration_seconds < 3 * PATIENCE_SECONDS


@pytest.mark.parametrize(
    ("manner", "status", "answer"),
    [
        (accept, 200, "ok"),
        (a_megabyte, 200, "x" * ANSWER_BYTES),
        (an_old_answer, 202, "until the end"),
        (early_hints, 200, "ok"),
        (packed(b"gzip"), 200, "ok"),
        (packed(b"br"), 200, "ok"),
        (a_redirect, 307, ""),
        (a_body_without_end, 503, "y" * ANSWER_BYTES),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_an_answer_of_any_size_is_judged_by_its_status_and_kept_short(
    sender: Sender, manner: Manner, status: int, answer: str
) -> None:
    async with RawServer(manner) as server:
        outcome = await send(sender, server.url())

    assert (outcome.status, outcome.answer) == (status, answer)
    assert (outcome.kind is OutcomeKind.DELIVERED) == (status < 300)
    assert len(server.webhook_ids) == 1


@pytest.mark.parametrize(
    ("manner", "kind"), [(no_http, OutcomeKind.TLS), (never_answer, OutcomeKind.TIMEOUT)]
)
async def test_a_server_that_knows_no_tls_is_told_from_one_that_says_nothing(
    sender: Sender, manner: Manner, kind: OutcomeKind
) -> None:
    async def answer_anything(exchange: Exchange) -> None:
        await exchange.say(b"220 mail.example.com ESMTP ready\r\n\r\n")
        exchange.hang_up()

    async with RawServer(answer_anything if manner is no_http else manner) as server:
        outcome = await send(sender, server.url("https"))

    assert (outcome.kind, outcome.blame) == (kind, Blame.ENDPOINT)


@pytest.mark.parametrize(
    ("manner", "outcome"),
    [
        (reset_at_once, "reset"),
        (never_answer, "timeout"),
        (half_a_body, "reset"),
        (no_http, "reset"),
        (a_redirect, "status"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_delivery_recovers_as_soon_as_the_receiver_does(
    database: Database, workshop: Workshop, source: Source, manner: Manner, outcome: str
) -> None:
    async def misbehave_twice(exchange: Exchange) -> None:
        nonlocal bad_left
        bad_left -= 1
        await (manner if bad_left >= 0 else accept)(exchange)

    bad_left = 2
    async with RawServer(misbehave_twice) as server:
        workshop.point(source, server.url())
        settings = {"timeout_seconds": PATIENCE_SECONDS, "connect_timeout_seconds": 0.2}
        async with running(workshop.dispatcher(**settings)) as dispatcher:
            dispatcher.wake(source.instance_id, await source.commit("a"))
            await until(lambda: count(database, "notifications", "state = 'delivered'"), 1)

    rows = await database.fetch("select outcome, spent from attempts order by id")
    assert [row["outcome"] for row in rows] == [outcome, outcome, "delivered"]
    assert len(set(server.webhook_ids)) == 1
    assert await database.fetchval("select state from endpoints") == "healthy"
