"""Receivers that close the connections they keep as they like: that costs no attempt."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from ipaddress import ip_network

import pytest
import pytest_asyncio

from daemon.address_guard import AddressGuard
from daemon.delivery.endpoint import EndpointConfiguration
from daemon.delivery.sender import Sender
from daemon.delivery.settlement import Outcome, OutcomeKind
from daemon.delivery.signing import Signer
from daemon.outbound import Outbound
from daemon.settings import DeliverySettings
from daemon.store.database import Database
from tests.delivery.parts import make_ready
from tests.delivery.raw_server import Exchange, Manner, RawServer, accept
from tests.delivery.workshop import Source, Workshop, count, names, running, until

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n"
PATIENCE_SECONDS = 0.25


async def hang_up(exchange: Exchange) -> None:
    await exchange.hear()
    exchange.hang_up()


async def reset(exchange: Exchange) -> None:
    await exchange.hear()
    exchange.reset()


async def begin_to_answer(exchange: Exchange) -> None:
    await exchange.hear()
    await exchange.say(HEAD)
    exchange.hang_up()


async def say_nothing(exchange: Exchange) -> None:
    await exchange.hear()
    await exchange.be_silent()


@pytest_asyncio.fixture
async def sender() -> AsyncIterator[Sender]:
    settings = DeliverySettings(timeout_seconds=PATIENCE_SECONDS, connect_timeout_seconds=0.2)
    async with Outbound(AddressGuard([ip_network("127.0.0.0/8")])) as outbound:
        yield Sender(outbound, settings, lambda: datetime.now(UTC))


async def send_twice(sender: Sender, server: RawServer, second: Manner) -> tuple[Outcome, int]:
    """The outcome of the second attempt, and how often it reached the receiver; the first has left
    a connection, on which the receiver behaves like this.
    """

    async def manner(exchange: Exchange) -> None:
        await (accept if exchange.number == 1 else second)(exchange)

    server.manner = manner
    signer = Signer(EndpointConfiguration(url=server.url()))
    async with asyncio.timeout(5):
        assert (
            await sender.send(signer, make_ready(1), may_repeat=True)
        ).kind is OutcomeKind.DELIVERED
        outcome = await sender.send(signer, make_ready(2), may_repeat=True)
    return outcome, len(server.webhook_ids) - 1


@pytest.mark.parametrize("manner", [hang_up, reset])
async def test_a_kept_connection_that_was_closed_is_replaced_within_the_attempt(
    sender: Sender, manner: Manner
) -> None:
    async with RawServer() as server:
        outcome, times = await send_twice(sender, server, manner)

    assert (outcome.kind, times, server.connections) == (OutcomeKind.DELIVERED, 2, 2)


@pytest.mark.parametrize(
    ("manner", "kind"),
    [(begin_to_answer, OutcomeKind.RESET), (say_nothing, OutcomeKind.TIMEOUT)],
)
async def test_what_the_receiver_has_begun_to_answer_or_sits_on_is_not_repeated(
    sender: Sender, manner: Manner, kind: OutcomeKind
) -> None:
    async with RawServer() as server:
        outcome, times = await send_twice(sender, server, manner)

    assert (outcome.kind, times, server.connections) == (kind, 1, 1)


@pytest.mark.parametrize("manner", [hang_up, reset])
async def test_a_new_connection_that_breaks_is_a_failure_at_once(
    sender: Sender, manner: Manner
) -> None:
    async with RawServer(manner) as server:
        outcome = await sender.send(
            Signer(EndpointConfiguration(url=server.url())), make_ready(), may_repeat=True
        )

    assert (outcome.kind, len(server.webhook_ids)) == (OutcomeKind.RESET, 1)


async def test_where_it_may_not_be_repeated_it_is_not(sender: Sender) -> None:
    async def manner(exchange: Exchange) -> None:
        await (accept if exchange.number == 1 else hang_up)(exchange)

    async with RawServer(manner) as server:
        signer = Signer(EndpointConfiguration(url=server.url()))
        outcomes = [
            await sender.send(signer, make_ready(number), may_repeat=False) for number in (1, 2)
        ]

    assert [outcome.kind for outcome in outcomes] == [OutcomeKind.DELIVERED, OutcomeKind.RESET]
    assert (len(server.webhook_ids), server.connections) == (2, 1)


async def test_the_repeat_is_the_last_and_keeps_within_the_deadline(sender: Sender) -> None:
    async def break_then_hang(exchange: Exchange) -> None:
        """The second request is cut off, the third hangs on its new connection."""
        told = len(server.webhook_ids)
        await (accept if told == 0 else hang_up if told == 1 else say_nothing)(exchange)

    async with RawServer(break_then_hang) as server:
        signer = Signer(EndpointConfiguration(url=server.url()))
        await sender.send(signer, make_ready(1), may_repeat=True)
        outcome = await sender.send(signer, make_ready(2), may_repeat=True)

    assert (outcome.kind, len(server.webhook_ids)) == (OutcomeKind.TIMEOUT, 3)
    assert outcome.duration_seconds < 2 * PATIENCE_SECONDS


async def hang_up_after_the_answer(exchange: Exchange) -> None:
    await accept(exchange)
    exchange.hang_up()


async def hang_up_a_moment_after_the_answer(exchange: Exchange) -> None:
    await accept(exchange)
    await asyncio.sleep(0.002)
    exchange.hang_up()


async def hang_up_at_the_third_request(exchange: Exchange) -> None:
    await (accept if exchange.number < 3 else hang_up)(exchange)


@pytest.mark.parametrize(
    "manner",
    [
        hang_up_after_the_answer,
        hang_up_a_moment_after_the_answer,
        hang_up_at_the_third_request,
    ],
)
async def test_connections_that_the_receiver_closes_as_it_likes_cost_no_attempt(
    database: Database, workshop: Workshop, source: Source, manner: Manner
) -> None:
    await source.commit(*names("o", range(300)))
    async with RawServer(manner) as server:
        workshop.point(source, server.url())
        async with running(workshop.dispatcher()):
            await until(lambda: count(database, "notifications", "state = 'delivered'"), 30)

    assert len(set(server.webhook_ids)) == 30
    assert await count(database, "attempts", "true") == 30
    assert await database.fetchval("select state from endpoints") == "healthy"
