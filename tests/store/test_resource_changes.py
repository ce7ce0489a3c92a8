from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from daemon.errors import Conflict, Fenced, InvalidInput
from daemon.instance import ResourceId, ResourceState
from daemon.polling.provider_clock import ProviderClock
from daemon.polling.refiltering import Refiltering
from daemon.polling.slow_pass import PassKind, Phase, SlowPass
from daemon.polling.snapshot import FORGOTTEN
from daemon.polling.target import margins_of
from daemon.polling.window import BEGINNING, Marks, Proof
from daemon.polling.work_json import work_as_json
from daemon.store import resource_changes, snapshots
from daemon.store.database import Connection, Database
from daemon.store.resource_changes import (
    keep,
    pause,
    rebaseline,
    request_poll,
    request_sweep,
    resume,
    rewind,
    rewind_to_baseline,
)
from daemon.store.resources import load_progress
from tests.polling.element import only
from tests.store.factories import make_instance, make_resource
from tests.store.snapshot_rows import STAMP, write_snapshots

CURSOR = datetime(2026, 3, 2, tzinfo=UTC)
BASELINE = CURSOR - timedelta(hours=5)
PROOF = Proof(proved_at=CURSOR, skew=timedelta(seconds=1))
HOUR = timedelta(hours=1)
RESUME = {"lower": None, "cap": CURSOR.isoformat(), "anchor": BASELINE.isoformat()}
SWEEPS = {"deletes": {"mode": "sweep", "intervalMinutes": 360, "maxFraction": 0.05}}

LOCAL = {"updatedDateField": "Changed", "updatedDateFormat": "yyyy-MM-dd HH:mm:ss"}


def refiltering(after: dict[str, Any], before: dict[str, Any] | None = None) -> Refiltering:
    polling = only({"url": "/hubs/crm/contacts", **after})
    return Refiltering(
        before=only({"url": "/hubs/crm/contacts", **(before or {})}),
        after=polling,
        margins=margins_of(polling),
    )


REFILTERED = refiltering({"url": "/hubs/crm/contacts?where=LastName='Ada'"})
RENAMED = refiltering({"idField": "Number"})
REZONED = refiltering(
    {"datesConfiguration": {**LOCAL, "updatedDateTimezone": "America/Vancouver"}},
    {"datesConfiguration": LOCAL},
)

Change = Callable[[Connection], Awaitable[None]]


async def make_polled(database: Database, **polling: Any) -> ResourceId:
    """A resource in the middle of its life."""
    resource_id = await make_resource(database, await make_instance(database), **polling)
    await database.execute(
        "update resources set state = 'active', cursor_at = $2, baseline_at = $3, known_from = $4,"
        " resume = $5, next_sequence = 8, next_poll_at = now() + interval '1 hour',"
        " utc_proved_at = $2, utc_skew_seconds = 1, last_error = 'it broke', failures = 3"
        " where id = $1",
        resource_id,
        CURSOR,
        BASELINE,
        BASELINE - HOUR,
        RESUME,
    )
    return resource_id


async def change(database: Database, work: Change) -> None:
    async with database.transaction() as connection:
        await work(connection)


async def read(database: Database, resource_id: ResourceId, *columns: str) -> dict[str, Any]:
    row = await database.fetchrow(
        f"select {', '.join(columns)} from resources where id = $1", resource_id
    )
    assert row is not None
    return dict(row)


async def set_work(database: Database, resource_id: ResourceId, *passes: SlowPass) -> None:
    work = work_as_json({slow.kind: slow for slow in passes})
    await database.execute("update resources set work = $2 where id = $1", resource_id, work)


async def test_a_rewind_moves_the_cursor_back_and_makes_the_next_poll_due(
    database: Database,
) -> None:
    resource_id = await make_polled(database)
    await change(database, lambda each: rewind(each, resource_id, CURSOR - HOUR, resend=False))
    assert await read(database, resource_id, "cursor_at", "resume", "next_poll_at") == {
        "cursor_at": CURSOR - HOUR,
        "resume": None,
        "next_poll_at": None,
    }
    marks = (await load_progress(database, resource_id)).marks
    assert (marks.baseline_at, marks.known_from) == (BASELINE, BASELINE - HOUR)
    assert marks.utc is not None


async def test_a_rewind_forward_is_refused_since_it_would_skip_what_lies_between(
    database: Database,
) -> None:
    resource_id = await make_polled(database)
    with pytest.raises(InvalidInput) as refused:
        await change(database, lambda each: rewind(each, resource_id, CURSOR + HOUR, resend=True))
    assert [fault.field for fault in refused.value.faults] == ["to"]
    assert await read(database, resource_id, "cursor_at") == {"cursor_at": CURSOR}


async def test_a_resource_without_a_cursor_cannot_be_rewound(database: Database) -> None:
    resource_id = await make_resource(database, await make_instance(database))
    with pytest.raises(Conflict, match="no cursor"):
        await change(database, lambda each: rewind(each, resource_id, CURSOR, resend=False))


async def test_only_living_objects_stamped_since_the_instant_are_told_again(
    database: Database,
) -> None:
    resource_id = await make_polled(database)
    ids = await write_snapshots(database, resource_id, 4)
    await database.execute("update snapshots set deleted = true where object_id = '000003'")
    to = STAMP + timedelta(minutes=2)
    await change(database, lambda each: rewind(each, resource_id, to, resend=True))
    known = await snapshots.find_known(database, resource_id, ids)
    assert [known[each].content_hash == FORGOTTEN for each in ids] == [False, False, True, False]
    assert known["000002"].revision == 1


async def test_a_sweep_asked_for_is_due_at_once_after_a_poll_that_is_due_at_once(
    database: Database,
) -> None:
    resource_id = await make_polled(database, **SWEEPS)
    later = datetime.now(UTC) + HOUR
    await set_work(
        database, resource_id, SlowPass(kind=PassKind.SWEEP, due_at=later, brake="too many")
    )
    await change(database, lambda each: request_sweep(each, resource_id, confirm=True))
    progress = await load_progress(database, resource_id)
    sweep = progress.work[PassKind.SWEEP]
    assert sweep.is_due(datetime.now(UTC) + timedelta(seconds=1))
    assert (sweep.confirmed, sweep.brake) == (True, "too many")
    assert progress.next_poll_at is None


async def test_a_sweep_under_way_goes_on_when_one_is_asked_for(database: Database) -> None:
    resource_id = await make_polled(database, **SWEEPS)
    listing = SlowPass(kind=PassKind.SWEEP, phase=Phase.LISTING, anchor=CURSOR, seen=7, allowance=3)
    await set_work(database, resource_id, listing)
    await change(database, lambda each: request_sweep(each, resource_id, confirm=False))
    assert (await load_progress(database, resource_id)).work == {PassKind.SWEEP: listing}
    await change(database, lambda each: request_sweep(each, resource_id, confirm=True))
    sweep = (await load_progress(database, resource_id)).work[PassKind.SWEEP]
    assert (sweep.phase, sweep.seen) == (Phase.LISTING, 7)
    assert (sweep.confirmed, sweep.allowance) == (True, None)


async def test_a_sweep_can_be_asked_for_before_the_first_one_was_written_down(
    database: Database,
) -> None:
    resource_id = await make_polled(database, **SWEEPS)
    await change(database, lambda each: request_sweep(each, resource_id, confirm=False))
    assert PassKind.SWEEP in (await load_progress(database, resource_id)).work


@pytest.mark.parametrize("polling", [{}, {"deletes": {"mode": "off"}}, {"deletes": None}])
async def test_a_resource_that_is_not_swept_refuses_a_sweep(
    database: Database, polling: dict[str, Any]
) -> None:
    resource_id = await make_polled(database, **polling)
    with pytest.raises(Conflict, match=r"deletes\.mode is off"):
        await change(database, lambda each: request_sweep(each, resource_id, confirm=False))


async def test_a_poll_asked_for_is_due_at_once(database: Database) -> None:
    resource_id = await make_polled(database)
    await change(database, lambda each: request_poll(each, resource_id))
    assert await read(database, resource_id, "next_poll_at") == {"next_poll_at": None}


@pytest.mark.parametrize(
    ("before", "paused", "resumed"),
    [
        ("active", "paused", "active"),
        ("degraded", "paused", "active"),
        ("stopped", "stopped", "stopped"),
    ],
)
async def test_a_resource_is_paused_and_resumed(
    database: Database, before: str, paused: str, resumed: str
) -> None:
    resource_id = await make_polled(database)
    await database.execute("update resources set state = $1", before)
    await change(database, lambda each: pause(each, resource_id))
    assert await read(database, resource_id, "state") == {"state": paused}
    await change(database, lambda each: resume(each, resource_id))
    found = await read(database, resource_id, "state", "cursor_at", "resume")
    assert found == {"state": resumed, "cursor_at": CURSOR, "resume": RESUME}


async def test_a_resource_paused_before_its_baseline_reads_it_when_resumed(
    database: Database,
) -> None:
    resource_id = await make_resource(database, await make_instance(database))
    await change(database, lambda each: pause(each, resource_id))
    await change(database, lambda each: resume(each, resource_id))
    assert await read(database, resource_id, "state") == {"state": "baseline_pending"}


async def test_a_new_baseline_keeps_the_sequence_and_nothing_else_of_the_progress(
    database: Database,
) -> None:
    resource_id = await make_polled(database)
    ids = await write_snapshots(database, resource_id, 2)
    await set_work(database, resource_id, SlowPass(kind=PassKind.BACKFILL))
    await change(database, lambda each: rebaseline(each, resource_id, drop_snapshots=False))
    progress = await load_progress(database, resource_id)
    assert progress.state is ResourceState.BASELINE_PENDING
    assert progress.marks == Marks()
    others = {PassKind.SWEEP: SlowPass(kind=PassKind.SWEEP, lists_others=True)}
    assert (progress.next_sequence, progress.work, progress.failures) == (8, others, 0)
    assert len(await snapshots.find_known(database, resource_id, ids)) == 2


async def test_a_paused_resource_stays_paused_over_a_new_baseline(database: Database) -> None:
    resource_id = await make_polled(database)
    await change(database, lambda each: pause(each, resource_id))
    await change(database, lambda each: rebaseline(each, resource_id, drop_snapshots=False))
    assert await read(database, resource_id, "state") == {"state": "paused"}
    await change(database, lambda each: resume(each, resource_id))
    assert await read(database, resource_id, "state") == {"state": "baseline_pending"}


async def test_dropped_snapshots_leave_a_floor_above_which_revisions_go_on(
    database: Database,
) -> None:
    resource_id = await make_polled(database)
    other = await make_polled(database)
    await write_snapshots(database, other, 1)
    await write_snapshots(database, resource_id, 3)
    await database.execute("update snapshots set revision = 5 where object_id = '000001'")
    await change(database, lambda each: rebaseline(each, resource_id, drop_snapshots=True))
    assert (await load_progress(database, resource_id)).revision_floor == 5
    assert await database.fetchval("select array_agg(resource_id) from snapshots") == [other]
    await change(database, lambda each: rebaseline(each, resource_id, drop_snapshots=True))
    assert (await load_progress(database, resource_id)).revision_floor == 5


async def test_going_back_to_the_baseline_reads_everything_since_it_again(
    database: Database,
) -> None:
    resource_id = await make_polled(database)
    sweep = SlowPass(kind=PassKind.SWEEP, phase=Phase.LISTING, anchor=CURSOR, seen=9)
    await set_work(database, resource_id, sweep)
    await change(database, lambda each: rewind_to_baseline(each, resource_id, REFILTERED))
    progress = await load_progress(database, resource_id)
    assert progress.marks == Marks(
        cursor_at=BASELINE,
        baseline_at=BASELINE,
        known_from=BASELINE + timedelta(microseconds=1),
        utc=PROOF,
    )
    restarted = progress.work[PassKind.SWEEP]
    assert (restarted.phase, restarted.anchor, restarted.seen) == (Phase.WAITING, None, 0)
    assert progress.next_poll_at is None


async def test_going_back_to_a_baseline_from_an_instant_tells_what_is_stamped_at_it(
    database: Database,
) -> None:
    resource_id = await make_polled(database)
    await set_work(database, resource_id, SlowPass(kind=PassKind.BACKFILL))
    await change(database, lambda each: rewind_to_baseline(each, resource_id, REFILTERED))
    assert (await load_progress(database, resource_id)).marks.known_from == BASELINE


async def test_going_back_to_before_everything_reads_without_a_lower_bound(
    database: Database,
) -> None:
    resource_id = await make_polled(database)
    await database.execute("update resources set baseline_at = $1", BEGINNING)
    await set_work(database, resource_id, SlowPass(kind=PassKind.BACKFILL))
    await change(database, lambda each: rewind_to_baseline(each, resource_id, RENAMED))
    marks = (await load_progress(database, resource_id)).marks
    assert marks == Marks(baseline_at=BEGINNING, ids_complete=True, utc=PROOF)


@pytest.mark.parametrize(("refiltering", "is_kept"), [(REFILTERED, True), (REZONED, False)])
@pytest.mark.parametrize("decide", [keep, rewind_to_baseline])
async def test_stamps_proved_to_be_utc_stay_so_under_another_filter_and_not_in_another_zone(
    database: Database,
    decide: Callable[..., Awaitable[None]],
    refiltering: Refiltering,
    *,
    is_kept: bool,
) -> None:
    resource_id = await make_polled(database)
    await change(database, partial(decide, resource_id=resource_id, change=refiltering))
    assert (await load_progress(database, resource_id)).marks.utc == (PROOF if is_kept else None)


async def test_a_clock_that_was_set_back_stays_so_in_the_words_of_another_zone(
    database: Database,
) -> None:
    resource_id = await make_polled(database)
    clock = ProviderClock(
        skew=timedelta(0), shown_at=CURSOR, highest_at=CURSOR + HOUR, set_back_to=BASELINE
    )
    await database.execute("update resources set clock = $1", clock.as_json())
    await change(database, lambda each: keep(each, resource_id, REZONED))
    rezoned = (await load_progress(database, resource_id)).marks.clock
    assert rezoned is not None
    assert rezoned.set_back_to is not None
    assert rezoned.set_back_to - BASELINE == timedelta(hours=8)
    assert rezoned.highest_at == clock.highest_at


async def test_listings_begin_anew_within_the_bounds_of_a_backfill(database: Database) -> None:
    resource_id = await make_polled(database)
    backfill = SlowPass(
        kind=PassKind.BACKFILL, phase=Phase.LISTING, lower=BASELINE, until=CURSOR, anchor=CURSOR
    )
    await set_work(database, resource_id, backfill)
    await change(database, lambda each: keep(each, resource_id, REFILTERED))
    restarted = (await load_progress(database, resource_id)).work[PassKind.BACKFILL]
    assert (restarted.phase, restarted.anchor) == (Phase.WAITING, None)
    assert (restarted.lower, restarted.until) == (BASELINE, CURSOR)


async def test_a_resource_that_is_gone_cannot_be_kept(database: Database) -> None:
    with pytest.raises(Fenced):
        await change(database, lambda each: keep(each, ResourceId(1), REFILTERED))


async def test_only_another_filter_makes_the_next_sweep_list_others(database: Database) -> None:
    resource_id = await make_polled(database)
    for refiltering, others in ((REZONED, False), (REFILTERED, True)):
        await set_work(database, resource_id, SlowPass(kind=PassKind.SWEEP, due_at=CURSOR))
        await change(database, partial(keep, resource_id=resource_id, change=refiltering))
        sweep = (await load_progress(database, resource_id)).work[PassKind.SWEEP]
        assert sweep.lists_others is others


def test_every_query_says_what_it_is_for() -> None:
    for query in resource_changes.QUERIES.values():
        assert query.startswith("-- ")
