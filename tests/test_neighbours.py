"""Two daemons on one database: what is asked at one takes effect at the one that holds it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio

from daemon.instance import InstanceId
from daemon.leases import Leases
from daemon.neighbours import Neighbours
from daemon.store.database import Database
from daemon.waiting import first_of
from tests.store.factories import make_instance, make_resource

Heard = list[tuple[InstanceId, str | None]]


class Daemon:
    """One with neighbours; `heard` is what it was told."""

    def __init__(self, database: Database) -> None:
        self.leases = Leases(database, seconds=60, renew_seconds=20, alone=False)
        self.neighbours = Neighbours(database, self.leases)
        self.neighbours.on_told = self._hear
        self.heard: Heard = []
        self._news = asyncio.Event()

    async def _hear(self, instance_id: InstanceId, resource: str | None) -> None:
        self.heard.append((instance_id, resource))
        self._news.set()

    async def is_told(self, teller: Daemon, instance_id: InstanceId) -> None:
        """Told until it is heard, since nobody says when a session is open."""
        self._news.clear()
        async with asyncio.timeout(10):
            while not self._news.is_set():
                teller.neighbours.tell(instance_id)
                await first_of(self._news, timeout_seconds=0.02)

    async def hears(self, instance_id: InstanceId, resource: str) -> None:
        """Wait for these words."""
        async with asyncio.timeout(10):
            while (instance_id, resource) not in self.heard:
                self._news.clear()
                await self._news.wait()


@asynccontextmanager
async def at_work(*daemons: Daemon) -> AsyncIterator[None]:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for daemon in daemons:
            tasks.create_task(daemon.neighbours.run(stop))
        yield
        stop.set()


@pytest_asyncio.fixture
async def pair(database: Database) -> tuple[Daemon, Daemon]:
    """The first one of them holds all instances that there are."""
    first, second = Daemon(database), Daemon(database)
    await make_instance(database)
    await first.leases.run_once()
    await second.leases.run_once()
    return first, second


async def test_what_is_told_at_one_is_heard_where_the_instance_is_held(
    pair: tuple[Daemon, Daemon],
) -> None:
    holder, other = pair
    (instance_id,) = holder.leases.held()
    async with at_work(holder, other):
        await holder.is_told(other, instance_id)
        holder.heard.clear()
        holder.neighbours.tell(instance_id)  # its own: nobody has to hear of it
        other.neighbours.tell(InstanceId(999))  # nobody's
        other.neighbours.tell(instance_id, "contacts")
        await holder.hears(instance_id, "contacts")
    assert set(holder.heard) <= {(instance_id, None), (instance_id, "contacts")}
    assert other.heard == []


async def test_a_session_that_was_cut_off_is_opened_again(
    database: Database, pair: tuple[Daemon, Daemon], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.neighbours.CHECK_SECONDS", 0.02)
    monkeypatch.setattr("daemon.neighbours.RETRY_SECONDS", 0.02)
    holder, other = pair
    (instance_id,) = holder.leases.held()
    async with at_work(holder, other):
        await holder.is_told(other, instance_id)
        cut = await database.fetch(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
            " and query not like 'select pg_terminate%' and state = 'idle'"
        )
        assert len(cut) >= 2
        await holder.is_told(other, instance_id)


async def test_what_others_say_on_the_channel_is_left_alone(
    database: Database, pair: tuple[Daemon, Daemon]
) -> None:
    holder, other = pair
    (instance_id,) = holder.leases.held()
    async with at_work(holder, other):
        await holder.is_told(other, instance_id)
        for text in ("", "x", "/", "²/contacts", "999/contacts", "-1/"):
            await database.execute("select pg_notify('pollhook', $1)", text)
        await holder.is_told(other, instance_id)
    assert set(holder.heard) == {(instance_id, None)}


async def test_whoever_asks_for_a_poll_elsewhere_waits_until_it_was_made(
    database: Database, pair: tuple[Daemon, Daemon]
) -> None:
    holder, other = pair
    (instance_id,) = holder.leases.held()
    await make_resource(database, instance_id)
    names = [await database.fetchval("select name from resources")]

    async def wait(timeout_seconds: float) -> None:
        await other.neighbours.wait_for_polls(instance_id, names, timeout_seconds)

    await database.execute("update resources set next_poll_at = null, state = 'active'")
    async with asyncio.timeout(10):
        waiting = asyncio.create_task(wait(60))
        await wait(0.01)
        assert not waiting.done()
        await database.execute("update resources set next_poll_at = now() + interval '1 hour'")
        await waiting


@pytest.mark.parametrize("state", ["disabled", "needs_reauth"])
async def test_nobody_waits_for_polls_of_an_instance_that_is_not_polled(
    database: Database, pair: tuple[Daemon, Daemon], state: str
) -> None:
    holder, other = pair
    (instance_id,) = holder.leases.held()
    await make_resource(database, instance_id)
    names = [await database.fetchval("select name from resources")]
    await database.execute("update instances set state = $1", state)
    async with asyncio.timeout(10):
        await other.neighbours.wait_for_polls(instance_id, names, 60)
