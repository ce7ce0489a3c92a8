"""A daemon that was stopped past its lease writes nothing more under it."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from daemon.store.embedded import ServerAddress
from tests.flow.oracle import Oracle
from tests.flow.pollhook import Pollhook, dsn_of, trusted
from tests.flow.processes import eventually, settled
from tests.flow.standins import Provider, Receiver

LEASE = {"seconds": 4, "renew_seconds": 1}

ROWS = """
    select
        (select count(*) from events),
        (select count(*) from notifications),
        (select count(*) from notifications where state = 'delivered'),
        (select count(*) from attempts),
        (select sum(next_sequence) from resources),
        (select sum(revision) from snapshots),
        (select array_agg(token) from leases)
"""
"""Everything that only the holder of a lease may write."""

HEARTBEATS = "select count(*) from daemons where expires_at > now()"


@pytest_asyncio.fixture
async def twins(
    tmp_path: Path, provider: Provider, database_address: ServerAddress
) -> AsyncIterator[tuple[Pollhook, Pollhook]]:
    """Two daemons on one database that share the file of keys."""
    settings: Mapping[str, Any] = {
        "database": {"dsn": dsn_of(database_address)},
        "security": {"encryption_keys_file": str(tmp_path / "keys")},
        "lease": LEASE,
    }
    async with (
        Pollhook(tmp_path / "first", provider, settings) as first,
        Pollhook(tmp_path / "second", provider, settings) as second,
    ):
        yield first, second


@pytest.mark.timeout(120)
async def test_another_takes_over_and_the_first_writes_no_row_when_it_goes_on(
    twins: tuple[Pollhook, Pollhook], provider: Provider, receiver: Receiver
) -> None:
    first, second = twins
    await first.start()
    instance = await first.connect(receiver.callback())
    await trusted(receiver, instance)
    oracle = Oracle(
        provider=provider, receiver=receiver, instance=instance.id, since=await provider.changes()
    )
    await provider.edit_at_random(20, seed=1)
    await settled(oracle.missing)
    await second.start()

    # The first is stopped with attempts under way and with pages just read.
    await receiver.switch(hold={})
    await provider.edit_at_random(20, seed=2)
    attempts = await receiver.held(1)
    await provider.switch(hold={"call": ["read"]})
    await provider.edit_at_random(20, seed=3)
    await provider.held(4)
    first.program.send(signal.SIGSTOP)
    await provider.switch(hold=None)
    await provider.release()
    await receiver.switch(hold=None)
    await receiver.release()
    await settled(oracle.missing)

    async with second.database() as database:

        async def all_is_recorded() -> bool:
            pending = "select count(*) from notifications where finished_at is null"
            return await database.fetchval(pending) == 0

        await eventually(all_is_recorded, "the second daemon has recorded everything")
        before = tuple(await database.fetchrow(ROWS) or ())
        assert await database.fetchval(HEARTBEATS) == 1
        ended = len(first.program.said(event="delivery.attempted"))
        first.program.send(signal.SIGCONT)

        async def first_is_awake() -> bool:
            attempted = len(first.program.said(event="delivery.attempted")) - ended
            return attempted >= attempts and await database.fetchval(HEARTBEATS) == 2

        await eventually(first_is_awake, "the first daemon goes on")
        assert (await first.health("/readyz"))[0] == 200
        assert tuple(await database.fetchrow(ROWS) or ()) == before

    await provider.edit_at_random(20, seed=4)
    await settled(oracle.missing)
    assert await second.stop() == 0
    await provider.edit_at_random(20, seed=5)
    await settled(oracle.missing)
    assert (await oracle.judge()).wrong == []
    report = await oracle.report()
    assert report["repeats"] >= 1
