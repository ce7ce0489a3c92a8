"""A daemon that was stopped past its lease writes nothing more under it."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from daemon.store.database import Database
from daemon.store.embedded import ServerAddress
from tests.flow.external import dsn_of
from tests.flow.oracle import Oracle
from tests.flow.pollhook import Pollhook, trusted
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

UNFINISHED = "select count(*) from notifications where finished_at is null"
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
        "logging": {"level": "debug"},
    }
    async with (
        Pollhook(tmp_path / "first", provider, settings) as first,
        Pollhook(tmp_path / "second", provider, settings) as second,
    ):
        yield first, second


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Two daemons on one database; the first holds the only instance."""

    first: Pollhook
    second: Pollhook
    provider: Provider
    receiver: Receiver
    oracle: Oracle


@pytest_asyncio.fixture
async def scene(twins: tuple[Pollhook, Pollhook], provider: Provider, receiver: Receiver) -> Scene:
    first, second = twins
    await first.start()
    instance = await first.connect(receiver.callback())
    await trusted(receiver, instance)
    since = await provider.changes()
    oracle = Oracle(provider=provider, receiver=receiver, instance=instance.id, since=since)
    await provider.edit_at_random(20, seed=1)
    await settled(oracle.missing)
    await second.start()
    return Scene(first=first, second=second, provider=provider, receiver=receiver, oracle=oracle)


async def stop_at_work(scene: Scene) -> int:
    """Stop the first with attempts under way, answers how many, and with pages just read."""
    await scene.receiver.switch(hold={})
    await scene.provider.edit_at_random(20, seed=2)
    attempts = await scene.receiver.held(1)
    await scene.provider.switch(hold={"call": ["read"]})
    await scene.provider.edit_at_random(20, seed=3)
    await scene.provider.held(len(scene.oracle.resources))
    scene.first.program.send(signal.SIGSTOP)
    for standin in (scene.provider, scene.receiver):
        await standin.switch(hold=None)
        await standin.release()
    return attempts


async def all_recorded(database: Database) -> tuple[Any, ...]:
    """What is stored once the second has nothing to send any more."""

    async def is_recorded() -> bool:
        unfinished: int = await database.fetchval(UNFINISHED)
        return unfinished == 0

    await eventually(is_recorded, "the second daemon has recorded everything")
    return tuple(await database.fetchrow(ROWS) or ())


async def go_on(scene: Scene, database: Database, attempts: int) -> None:
    """Let the first run again until it has heard of its attempts and keeps its heartbeat."""
    program = scene.first.program
    ended = len(program.said(event="delivery.attempted"))
    program.send(signal.SIGCONT)

    async def is_awake() -> bool:
        attempted = len(program.said(event="delivery.attempted")) - ended
        beating: int = await database.fetchval(HEARTBEATS)
        return attempted >= attempts and beating == 2

    await eventually(is_awake, "the first daemon goes on")
    assert (await scene.first.health("/readyz"))[0] == 200


@pytest.mark.timeout(120)
async def test_another_takes_over_and_the_first_writes_no_row_when_it_goes_on(
    scene: Scene,
) -> None:
    provider, oracle = scene.provider, scene.oracle
    attempts = await stop_at_work(scene)
    await settled(oracle.missing)
    async with scene.second.database() as database:
        before = await all_recorded(database)
        assert await database.fetchval(HEARTBEATS) == 1
        await go_on(scene, database, attempts)
        assert tuple(await database.fetchrow(ROWS) or ()) == before

    await provider.edit_at_random(20, seed=4)
    await settled(oracle.missing)
    assert await scene.second.stop() == 0
    await provider.edit_at_random(20, seed=5)
    await settled(oracle.missing)
    assert (await oracle.judge()).wrong == []
    assert (await oracle.report())["repeats"] >= attempts
