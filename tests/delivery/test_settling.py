from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest_asyncio
from structlog.testing import capture_logs

from daemon.store.database import Database
from daemon.store.embedded import ServerAddress
from tests.delivery.receiver import Arrival, Receiver
from tests.delivery.workshop import (
    Workshop,
    make_source,
    open_workshop,
    running,
    states,
    until,
)
from tests.store.relay import Relay, relay_to


@pytest_asyncio.fixture
async def relay(database_address: ServerAddress) -> AsyncIterator[Relay]:
    async with relay_to(database_address) as relay:
        yield relay


@pytest_asyncio.fixture
async def workshop(relay: Relay) -> AsyncIterator[Workshop]:
    """As elsewhere, but its database can be cut off."""
    arguments = relay.address.as_arguments()
    async with (
        await Database.open(arguments, pool_size=5) as database,
        open_workshop(database) as workshop,
    ):
        yield workshop


async def test_outcomes_survive_an_outage_of_the_database_and_nothing_is_sent_meanwhile(
    database: Database, relay: Relay, workshop: Workshop, receiver: Receiver
) -> None:
    source = await make_source(database)
    workshop.point(source, receiver.url())
    await workshop.leases.run_once()
    answered = asyncio.Event()

    async def hold(arrival: Arrival) -> int:
        await answered.wait()
        return 200

    receiver.answering = hold
    await source.commit(*(f"o{number}" for number in range(200)))
    dispatcher = workshop.dispatcher(max_in_flight_per_endpoint=2)

    async def stalled() -> int:
        return dispatcher._settler.is_stalled

    with capture_logs() as logs:
        async with running(dispatcher):
            await receiver.until(lambda: receiver.under_way == 2)
            await relay.cut()
            answered.set()
            await until(stalled, 1)
            sent = len(receiver.arrivals)
            dispatcher.wake(source.instance_id)
            assert len(receiver.arrivals) == sent < 20
            await relay.restore()
            dispatcher._settler.retry_now()
            await receiver.until(lambda: len(receiver.accepted) == 20)

    assert await states(database, source) == {"delivered": 20}
    ids = [arrival.webhook_id for arrival in receiver.arrivals]
    assert len(ids) == len(set(ids))
    events = [entry["event"] for entry in logs]
    assert events.count("delivery.settling_waits") == 1
    assert events.count("delivery.settling_resumed") == 1


async def test_outcomes_that_wait_to_be_recorded_do_not_pile_up(
    database: Database, workshop: Workshop, receiver: Receiver
) -> None:
    source = await make_source(database)
    workshop.point(source, receiver.url())
    await workshop.leases.run_once()
    await source.commit(*(f"o{number}" for number in range(200)))
    dispatcher = workshop.dispatcher(max_in_flight=2, max_in_flight_per_endpoint=2)

    async def is_full() -> int:
        return not dispatcher._may_begin() and not dispatcher._senders

    async with running(dispatcher):
        async with database.transaction() as connection:
            await connection.execute("select from leases for update")
            await until(is_full, 1)
            sent = len(receiver.arrivals)
        await receiver.until(lambda: len(receiver.accepted) == 20)

    # Four for each of the two slots, and what was under way in the other when that was reached.
    assert 8 <= sent <= 9
    assert await states(database, source) == {"delivered": 20}
