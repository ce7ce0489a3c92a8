from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from daemon.errors import (
    CredentialsRefused,
    DatabaseFull,
    DatabaseUnavailable,
    Fenced,
    ProviderUnavailable,
    RateLimited,
    RevisionMismatch,
)
from daemon.instance import PollTarget
from daemon.leases import Leases
from daemon.metrics import Metrics
from daemon.polling.cadence import INTERNAL_ERROR, SLOW_LOOK, SLOW_PATIENCE, Cadence
from daemon.polling.journal import Journal
from daemon.polling.means import PollingMeans
from daemon.polling.schedule import Schedule
from daemon.polling.signals import Signals
from daemon.polling.source import Tally
from daemon.polling.watch import Watch
from daemon.settings import DeliverySettings, PollingSettings
from daemon.store.database import Database
from daemon.store.resources import list_targets
from tests.polling.shelf import Shelf
from tests.store.factories import make_instance, make_resource

MINUTES = 10
INTERVAL = timedelta(minutes=MINUTES)
SECOND = timedelta(seconds=1)
PATIENCE_SECONDS = 20.0
GONE = ProviderUnavailable("The provider has gone")
SWEEPS = {"deletes": {"mode": "sweep", "intervalMinutes": 60}}


@dataclass(slots=True)
class Desk:
    """One resource's cadence over a shelf; our clock is the shelf's plus `our_error`."""

    database: Database
    target: PollTarget
    shelf: Shelf
    cadence: Cadence = field(init=False)
    means: PollingMeans = field(init=False)
    reauthorizations: list[int] = field(default_factory=list)
    our_error: timedelta = timedelta(0)

    def now(self) -> datetime:
        return self.shelf.now + self.our_error

    async def poll(self) -> datetime:
        """One poll that is due now; answers when the next one is."""
        return await self.cadence.run_once(self.now())

    async def row(self) -> dict[str, Any]:
        await self.means.schedule.flush()
        row = await self.database.fetchrow("select * from resources")
        assert row is not None
        return dict(row)

    async def work_off(self) -> int:
        """Slow work until there is none; answers how many steps that took."""
        steps = 0
        while not self.cadence._pause_of_slow_work(self.now()):
            await self.cadence._step()
            steps += 1
        return steps


@asynccontextmanager
async def opened(database: Database, **polling: Any) -> AsyncIterator[Desk]:
    instance_id = await make_instance(database, **{"event.poller.refresh_interval": MINUTES})
    await make_resource(database, instance_id, **polling)
    leases = Leases(database, seconds=3600, renew_seconds=3, alone=True)
    await leases.run_once()
    [target] = await list_targets(database, [instance_id])
    desk = Desk(database, target, Shelf())
    for number in range(3):
        desk.shelf.put(f"c{number}", LastName="Doe")
    desk.means = PollingMeans(
        database=database,
        leases=leases,
        connectors={"maximizer": desk.shelf},
        accounts=desk.shelf.account,
        schedule=Schedule(database, leases),
        wake=lambda *_: None,
        settings=PollingSettings(error_backoff_seconds=5, error_backoff_max_seconds=100),
        delivery=DeliverySettings(),
        metrics=Metrics(version="0"),
        on_needs_reauth=lambda: desk.reauthorizations.append(1),
        now=desk.now,
    )
    desk.cadence = Cadence(desk.means, target, asyncio.Semaphore(1))
    yield desk


@pytest_asyncio.fixture
async def desk(database: Database) -> AsyncIterator[Desk]:
    async with opened(database) as desk:
        yield desk


async def test_a_start_with_very_many_resources_leaves_connections_to_everybody_else(
    desk: Desk,
) -> None:
    none_polls = asyncio.Semaphore(0)
    starts = [
        asyncio.create_task(Cadence(desk.means, desk.target, none_polls).run(Signals()))
        for _ in range(500)
    ]
    await asyncio.sleep(0)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await desk.database.fetchval("select 1")
    assert desk.means.loading.locked()  # the others of them still wait
    for start in starts:
        start.cancel()
    await asyncio.wait(starts)


async def test_a_poll_that_went_well_is_followed_by_the_next_beat(desk: Desk) -> None:
    began = desk.now()
    assert await desk.poll() == began + INTERVAL
    row = await desk.row()
    assert (row["state"], row["failures"], row["last_error"]) == ("active", 0, None)
    assert row["next_poll_at"] == began + INTERVAL
    assert row["last_success_at"] == row["last_poll_at"] == began
    assert row["last_poll"]["seen"] == 3


async def test_a_walk_comes_to_its_end_although_every_other_page_does_not_come(
    database: Database,
) -> None:
    """It goes over pages without news, and over a group of equal stamps that fills many."""
    async with opened(database, pageSize=2) as desk:
        await desk.poll()
        for number in range(12):
            desk.shelf.put(f"n{number:02}", LastName="New")
            desk.shelf.now -= SECOND
        desk.shelf.now += SECOND
        desk.shelf.put("later", LastName="Behind them")
        desk.shelf.troubles.extend([None, None, *[GONE, None] * 40])
        for _ in range(40):
            await desk.poll()
        told = await desk.database.fetch("select object_id from events")
        assert len(told) == 13
        assert (await desk.row())["resume"] is None


async def test_failures_wait_longer_and_are_told_in_words_until_a_poll_goes_well(
    desk: Desk,
) -> None:
    await desk.poll()
    waits = []
    for _ in range(3):
        desk.shelf.troubles.append(ProviderUnavailable("The provider has gone"))
        waits.append(await desk.poll() - desk.now())
    assert timedelta(seconds=3) < waits[0] < waits[2] < timedelta(seconds=30)
    row = await desk.row()
    assert (row["state"], row["failures"]) == ("degraded", 3)
    assert row["last_error"] == "The provider has gone"
    await desk.poll()
    row = await desk.row()
    assert (row["state"], row["failures"], row["last_error"]) == ("active", 0, None)


async def test_a_provider_that_asks_to_wait_is_waited_for(desk: Desk) -> None:
    await desk.poll()
    desk.shelf.troubles.append(RateLimited("Slow down", retry_after=timedelta(hours=1)))
    assert await desk.poll() - desk.now() == timedelta(hours=1)


async def test_refused_credentials_are_told_at_once(desk: Desk) -> None:
    desk.shelf.troubles.append(CredentialsRefused("The token is revoked"))
    await desk.poll()
    assert desk.reauthorizations == [1]


async def test_a_bug_of_our_own_is_a_failure_without_internals(desk: Desk) -> None:
    desk.shelf.troubles.append(KeyError("LastName"))
    await desk.poll()
    assert (await desk.row())["last_error"] == INTERNAL_ERROR


async def test_a_database_that_is_away_is_no_failure_of_the_resource(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.poll()
    desk.shelf.put("new", LastName="Doe")

    async def away(*_: Any, **__: Any) -> None:
        raise DatabaseUnavailable("gone")

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "commit", away)
        assert await desk.poll() == desk.now() + SECOND
    assert (await desk.row())["failures"] == 0
    await desk.poll()
    assert await desk.database.fetchval("select array_agg(object_id) from events") == ["new"]


async def test_a_database_without_room_is_told_in_words(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: Any, **__: Any) -> None:
        raise DatabaseFull("The database has no room left: No space left on device")

    monkeypatch.setattr(Journal, "commit", full)
    await desk.poll()
    row = await desk.row()
    assert row["failures"] == 1
    assert row["last_error"] == "The database has no room left: No space left on device"


async def test_an_object_written_in_between_has_the_poll_begin_anew_and_not_for_ever(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.poll()
    desk.shelf.put("new", LastName="Doe")

    async def mismatched(*_: Any, **__: Any) -> None:
        raise RevisionMismatch("1 object changed since it was read.")

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "commit", mismatched)
        waits = [await desk.poll() - desk.now() for _ in range(5)]
    assert waits[:3] == [timedelta(0)] * 3
    assert all(wait > SECOND for wait in waits[3:])
    assert "1 object changed" in (await desk.row())["last_error"]
    await desk.poll()
    assert (await desk.row())["failures"] == 0


async def test_a_configuration_that_has_moved_ends_the_cadence(desk: Desk) -> None:
    await desk.poll()
    await desk.database.execute("update resources set version = 2")
    desk.shelf.put("new", LastName="Doe")
    with pytest.raises(Fenced):
        await desk.poll()
    assert await desk.database.fetchval("select count(*) from events") == 0


async def test_slow_work_goes_on_between_polls_until_there_is_none(database: Database) -> None:
    async with opened(database, **SWEEPS) as desk:
        assert desk.cadence._pause_of_slow_work(desk.now()) > INTERVAL, "no poll has been yet"
        await desk.poll()
        assert await desk.work_off() == 2
        assert all(query.background for query in desk.shelf.queries[-1:])
        pause = desk.cadence._pause_of_slow_work(desk.now())
        assert timedelta(minutes=59) < pause <= timedelta(minutes=60)


async def test_deletions_are_told_between_polls(database: Database) -> None:
    async with opened(database, **SWEEPS) as desk:
        await desk.poll()
        await desk.work_off()
        del desk.shelf.records["c1"]
        for _ in range(2):
            desk.shelf.now += timedelta(hours=2)
            await desk.poll()
            await desk.work_off()
        rows = await database.fetch("select type, object_id from events")
        assert [tuple(row) for row in rows] == [("DELETED", "c1")]


async def test_slow_work_waits_for_the_rate_budget_and_not_for_ever(database: Database) -> None:
    async with opened(database, **SWEEPS) as desk:
        await desk.poll()
        desk.shelf.budget = 0
        assert desk.cadence._pause_of_slow_work(desk.now()) == SLOW_LOOK
        desk.shelf.now += SLOW_PATIENCE
        assert desk.cadence._pause_of_slow_work(desk.now()) == timedelta(0)
        await desk.cadence._step()
        assert desk.cadence._pause_of_slow_work(desk.now()) == SLOW_LOOK


async def test_trouble_of_slow_work_is_told_in_words_and_its_walk_goes_on(
    database: Database,
) -> None:
    async with opened(database, pageSize=1, **SWEEPS) as desk:
        await desk.poll()
        await desk.cadence._step()
        watch = desk.cadence._watch
        desk.shelf.troubles.append(ProviderUnavailable("The provider has gone"))
        await desk.cadence._step()
        assert desk.cadence._watch is watch
        assert desk.cadence._pause_of_slow_work(desk.now()) > SECOND
        await desk.poll()
        row = await desk.row()
        assert (row["state"], row["failures"]) == ("active", 0)
        assert "The provider has gone" in row["last_error"]
        desk.shelf.now += timedelta(seconds=30)
        await desk.work_off()
        await desk.poll()
        assert (await desk.row())["last_error"] is None


async def test_slow_work_has_its_share_where_polls_take_longer_than_their_interval(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    signals, seconds, turns = Signals(), [100.0], []
    poll_once = Watch.poll

    async def eight_seconds(watch: Watch) -> Tally:
        seconds[0] += 8
        return await poll_once(watch)

    class Overdue(Cadence):
        """Is always late, and asked to stop after three polls."""

        async def run_once(self, due: datetime) -> datetime:
            turns.append("poll")
            if turns.count("poll") > 3:
                signals.stop.set()
            await super().run_once(due)
            return self._means.now()

        async def _step(self) -> None:
            turns.append("step")
            seconds[0] += 1
            await super()._step()

    monkeypatch.setattr(Watch, "poll", eight_seconds)
    monkeypatch.setattr("daemon.polling.cadence.time.perf_counter", lambda: seconds[0])
    async with opened(database, pageSize=1, **SWEEPS) as desk:
        await Overdue(desk.means, desk.target, asyncio.Semaphore(1)).run(signals)
    assert turns == ["poll", "step", "step"] * 3 + ["poll"]


@pytest.mark.parametrize(
    "trouble", [DatabaseUnavailable("gone"), RevisionMismatch("changed"), KeyError("a bug")]
)
async def test_slow_work_that_was_cut_off_goes_on_without_waiting_for_a_poll(
    database: Database, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    async with opened(database, **SWEEPS) as desk:
        await desk.poll()

        async def cut_off(*_: Any, **__: Any) -> None:
            raise trouble

        with monkeypatch.context() as patch:
            patch.setattr(Journal, "end_sweep", cut_off)
            await desk.cadence._step()
        assert desk.cadence._watch is None
        desk.shelf.now += timedelta(seconds=10)
        assert await desk.work_off() == 2


async def test_a_pass_that_the_end_of_a_process_cut_off_goes_on_before_the_first_poll(
    database: Database,
) -> None:
    signals = Signals()

    class OneStep(Cadence):
        """Stops after a step of slow work."""

        async def _step(self) -> None:
            await super()._step()
            signals.stop.set()

    async with opened(database, pageSize=1, **SWEEPS) as desk:
        await desk.poll()
        await desk.cadence._step()
        await desk.means.schedule.flush()
        before = len(desk.shelf.queries)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await OneStep(desk.means, desk.target, asyncio.Semaphore(1)).run(signals)
        assert [query.background for query in desk.shelf.queries[before:]] == [True]


async def test_a_brake_is_told_as_the_last_error_of_a_resource_that_is_polled_well(
    database: Database,
) -> None:
    async with opened(database, **SWEEPS) as desk:
        for number in range(20):
            desk.shelf.put(f"more {number:02}")
        await desk.poll()
        await desk.work_off()
        desk.shelf.records.clear()
        desk.shelf.now += timedelta(hours=2)
        await desk.poll()
        await desk.work_off()
        await desk.poll()
        row = await desk.row()
        assert (row["state"], row["failures"]) == ("active", 0)
        assert row["last_error"].startswith("23 of 23 objects are gone at once")
        assert row["last_success_at"] == row["last_poll_at"]
        counted = desk.means.metrics.polls.labels("maximizer", "contacts", "sweep_braked")
        assert counted._value.get() == 1


async def test_dates_that_nobody_can_read_are_told_while_polls_go_well(database: Database) -> None:
    dates = {"updatedDateFormat": "milliseconds", "createdDateFormat": "milliseconds"}
    async with opened(database, datesConfiguration=dates) as desk:
        await desk.poll()
        desk.shelf.put("c0", LastName="Dean")
        desk.shelf.now += timedelta(hours=2)
        await desk.poll()
        row = await desk.row()
        assert (row["state"], row["failures"], row["last_poll"]["told"]) == ("active", 0, 1)
        assert row["last_error"].startswith(
            "None of the 3 records read has a LastModifyDate that can be read as milliseconds"
        )


async def test_a_loop_polls_at_once_when_asked_and_ends_when_told(desk: Desk) -> None:
    signals = Signals()
    async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as tasks:
        tasks.create_task(desk.cadence.run(signals))
        await signals.polled.wait()
        signals.polled.clear()
        asked = len(desk.shelf.queries)
        signals.poll_now.set()
        await signals.polled.wait()
        assert len(desk.shelf.queries) > asked
        signals.stop.set()


async def test_a_clock_that_was_set_back_does_not_put_off_the_next_poll(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[timedelta] = []
    signals = Signals()

    async def meanwhile(_: Signals, due: datetime) -> None:
        waited.append(due - desk.now())
        signals.stop.set()

    async def run_once(_: datetime) -> datetime:
        following = desk.now() + INTERVAL
        desk.our_error = -timedelta(hours=1)
        return following

    monkeypatch.setattr(desk.cadence, "_meanwhile", meanwhile)
    monkeypatch.setattr(desk.cadence, "run_once", run_once)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await desk.cadence.run(signals)
    assert waited == [INTERVAL]
