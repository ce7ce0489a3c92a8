from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from daemon.errors import Fenced
from daemon.instance import InstanceId, ResourceId, ResourceState
from daemon.polling.provider_clock import ProviderClock
from daemon.polling.slow_pass import PassKind, Phase, SlowPass
from daemon.polling.window import Marks, Proof, Resume
from daemon.store import outbox, resources, snapshots
from daemon.store.database import Database
from daemon.store.resources import PollOutcome, Progress, list_targets, load_progress
from tests.delivery.workshop import make_source
from tests.store.factories import make_instance, make_resource
from tests.store.plans import fill_tables, indexes_used
from tests.store.snapshot_rows import write_snapshots

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MARKS = Marks(
    cursor_at=NOON,
    baseline_at=NOON - timedelta(days=1),
    known_from=NOON - timedelta(days=2),
    ids_complete=True,
    utc=Proof(proved_at=NOON, skew=timedelta(seconds=-1.5)),
    resume=Resume(lower=None, cap=NOON, anchor=NOON - timedelta(hours=1)),
    clock=ProviderClock(
        skew=timedelta(seconds=-2),
        shown_at=NOON,
        highest_at=NOON + timedelta(hours=1),
        set_back_to=NOON - timedelta(hours=2),
    ),
)
WORK = {
    PassKind.SWEEP: SlowPass(kind=PassKind.SWEEP, phase=Phase.LISTING, anchor=NOON, seen=7),
    PassKind.BACKFILL: SlowPass(kind=PassKind.BACKFILL, until=NOON),
}


async def make_polled(database: Database) -> tuple[ResourceId, Progress]:
    resource_id = await make_resource(database, await make_instance(database))
    return resource_id, await load_progress(database, resource_id)


async def write(
    database: Database, resource_id: ResourceId, before: Progress, after: Progress
) -> None:
    async with database.transaction() as connection:
        await resources.write_progress(connection, resource_id, before, after)


async def test_progress_survives_the_way_through_the_database(database: Database) -> None:
    resource_id, before = await make_polled(database)
    after = replace(
        before,
        state=ResourceState.ACTIVE,
        marks=MARKS,
        work=WORK,
        next_sequence=before.next_sequence + 3,
    )
    await write(database, resource_id, before, after)
    assert await load_progress(database, resource_id) == after


@pytest.mark.parametrize("column", ["version", "next_sequence"])
async def test_progress_is_not_written_over_that_of_somebody_else(
    database: Database, column: str
) -> None:
    resource_id, before = await make_polled(database)
    await database.execute(f"update resources set {column} = {column} + 1")
    with pytest.raises(Fenced):
        await write(database, resource_id, before, replace(before, marks=MARKS))
    assert (await load_progress(database, resource_id)).marks == Marks()


@pytest.mark.parametrize(
    ("stored", "written", "after"),
    [
        ("baseline_pending", ResourceState.ACTIVE, "active"),
        ("baseline_pending", ResourceState.BASELINE_PENDING, "baseline_pending"),
        ("active", ResourceState.DEGRADED, "active"),
        ("degraded", ResourceState.ACTIVE, "degraded"),
    ],
)
async def test_a_page_ends_a_pending_baseline_and_leaves_other_states_alone(
    database: Database, stored: str, written: ResourceState, after: str
) -> None:
    resource_id, before = await make_polled(database)
    await database.execute("update resources set state = $1", stored)
    await write(database, resource_id, before, replace(before, state=written))
    assert await database.fetchval("select state from resources") == after


async def test_a_resource_that_is_gone_has_no_progress(database: Database) -> None:
    with pytest.raises(Fenced):
        await load_progress(database, ResourceId(1))


async def test_targets_come_in_their_configured_order(database: Database) -> None:
    instance_id = await make_instance(database)
    for name in ("b", "a", "c"):
        await make_resource(database, instance_id, name)
    await database.execute("update resources set state = 'paused' where name = 'c'")
    assert [target.name for target in await list_targets(database, [instance_id])] == ["b", "a"]
    assert await list_targets(database, []) == []


def test_an_outcome_takes_in_what_an_earlier_one_of_its_version_says() -> None:
    failed = PollOutcome(
        resource_id=ResourceId(1),
        instance_id=InstanceId(1),
        version=1,
        next_poll_at=NOON,
        last_poll_at=NOON,
        last_success_at=None,
        last_error="it broke",
        failures=1,
        summary=None,
        cursor_at=None,
        missed=1,
    )
    went_well = replace(
        failed, last_success_at=NOON, last_error=None, summary={"seen": 1}, cursor_at=NOON, missed=2
    )
    both = failed.after(went_well)
    assert both == replace(
        failed, last_success_at=NOON, summary={"seen": 1}, cursor_at=NOON, missed=3
    )
    assert failed.after(replace(went_well, version=2)) == failed
    assert failed.after(None) == failed


async def test_hot_queries_of_polling_use_their_indexes(database: Database) -> None:
    source = await make_source(database)
    await fill_tables(database, source)
    resource_id = source.resource_id
    ids = await write_snapshots(database, resource_id, 3000)
    for _ in range(300):
        await make_resource(database, await make_instance(database))
    await database.execute("analyze")

    async def used(query: str, *arguments: object) -> set[str]:
        return await indexes_used(database, query, *arguments)

    some = ids[:100]
    assert await used(snapshots.QUERIES["known_snapshots"], resource_id, some) == {"snapshots_pkey"}
    changed = [["a"], [NOON], [b"1"], [b"1"], [1], [1], [False], [1]]
    assert await used(snapshots.QUERIES["update_snapshots"], resource_id, *changed) == {
        "snapshots_pkey"
    }
    assert await used(resources.QUERIES["load_progress"], resource_id) == {"resources_pkey"}
    progress = [1, 1, *[None] * 7, 1, "active", {}, None]
    assert await used(resources.QUERIES["write_progress"], resource_id, *progress) == {
        "resources_pkey"
    }
    outcomes: list[list[object]] = [[] for _ in range(16)]
    assert await used(resources.QUERIES["flush_polls"], *outcomes) <= {
        "resources_pkey",
        "leases_pkey",
    }
    assert await used(outbox.QUERIES["find_predecessors"], resource_id, some) == {
        "events_by_object",
        "notifications_pkey",
    }
    assert await used(outbox.QUERIES["lock_predecessors"], [1, 2, 3]) == {"notifications_pkey"}
    targets = await used(resources.QUERIES["list_targets"], [source.instance_id])
    assert targets == {"resources_instance_id_name_key", "instances_pkey"}
