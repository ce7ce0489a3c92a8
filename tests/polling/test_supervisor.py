from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio

from daemon.errors import DatabaseUnavailable, Fenced
from daemon.instance import InstanceId, PollTarget, ResourceKey
from daemon.leases import Leases
from daemon.polling import supervisor as module
from daemon.polling.signals import Signals
from daemon.polling.supervisor import Supervisor
from daemon.store.database import Database
from tests.store.factories import make_instance, make_resource

PATIENCE_SECONDS = 10.0


@dataclass(slots=True)
class Office:
    """A supervisor whose tasks only wait; `begun` and `ended` tell which did."""

    database: Database
    leases: Leases
    instance_id: InstanceId
    begun: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    troubles: list[BaseException] = field(default_factory=list)
    stubborn: bool = False
    happened: asyncio.Event = field(default_factory=asyncio.Event)
    supervisor: Supervisor = field(init=False)

    def __post_init__(self) -> None:
        self.supervisor = Supervisor(self.database, self.leases, self.work)

    async def work(self, target: PollTarget, signals: Signals) -> None:
        name = f"{target.name} {target.version}"
        self.begun.append(name)
        self.happened.set()
        try:
            if self.troubles:
                raise self.troubles.pop(0)
            signals.polled.set()
            if self.stubborn:
                await asyncio.Event().wait()
            await signals.stop.wait()
        finally:
            self.ended.append(name)
            self.happened.set()

    def key(self, name: str) -> ResourceKey:
        return ResourceKey(instance_id=self.instance_id, name=name)

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not holds():
                self.happened.clear()
                await self.happened.wait()


@pytest_asyncio.fixture
async def office(database: Database) -> AsyncIterator[Office]:
    instance_id = await make_instance(database)
    await make_resource(database, instance_id, "contacts")
    await make_resource(database, instance_id, "companies")
    leases = Leases(database, seconds=10, renew_seconds=3, alone=True)
    await leases.run_once()
    office = Office(database, leases, instance_id)
    yield office
    async with asyncio.timeout(PATIENCE_SECONDS):
        await office.supervisor.drain(0)


async def names(office: Office) -> list[str]:
    await office.supervisor.reconcile()
    await office.until(lambda: len(office.begun) >= len(office.supervisor.running()))
    return sorted(key.name for key in office.supervisor.running())


async def test_every_wished_resource_has_one_task_named_after_it(office: Office) -> None:
    assert await names(office) == ["companies", "contacts"]
    assert await names(office) == ["companies", "contacts"]
    assert sorted(office.begun) == ["companies 1", "contacts 1"]
    tasks = {task.get_name() for task in asyncio.all_tasks()}
    assert f"poll {office.instance_id}/contacts" in tasks


@pytest.mark.parametrize(
    "change",
    [
        "update resources set state = 'paused' where name = 'contacts'",
        "update resources set state = 'stopped' where name = 'contacts'",
        "delete from resources where name = 'contacts'",
    ],
)
async def test_what_is_not_wished_any_more_is_stopped(office: Office, change: str) -> None:
    await names(office)
    await office.database.execute(change)
    assert await names(office) == ["companies"]
    assert office.ended == ["contacts 1"]


@pytest.mark.parametrize(
    "change",
    [
        "update instances set state = 'disabled'",
        "update instances set state = 'needs_reauth'",
        "update instances set deleted_at = now()",
    ],
)
async def test_an_instance_that_is_not_polled_has_no_tasks(office: Office, change: str) -> None:
    await names(office)
    await office.database.execute(change)
    assert await names(office) == []
    assert len(office.ended) == 2


async def test_another_version_of_the_configuration_is_polled_by_a_new_task(
    office: Office,
) -> None:
    await names(office)
    await office.database.execute("update resources set version = 2 where name = 'contacts'")
    await office.supervisor.reconcile()
    await office.until(lambda: "contacts 2" in office.begun)
    assert office.ended == ["contacts 1"]


async def test_tasks_of_lost_leases_are_stopped(office: Office) -> None:
    await names(office)
    await office.leases.release()
    assert await names(office) == []


async def test_a_refresh_ends_what_was_begun_before_it_returns(office: Office) -> None:
    await names(office)
    await office.database.execute("update leases set token = token + 1")
    await office.supervisor.refresh(office.instance_id)
    assert sorted(office.ended) == ["companies 1", "contacts 1"]
    await office.until(lambda: len(office.begun) == 4)
    lease = office.leases.holds(office.instance_id)
    assert lease is not None
    assert lease.token == await office.database.fetchval("select token from leases")


async def test_a_poll_is_asked_for_only_where_one_is_running(office: Office) -> None:
    await names(office)
    running = office.supervisor._running[office.key("contacts")]
    assert office.supervisor.poll_now(office.key("contacts"))
    assert running.signals.poll_now.is_set()
    assert not office.supervisor.poll_now(office.key("leads"))


async def test_the_first_polls_of_an_instance_are_waited_for(office: Office) -> None:
    await office.supervisor.reconcile()
    assert await office.supervisor.first_polls(office.instance_id, PATIENCE_SECONDS)
    office.supervisor._running[office.key("contacts")].signals.polled.clear()
    assert not await office.supervisor.first_polls(office.instance_id, 0.01)


async def test_a_drain_lets_polls_end_and_starts_no_more(office: Office) -> None:
    await names(office)
    assert await office.supervisor.drain(PATIENCE_SECONDS) == []
    assert len(office.ended) == 2
    assert await names(office) == []


async def test_a_drain_names_what_it_had_to_cut_off(office: Office) -> None:
    office.stubborn = True
    await names(office)
    late = await office.supervisor.drain(0.01)
    assert sorted(key.name for key in late) == ["companies", "contacts"]
    assert len(office.ended) == 2


@pytest.mark.parametrize(
    "trouble",
    [RuntimeError("a bug"), DatabaseUnavailable("gone"), Fenced("moved")],
    ids=["a bug", "no database", "fenced"],
)
async def test_a_task_that_ends_by_itself_begins_again(
    office: Office, trouble: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RESTART_SECONDS", 0.01)
    office.troubles = [trouble]
    await office.supervisor.reconcile()
    await office.until(lambda: len(office.begun) == 3)
    assert len(office.supervisor.running()) == 2


async def test_a_fenced_task_has_the_wished_set_looked_at(office: Office) -> None:
    office.troubles = [Fenced("moved")]
    async with running(office):
        await office.until(lambda: bool(office.ended))
        version = "update resources set version = version + 1"
        await office.database.execute(version)
        office.supervisor.wake()
        await office.until(lambda: {"contacts 2", "companies 2"} <= set(office.begun))


async def test_the_supervisor_goes_on_after_the_database_was_away(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = module.list_targets
    asked: list[int] = []

    async def away_at_first(*arguments: Any) -> Any:
        asked.append(1)
        office.happened.set()
        if len(asked) == 1:
            raise DatabaseUnavailable("gone")
        return await listed(*arguments)

    monkeypatch.setattr(module, "list_targets", away_at_first)
    async with running(office):
        await office.until(lambda: bool(asked))
        office.supervisor.wake()
        await office.until(lambda: len(office.begun) == 2)


@asynccontextmanager
async def running(office: Office) -> AsyncIterator[None]:
    stop = asyncio.Event()
    async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as tasks:
        tasks.create_task(office.supervisor.run(stop))
        yield
        stop.set()
