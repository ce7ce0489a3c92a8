"""Slow work step by step: on a real database, and in the model where only rules matter."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from daemon.errors import Fenced, ProviderUnavailable, RequestRefused
from daemon.polling.baseline import BEGINNING, Beginning
from daemon.polling.refiltering import Refiltering
from daemon.polling.slow_pass import PassKind, Phase, Wishes
from daemon.polling.slow_work import SlowWork
from daemon.polling.source import Tally
from daemon.polling.target import margins_of
from daemon.store import leases, resource_changes
from daemon.store.database import Connection
from daemon.store.resources import load_progress
from tests.polling.bench import Bench
from tests.polling.element import only
from tests.polling.life import Life
from tests.polling.model import MINUTE, Thing, Traits, World
from tests.polling.model_database import Database as ModelDatabase

SWEEPS = Wishes(sweep_interval=timedelta(hours=6))
RECONCILES = Wishes(reconcile_interval=MINUTE, reconcile_window=timedelta(hours=20))
QUIET = Traits(kills=0, edits_between_pages=False)
MOST_STEPS = 1000
WHOLE, ADAS = (
    only({"url": "/hubs/crm/contacts"}),
    only({"url": "/hubs/crm/contacts?where=LastName='Ada'"}),
)
NARROWED = Refiltering(before=WHOLE, after=ADAS, margins=margins_of(ADAS))


async def work_off(slow_work: SlowWork, clock: World) -> Tally:
    """Everything that is due; what all steps saw, added up."""
    total = Tally()
    for _ in range(MOST_STEPS):
        due_at = slow_work.next_due_at()
        if due_at is None or due_at > clock.our_clock():
            return total
        tally = await slow_work.step()
        total.told += tally.told
        total.missed += tally.missed
        total.braked += tally.braked
    raise AssertionError("the slow work never comes to its end")


async def watched(bench: Bench, objects: int = 0) -> list[Thing]:
    """The resource after its baseline, with so many more objects told since."""
    bench.world.now = datetime.now(UTC)
    poller = await bench.poller()
    await poller.poll_once()
    for _ in range(objects):
        bench.world.edit()
        bench.world.pass_time(2)
    bench.world.pass_time(5)
    await poller.poll_once()
    return list(bench.world.things.values())


async def sweep(bench: Bench, wishes: Wishes = SWEEPS) -> Tally:
    """One whole sweep by a new process, hours later."""
    bench.world.pass_time(timedelta(hours=7).total_seconds())
    return await work_off(await bench.slow_work(wishes), bench.world)


async def told(bench: Bench) -> list[tuple[str, str]]:
    rows = await bench.database.fetch("select type, object_id from events order by sequence")
    return [(row["type"], row["object_id"]) for row in rows]


async def sweep_of(bench: Bench) -> Any:
    return (await load_progress(bench.database, bench.target.resource_id)).work[PassKind.SWEEP]


async def test_a_deletion_is_told_after_two_sweeps_with_the_id_as_its_raw(bench: Bench) -> None:
    first, *_ = await watched(bench)
    bench.world.delete(first)
    assert (await sweep(bench)).told == 0
    assert (await sweep(bench)).told == 1
    assert await told(bench) == [("DELETED", first.id)]
    assert orjson.loads(bench.woken[-1].body)["message"]["raw"]["contacts"] == [{"Key": first.id}]
    assert (await sweep(bench)).told == 0
    assert await bench.count("sweep_sightings") == 0


async def test_what_comes_back_after_its_deletion_is_created_again_once(bench: Bench) -> None:
    first, *_ = await watched(bench)
    bench.world.delete(first)
    await sweep(bench)
    await sweep(bench)
    bench.world.restore(first)
    for _ in range(2):
        await sweep(bench)
    assert await told(bench) == [("DELETED", first.id), ("CREATED", first.id)]


async def test_a_sweep_goes_on_after_a_restart_where_it_was(bench: Bench) -> None:
    first, *_ = await watched(bench, objects=10)
    bench.world.delete(first)
    await sweep(bench)
    bench.world.pass_time(timedelta(hours=7).total_seconds())
    for _ in range(MOST_STEPS):
        restarted = await bench.slow_work(SWEEPS)
        due_at = restarted.next_due_at()
        if due_at is not None and due_at > bench.world.our_clock():
            break
        await restarted.step()
    assert ("DELETED", first.id) in await told(bench)


async def test_a_sweep_begins_anew_when_the_database_has_lost_what_it_had_seen(
    bench: Bench,
) -> None:
    await watched(bench, objects=10)
    bench.world.pass_time(timedelta(hours=7).total_seconds())
    slow_work = await bench.slow_work(SWEEPS)
    await slow_work.step()
    assert await bench.count("sweep_sightings") > 0
    await bench.database.execute("truncate sweep_sightings")
    await work_off(slow_work, bench.world)
    absent = await bench.database.fetchval("select max(absent_sweeps) from snapshots")
    assert absent == 0
    assert (await sweep_of(bench)).phase is Phase.WAITING


async def test_the_end_of_a_sweep_is_written_with_its_last_page_or_not_at_all(
    bench: Bench,
) -> None:
    first, *_ = await watched(bench)
    bench.world.delete(first)
    bench.world.edit()
    bench.world.pass_time(timedelta(hours=7).total_seconds())
    slow_work = await bench.slow_work(SWEEPS)
    before = await bench.totals()

    async def stolen(bound: Any, page_key: Any, *, background: bool = False) -> Any:
        reading = await page(bound, page_key, background=background)
        if reading.complete:
            await bench.database.execute("update leases set owner = null, token = token + 1")
        return reading

    page = bench.world.page
    bench.world.page = stolen  # type: ignore[method-assign]
    with pytest.raises(Fenced):
        await work_off(slow_work, bench.world)
    absent = await bench.database.fetchval("select max(absent_sweeps) from snapshots")
    assert absent == 0
    assert await bench.totals() == before


async def test_many_objects_gone_at_once_stop_the_sweep_until_a_person_confirms_it(
    bench: Bench,
) -> None:
    things = await watched(bench, objects=10)
    for thing in things[:12]:
        bench.world.delete(thing)
    for _ in range(3):
        assert (await sweep(bench)).braked == 1
    assert [kind for kind, _ in await told(bench)] == ["CREATED"] * 10
    brake = (await sweep_of(bench)).brake
    assert brake is not None
    assert brake.startswith("12 of 16 objects are gone at once")
    await confirm(bench)
    bench.world.now = datetime.now(UTC) + timedelta(days=2)
    assert (await work_off(await bench.slow_work(SWEEPS), bench.world)).told == 12
    assert (await sweep_of(bench)).brake is None


async def confirm(bench: Bench) -> None:
    instance_id, resource_id = bench.target.instance.id, bench.target.resource_id
    configuration = {"deletes": {"mode": "sweep"}}

    async def work(connection: Connection) -> None:
        await connection.execute("update resources set configuration = $1", configuration)
        await leases.lock_change(connection, instance_id)
        await resource_changes.request_sweep(connection, resource_id, confirm=True)

    await bench.database.run_transaction(work)
    await bench.reload()


async def test_a_brake_is_released_by_a_sweep_that_finds_everything_there(bench: Bench) -> None:
    things = await watched(bench, objects=10)
    for thing in things:
        bench.world.hide(thing, timedelta(hours=20))
    assert (await sweep(bench)).braked == 1
    bench.world.pass_time(timedelta(hours=20).total_seconds())
    assert (await sweep(bench)).told == 0
    assert (await sweep_of(bench)).brake is None


async def test_a_deletion_is_told_although_many_other_objects_have_left_the_filter(
    bench: Bench,
) -> None:
    things = await watched(bench, objects=10)
    for thing in things[:9]:
        thing.unlisted = True
    for _ in range(2):
        await sweep(bench)
    for thing in things[9:15]:
        thing.unlisted = True
    for _ in range(2):
        await sweep(bench)
    bench.world.delete(things[15])
    for _ in range(2):
        assert (await sweep(bench)).braked == 0
    assert (await told(bench))[10:] == [("DELETED", things[15].id)]


async def test_the_deletion_of_what_had_left_the_filter_is_told_in_the_end(bench: Bench) -> None:
    first, *_ = await watched(bench)
    first.unlisted = True
    for _ in range(2):
        await sweep(bench)
    bench.world.delete(first)
    for _ in range(5):
        await sweep(bench)
    assert await told(bench) == [("DELETED", first.id)]


async def test_no_more_than_the_brake_allows_is_told_of_what_had_left_the_filter(
    bench: Bench,
) -> None:
    things = await watched(bench, objects=10)
    for thing in things:
        thing.unlisted = True
    await sweep(bench)
    await confirm(bench)
    await sweep(bench)
    for thing in things:
        bench.world.delete(thing)
    tallies = [await sweep(bench) for _ in range(4)]
    assert [(tally.told, tally.braked) for tally in tallies] == [(0, 0), (0, 0), (10, 1), (6, 0)]


async def test_many_objects_that_no_listing_shows_are_asked_for_together(bench: Bench) -> None:
    things = await watched(bench, objects=10)
    for thing in things[:12]:
        thing.unlisted = True
    bench.world.delete(things[12])
    await sweep(bench)
    await confirm(bench)
    asked: list[Sequence[str]] = []
    one, some = bench.world.one, bench.world.some

    async def noted(object_key: str, *, background: bool = False) -> Any:
        asked.append([object_key])
        return await one(object_key, background=background)

    async def noted_together(object_keys: Sequence[str], *, background: bool = False) -> Any:
        asked.append(object_keys)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(bench.world, "one", one)
            return await some(object_keys, background=background)

    bench.world.one, bench.world.some = noted, noted_together  # type: ignore[method-assign]
    bench.world.quiet = True
    assert (await sweep(bench)).told == 1
    assert asked == [[thing.id for thing in things[:13]], [things[12].id]]
    assert (await told(bench))[-1] == ("DELETED", things[12].id)


async def test_what_is_refused_together_is_read_one_by_one(bench: Bench) -> None:
    first, second, third, *_ = await watched(bench)
    third.unlisted = True
    bench.world.delete(first)
    bench.world.delete(second)

    async def refused(object_keys: Sequence[str], *, background: bool = False) -> Any:
        raise RequestRefused("No such condition", status=400)

    bench.world.some = refused  # type: ignore[method-assign]
    for _ in range(2):
        await sweep(bench)
    assert await told(bench) == [("DELETED", first.id), ("DELETED", second.id)]


async def test_what_the_provider_refuses_to_show_by_its_id_holds_up_no_other_deletion(
    bench: Bench,
) -> None:
    first, second, *_ = await watched(bench)
    bench.world.delete(first)
    bench.world.delete(second)
    one = bench.world.one

    async def refused(object_key: str, *, background: bool = False) -> Any:
        if object_key == first.id:
            raise RequestRefused("No permission", status=403)
        return await one(object_key, background=background)

    bench.world.one = refused  # type: ignore[method-assign]
    for _ in range(2):
        await sweep(bench)
    assert await told(bench) == [("DELETED", second.id)]


async def test_trouble_with_the_provider_in_the_middle_of_a_walk_loses_no_page(
    bench: Bench,
) -> None:
    await watched(bench, objects=12)
    bench.world.pass_time(timedelta(hours=7).total_seconds())
    slow_work = await bench.slow_work(SWEEPS)
    page, asked = bench.world.page, 0

    async def troubled(*arguments: Any, **options: Any) -> Any:
        nonlocal asked
        asked += 1
        if asked % 2:
            raise ProviderUnavailable("The provider has gone")
        return await page(*arguments, **options)

    bench.world.page = troubled  # type: ignore[method-assign]
    for _ in range(MOST_STEPS):
        due_at = slow_work.next_due_at()
        if due_at is not None and due_at > bench.world.our_clock():
            break
        try:
            await slow_work.step()
        except ProviderUnavailable:
            continue
    assert (await sweep_of(bench)).phase is Phase.WAITING
    absent = await bench.database.fetchval("select max(absent_sweeps) from snapshots")
    assert absent == 0


async def test_a_page_that_was_not_committed_is_read_again(bench: Bench) -> None:
    await watched(bench, objects=12)
    late = bench.world.edit(stamp=bench.world.stamp() - timedelta(minutes=4))
    bench.world.pass_time(timedelta(hours=1).total_seconds())
    slow_work = await bench.slow_work(SWEEPS)
    commit, committed = slow_work._journal.commit, 0

    async def interrupted(*arguments: Any, **options: Any) -> None:
        nonlocal committed
        committed += 1
        if committed % 2:
            raise ProviderUnavailable("not now")
        await commit(*arguments, **options)

    slow_work._journal.commit = interrupted  # type: ignore[method-assign]
    for _ in range(MOST_STEPS):
        due_at = slow_work.next_due_at()
        if due_at is not None and due_at > bench.world.our_clock():
            break
        try:
            await slow_work.step()
        except ProviderUnavailable:
            continue
    assert ("CREATED", late.id) in await told(bench)


async def test_a_backfill_tells_old_objects_as_old_and_goes_on_after_restarts(
    bench: Bench,
) -> None:
    for _ in range(20):
        bench.world.edit()
        bench.world.pass_time(60)
    poller = await bench.poller()
    await poller.poll_once(Beginning(since=BEGINNING))
    assert await bench.count("events") == 0
    for _ in range(MOST_STEPS):
        slow_work = await bench.slow_work(Wishes())
        if slow_work.next_due_at() is None:
            break
        await slow_work.step()
    rows = await bench.database.fetch("select type, backfill, object_id from events")
    assert {(row["type"], row["backfill"]) for row in rows} == {("CREATED", True)}
    assert len({row["object_id"] for row in rows}) == len(rows) == 26


async def test_a_narrowed_filter_is_quiet_and_a_deletion_outside_of_it_is_told_in_time(
    bench: Bench,
) -> None:
    things = await watched(bench, objects=30)
    await sweep(bench)
    known = len(things)
    for thing in things[5:]:
        thing.unlisted = True

    async def work(connection: Connection) -> None:
        await leases.lock_change(connection, bench.target.instance.id)
        await resource_changes.keep(connection, bench.target.resource_id, NARROWED)

    await bench.database.run_transaction(work)
    await bench.reload()
    before = await told(bench)
    bench.world.delete(things[6])
    bench.world.delete(things[0])
    assert (await sweep_of(bench)).lists_others
    for _ in range(2):
        assert (await sweep(bench)).braked == 0
    assert (await told(bench))[len(before) :] == [
        ("DELETED", things[0].id),
        ("DELETED", things[6].id),
    ]
    rested = await sweep_of(bench)
    assert (rested.lists_others, rested.outside, rested.brake) == (False, known - 6, None)
    for _ in range(5):
        assert (await sweep(bench)).braked == 0
    assert len(await told(bench)) == len(before) + 2


async def test_snapshots_that_were_dropped_are_told_under_new_event_ids(bench: Bench) -> None:
    first, *_ = await watched(bench)
    bench.world.edit(first)
    bench.world.pass_time(5)
    await (await bench.poller()).poll_once()
    assert await told(bench) == [("UPDATED", first.id)]

    async def work(connection: Connection) -> None:
        await leases.lock_change(connection, bench.target.instance.id)
        await resource_changes.rebaseline(connection, bench.target.resource_id, drop_snapshots=True)

    await bench.database.run_transaction(work)
    await bench.reload()
    await (await bench.poller()).poll_once()
    bench.world.edit(first)
    bench.world.pass_time(5)
    await (await bench.poller()).poll_once()
    rows = await bench.database.fetch("select sequence, revision, event_id from events")
    assert [(row["sequence"], row["revision"]) for row in rows] == [(1, 1), (2, 2)]
    assert len({row["event_id"] for row in rows}) == 2


async def test_a_rewind_with_resend_tells_again_under_new_revisions(bench: Bench) -> None:
    things = await watched(bench, objects=3)
    since = things[-1].versions[-1].stamp - timedelta(minutes=1)

    async def work(connection: Connection) -> None:
        await leases.lock_change(connection, bench.target.instance.id)
        await resource_changes.rewind(connection, bench.target.resource_id, since, resend=True)

    await bench.database.run_transaction(work)
    await bench.reload()
    for _ in range(2):
        await (await bench.poller()).poll_once()
    assert await told(bench) == [
        *[("CREATED", thing.id) for thing in things[-3:]],
        *[("UPDATED", thing.id) for thing in things[-3:]],
    ]


def lived(traits: Traits = QUIET, wishes: Wishes = SWEEPS, **edits: Any) -> Life:
    """A life in the model whose baseline was read, of some objects that are hours old."""
    world = World(1, traits)
    for _ in range(5):
        world.edit(**edits)
        world.pass_time(5 * 3600)
    life = Life(world=world, database=ModelDatabase(world), wishes=wishes)
    life.poll()
    return life


def kinds(life: Life) -> Sequence[tuple[str, str]]:
    return [(change.type, change.object_id) for change in life.database.told]


def test_a_row_later_than_the_overlap_is_found_by_reconciliation_and_counted() -> None:
    life = lived(wishes=RECONCILES)
    life.work_off()
    late_from = life.world.stamp()
    life.world.pass_time(timedelta(minutes=80).total_seconds())
    new = life.world.edit()
    life.world.pass_time(5)
    life.poll()
    late = life.world.edit(stamp=late_from)
    life.poll()
    assert kinds(life) == [("CREATED", new.id)]
    life.world.pass_time(60)
    life.work_off()
    assert kinds(life) == [("CREATED", new.id), ("CREATED", late.id)]
    assert life.missed == 1


def test_a_row_within_the_overlap_is_not_counted_as_missed_whoever_finds_it() -> None:
    life = lived(wishes=RECONCILES)
    life.work_off()
    life.world.pass_time(60)
    new = life.world.edit(stamp=life.world.stamp() - timedelta(seconds=30))
    life.work_off()
    assert kinds(life) == [("CREATED", new.id)]
    assert life.missed == 0


def test_the_first_reconciliation_stores_what_it_meets_silently_and_the_next_ones_do_not() -> None:
    life = lived(wishes=RECONCILES)
    known = len(life.database.snapshots)
    life.work_off()
    assert len(life.database.snapshots) > known
    assert (kinds(life), life.missed) == ([], 0)
    old = next(t for t in life.world.things.values() if t.id in life.database.snapshots)
    life.world.edit(old, old.versions[0].stamp + timedelta(seconds=1))
    life.world.pass_time(60)
    life.work_off()
    assert kinds(life) == [("UPDATED", old.id)]
    assert life.missed == 1


def test_an_import_dated_back_is_found_by_a_sweep_and_counted() -> None:
    life = lived()
    life.sweep()
    imported = life.world.edit(stamp=life.world.stamp() - timedelta(days=400))
    life.poll()
    assert kinds(life) == []
    life.sweep()
    assert kinds(life) == [("CREATED", imported.id)]
    assert life.missed == 1


def test_the_first_sweep_tells_nothing_of_what_was_there_before_the_baseline() -> None:
    life = lived()
    assert len(life.database.snapshots) < 5
    life.sweep()
    assert len(life.database.snapshots) == 5
    assert (kinds(life), life.missed) == ([], 0)
    assert life.database.marks.known_from is None
    assert life.database.marks.ids_complete


def test_an_object_that_is_met_by_a_poll_during_a_backfill_is_told_as_old() -> None:
    world = World(1, QUIET)
    for _ in range(30):
        world.edit()
    life = Life(world=world, database=ModelDatabase(world), beginning=Beginning(since=BEGINNING))
    life.poll()
    life.poll()
    new = world.edit(stamp=world.stamp() + timedelta(seconds=2))
    world.pass_time(5)
    life.poll()
    life.work_off()
    assert {change.backfill for change in life.database.told} == {True, False}
    assert [c.object_id for c in life.database.told if not c.backfill] == [new.id]


def test_nothing_is_told_of_what_lies_before_the_instant_a_resource_is_told_from() -> None:
    world = World(1, QUIET)
    things = []
    for _ in range(10):
        things.append(world.edit())
        world.pass_time(3600)
    since = things[4].versions[0].stamp
    life = Life(
        world=world,
        database=ModelDatabase(world),
        wishes=SWEEPS,
        beginning=Beginning(since=since),
    )
    life.poll()
    life.work_off()
    life.poll()
    life.sweep()
    assert [change.object_id for change in life.database.told] == [t.id for t in things[4:]]
    assert {change.backfill for change in life.database.told} == {True}


def test_an_instant_to_tell_from_that_is_still_to_come_is_the_same_as_none() -> None:
    world = World(1, QUIET)
    world.edit()
    beginning = Beginning(since=world.stamp() + timedelta(days=1))
    life = Life(world=world, database=ModelDatabase(world), beginning=beginning)
    life.poll()
    assert PassKind.BACKFILL not in life.database.work
    new = world.edit(stamp=world.stamp() + timedelta(seconds=1))
    world.pass_time(5)
    life.poll()
    assert kinds(life) == [("CREATED", new.id)]
