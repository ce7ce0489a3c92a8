from __future__ import annotations

import time

import pytest

from daemon.errors import SweepInterrupted
from daemon.instance import ResourceId
from daemon.store import sweeps
from daemon.store.database import Connection, Database
from tests.store.factories import make_instance, make_resource
from tests.store.plans import indexes_used
from tests.store.snapshot_rows import absences, write_snapshots


@pytest.fixture
async def resource_id(database: Database) -> ResourceId:
    return await make_resource(database, await make_instance(database))


async def end_sweep(
    database: Database, resource_id: ResourceId, seen: int, *, lists_others: bool = False
) -> None:
    async def work(connection: Connection) -> None:
        await sweeps.mark_absent(connection, resource_id, seen, lists_others=lists_others)

    await database.run_transaction(work)


async def test_an_object_is_noted_once_however_often_a_listing_shows_it(
    database: Database, resource_id: ResourceId
) -> None:
    assert await sweeps.note_sightings(database, resource_id, ["a", "b"]) == 2
    assert await sweeps.note_sightings(database, resource_id, ["b", "c"]) == 1
    other = await make_resource(database, await make_instance(database))
    assert await sweeps.note_sightings(database, other, ["a"]) == 1


async def test_what_a_listing_did_not_show_was_absent_once_more_and_the_rest_is_present(
    database: Database, resource_id: ResourceId
) -> None:
    await write_snapshots(database, resource_id, 2)
    await write_snapshots(database, resource_id, 2, first=2, absent=1)
    await write_snapshots(database, resource_id, 2, first=4, absent=-1)
    await sweeps.note_sightings(database, resource_id, ["000000", "000002", "000004"])
    await end_sweep(database, resource_id, 3)
    assert await absences(database, resource_id) == {
        "000000": 0,
        "000001": 1,
        "000002": 0,
        "000003": 2,
        "000004": 0,
        "000005": -2,
    }


async def test_an_object_that_is_told_as_deleted_is_absent_no_more(
    database: Database, resource_id: ResourceId
) -> None:
    await write_snapshots(database, resource_id, 1, absent=2)
    await database.execute("update snapshots set deleted = true")
    await end_sweep(database, resource_id, 0)
    assert await absences(database, resource_id) == {"000000": 2}
    assert await sweeps.list_absent(database, resource_id, 10) == []
    assert await sweeps.count_absent(database, resource_id) == (0, 0)


async def test_an_object_absent_once_is_no_candidate_and_counts_for_the_brake(
    database: Database, resource_id: ResourceId
) -> None:
    await write_snapshots(database, resource_id, 3, absent=1)
    await write_snapshots(database, resource_id, 2, first=3, absent=2)
    await write_snapshots(database, resource_id, 5, first=5)
    found = await sweeps.list_absent(database, resource_id, 10)
    assert [snapshot.object_id for snapshot in found] == ["000003", "000004"]
    assert await sweeps.list_absent(database, resource_id, 1) == found[:1]
    assert await sweeps.count_absent(database, resource_id) == (5, 10)


async def test_an_object_outside_of_the_listing_is_looked_at_again_after_some_sweeps(
    database: Database, resource_id: ResourceId
) -> None:
    await write_snapshots(database, resource_id, 1, absent=2)
    await sweeps.mark_unlisted(database, resource_id, ["000000"])
    looks = []
    for _ in range(6):
        looks.append(len(await sweeps.list_unlisted(database, resource_id, 10)))
        await end_sweep(database, resource_id, 0)
    assert looks == [0, 0, 0, 1, 1, 1]
    assert await sweeps.count_absent(database, resource_id) == (0, 1)


async def test_what_another_filter_leaves_out_is_no_candidate_but_looked_at_after_the_next_sweep(
    database: Database, resource_id: ResourceId
) -> None:
    await write_snapshots(database, resource_id, 2)
    await write_snapshots(database, resource_id, 1, first=2, absent=2)
    await write_snapshots(database, resource_id, 1, first=3, absent=-1)
    await sweeps.note_sightings(database, resource_id, ["000000"])
    await end_sweep(database, resource_id, 1, lists_others=True)
    assert list((await absences(database, resource_id)).values()) == [0, -3, -3, -2]
    assert await sweeps.list_absent(database, resource_id, 10) == []
    assert await sweeps.list_unlisted(database, resource_id, 10) == []
    assert await sweeps.count_absent(database, resource_id) == (0, 4)
    assert await sweeps.count_outside(database, resource_id) == 3
    await end_sweep(database, resource_id, 1)
    looked_at = await sweeps.list_unlisted(database, resource_id, 10)
    assert [snapshot.object_id for snapshot in looked_at] == ["000001", "000002"]


async def test_absences_are_counted_as_far_as_they_matter(
    database: Database, resource_id: ResourceId
) -> None:
    await write_snapshots(database, resource_id, 1, absent=100)
    await write_snapshots(database, resource_id, 1, first=1, absent=-100)
    await end_sweep(database, resource_id, 0)
    assert list((await absences(database, resource_id)).values()) == [100, -100]


async def test_a_sweep_whose_memory_was_lost_marks_nothing(
    database: Database, resource_id: ResourceId
) -> None:
    ids = await write_snapshots(database, resource_id, 3)
    await sweeps.note_sightings(database, resource_id, ids[:2])
    await database.execute("truncate sweep_sightings")
    await sweeps.note_sightings(database, resource_id, ids[2:])
    with pytest.raises(SweepInterrupted, match="1 of 3"):
        await end_sweep(database, resource_id, 3)
    assert set((await absences(database, resource_id)).values()) == {0}


async def test_a_listing_is_forgotten_without_touching_that_of_another_resource(
    database: Database, resource_id: ResourceId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeps, "CLEARED_AT_ONCE", 2)
    other = await make_resource(database, await make_instance(database))
    await sweeps.note_sightings(database, resource_id, ["a", "b", "c", "d", "e"])
    await sweeps.note_sightings(database, other, ["a"])
    await sweeps.clear_sightings(database, resource_id)
    rows = await database.fetch("select resource_id from sweep_sightings")
    assert [row["resource_id"] for row in rows] == [other]


async def test_sightings_of_sweeps_that_were_called_off_are_purged(
    database: Database, resource_id: ResourceId
) -> None:
    listing = await make_resource(database, await make_instance(database))
    await database.execute(
        "update resources set work = $2 where id = $1", listing, {"sweep": {"phase": "listing"}}
    )
    for each in (resource_id, listing):
        await sweeps.note_sightings(database, each, ["a", "b", "c"])
    await sweeps.note_sightings(database, ResourceId(0), ["of a resource that is gone"])
    removed = [await sweeps.purge_sightings(database, 3) for _ in range(3)]
    assert removed == [3, 1, 0]
    assert await database.fetchval("select count(*) from sweep_sightings") == 3


async def test_a_sweep_over_a_hundred_thousand_objects_is_ended_in_seconds(
    database: Database, resource_id: ResourceId
) -> None:
    count = 100_000
    ids = await write_snapshots(database, resource_id, count)
    await database.execute("analyze snapshots")
    began = time.perf_counter()
    for start in range(0, count, 10_000):
        await sweeps.note_sightings(database, resource_id, ids[start : start + 10_000])
    noted = time.perf_counter()
    await database.execute("delete from sweep_sightings where object_id < '000100'")
    await end_sweep(database, resource_id, count - 100)
    ended = time.perf_counter()
    assert await sweeps.count_absent(database, resource_id) == (100, count)
    await sweeps.clear_sightings(database, resource_id)
    assert noted - began < 20
    assert ended - noted < 10


async def test_hot_queries_of_sweeps_use_their_indexes(
    database: Database, resource_id: ResourceId
) -> None:
    await write_snapshots(database, resource_id, 3000)
    other = await make_resource(database, await make_instance(database))
    await write_snapshots(database, other, 3000)
    await write_snapshots(database, resource_id, 20, first=3000, absent=2)
    await sweeps.note_sightings(database, resource_id, [f"{number:06}" for number in range(3000)])
    await database.execute("analyze")
    queries = sweeps.QUERIES

    async def used(name: str, *arguments: object) -> set[str]:
        return await indexes_used(database, queries[name], resource_id, *arguments)

    assert await used("list_absent", 1) == {"snapshots_absent"}
    assert await used("count_absent") == {"snapshots_absent"}
    assert await used("list_unlisted", 1) == {"snapshots_unlisted"}
    assert await used("mark_unlisted", ["000001"]) == {"snapshots_pkey"}
