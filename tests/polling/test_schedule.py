from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.errors import DatabaseUnavailable
from daemon.instance import InstanceId, ResourceId
from daemon.leases import Leases
from daemon.polling import schedule as module
from daemon.polling.history import History, Tick, unpacked
from daemon.polling.lateness import Lateness
from daemon.polling.schedule import Schedule, backoff, first_due, next_due
from daemon.store.database import Database
from daemon.store.resources import PollOutcome
from tests.store.factories import make_instance, make_resource

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SECONDS = st.integers(1, 10**6).map(lambda seconds: timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("stored", "due"),
    [
        (None, NOON),
        (NOON + MINUTE, NOON + MINUTE),
        (NOON + 100 * MINUTE, NOON + 10 * MINUTE),
        (NOON - MINUTE, NOON + MINUTE / 2),
    ],
    ids=["asked for", "still to come", "beyond one interval", "overdue"],
)
def test_the_first_poll_after_a_start(stored: datetime | None, due: datetime) -> None:
    assert first_due(stored, NOON, 10 * MINUTE, 0.5) == due


@given(SECONDS, SECONDS)
def test_the_next_beat_is_still_to_come_and_in_the_same_rhythm(
    ago: timedelta, interval: timedelta
) -> None:
    due = NOON - ago
    following = next_due(due, NOON, interval)
    assert NOON < following <= NOON + interval
    assert (following - due) % interval == timedelta(0)


@given(st.integers(0, 100), st.floats(0, 1))
def test_failures_wait_longer_and_longer_up_to_the_most_and_a_quarter(
    failures: int, dice: float
) -> None:
    wait = backoff(failures, 5 * timedelta(seconds=1), 15 * MINUTE, lambda: dice)
    longer = backoff(failures + 1, 5 * timedelta(seconds=1), 15 * MINUTE, lambda: dice)
    assert timedelta(seconds=3.75) <= wait <= longer <= 15 * MINUTE * 1.25


def outcome(resource_id: int, **changes: object) -> PollOutcome:
    plain = PollOutcome(
        resource_id=ResourceId(resource_id),
        instance_id=InstanceId(1),
        version=1,
        next_poll_at=NOON + MINUTE,
        last_poll_at=NOON,
        last_success_at=NOON,
        last_error=None,
        failures=0,
        summary={"seen": 1},
        cursor_at=NOON,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]  # a table of fields


async def make_scheduled(database: Database) -> tuple[Schedule, PollOutcome]:
    instance_id = await make_instance(database)
    resource_id = await make_resource(database, instance_id)
    await database.execute("update resources set state = 'active'")
    leases = Leases(database, seconds=10, renew_seconds=3, alone=True)
    await leases.run_once()
    return Schedule(database, leases), outcome(resource_id, instance_id=instance_id)


async def test_outcomes_are_written_together_and_the_latest_of_a_resource_counts(
    database: Database,
) -> None:
    schedule, first = await make_scheduled(database)
    schedule.record(first)
    schedule.record(replace(first, next_poll_at=NOON + 2 * MINUTE, lateness=Lateness(), missed=3))
    await schedule.flush()
    row = await database.fetchrow("select next_poll_at, cursor_at, missed, lateness from resources")
    assert row is not None
    assert (row["next_poll_at"], row["cursor_at"]) == (NOON + 2 * MINUTE, NOON)
    assert row["missed"] == 3
    assert Lateness.from_json(row["lateness"]) == Lateness()


async def test_what_was_missed_is_not_lost_between_two_outcomes_of_one_flush(
    database: Database,
) -> None:
    schedule, first = await make_scheduled(database)
    schedule.record(replace(first, missed=2))
    schedule.record(replace(first, missed=3))
    await schedule.flush()
    assert await database.fetchval("select missed from resources") == 5


async def test_the_history_of_polls_is_written_with_them_and_stays_where_an_outcome_has_none(
    database: Database,
) -> None:
    schedule, first = await make_scheduled(database)
    history = History().noted(Tick(at=1000, changed=7))
    for told in (history, None):
        schedule.record(replace(first, history=told))
        await schedule.flush()
        stored = await database.fetchval("select history from resources")
        assert unpacked(stored) == history


@pytest.mark.parametrize(
    ("before", "changes", "after"),
    [
        ("active", {"last_error": "it broke", "failures": 1}, "degraded"),
        ("degraded", {}, "active"),
        ("active", {"last_error": "the sweep stopped"}, "active"),
        ("baseline_pending", {"last_error": "it broke", "failures": 1}, "baseline_pending"),
        ("paused", {"last_error": "it broke", "failures": 1}, "paused"),
    ],
)
async def test_a_resource_is_degraded_while_its_polls_fail(
    database: Database, before: str, changes: dict[str, object], after: str
) -> None:
    schedule, plain = await make_scheduled(database)
    await database.execute("update resources set state = $1", before)
    schedule.record(replace(plain, **changes))  # type: ignore[arg-type]  # a table of fields
    await schedule.flush()
    row = await database.fetchrow("select state, last_error from resources")
    assert row is not None
    assert (row["state"], row["last_error"]) == (after, changes.get("last_error"))


async def test_an_instance_is_degraded_with_its_resources_and_recovers_with_them(
    database: Database,
) -> None:
    schedule, plain = await make_scheduled(database)
    schedule.record(replace(plain, last_error="it broke", failures=1))
    schedule.states_changed(plain.instance_id)
    await schedule.flush()
    state = "select state || ': ' || coalesce(state_reason, '') from instances"
    assert await database.fetchval(state) == "degraded: it broke"
    schedule.record(plain)
    schedule.states_changed(plain.instance_id)
    await schedule.flush()
    assert await database.fetchval(state) == "active: "


@pytest.mark.parametrize("changes", [{"version": 2}, {"instance_id": InstanceId(0)}])
async def test_outcomes_of_another_configuration_or_a_lost_lease_are_dropped(
    database: Database, changes: dict[str, object]
) -> None:
    schedule, plain = await make_scheduled(database)
    schedule.record(replace(plain, **changes))  # type: ignore[arg-type]  # a table of fields
    await schedule.flush()
    assert await database.fetchval("select last_poll_at from resources") is None


async def test_a_cursor_that_is_further_in_the_table_is_not_moved_back(
    database: Database,
) -> None:
    schedule, plain = await make_scheduled(database)
    await database.execute("update resources set cursor_at = $1", NOON + MINUTE)
    schedule.record(plain)
    await schedule.flush()
    assert await database.fetchval("select cursor_at from resources") == NOON + MINUTE


async def test_outcomes_stay_gathered_while_the_database_is_away(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule, plain = await make_scheduled(database)
    schedule.record(replace(plain, missed=1))

    async def away(*_: object) -> None:
        schedule.record(replace(plain, next_poll_at=NOON + 5 * MINUTE, missed=1))
        raise DatabaseUnavailable("gone")

    with monkeypatch.context() as patch:
        patch.setattr(module, "flush_polls", away)
        await schedule.flush()
    await schedule.flush()
    row = await database.fetchrow("select next_poll_at, missed from resources")
    assert row is not None
    assert (row["next_poll_at"], row["missed"]) == (NOON + 5 * MINUTE, 2)


async def test_what_belongs_to_a_configuration_that_is_over_is_forgotten(
    database: Database,
) -> None:
    schedule, plain = await make_scheduled(database)
    schedule.record(plain)
    schedule.forget(plain.instance_id)
    await schedule.flush()
    assert await database.fetchval("select last_poll_at from resources") is None


async def test_what_has_gathered_is_written_once_more_when_it_is_told_to_stop(
    database: Database,
) -> None:
    schedule, plain = await make_scheduled(database)
    stop = asyncio.Event()
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        tasks.create_task(schedule.run(stop))
        await asyncio.sleep(0)
        schedule.record(plain)
        stop.set()
    assert await database.fetchval("select last_poll_at from resources") == NOON
