from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.polling.slow_pass import (
    PassKind,
    Phase,
    SlowPass,
    Wishes,
    Work,
    backfill_until,
    begun_anew,
    counts_as_missed,
    listing_begun,
    marks_after_listing,
    may_have_hidden,
    most_deletions,
    next_due,
    next_pass,
    reconciled,
    sweep_requested,
)
from daemon.polling.window import Marks, Proof
from daemon.polling.work_json import work_as_json, work_from_json

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
WISHES = Wishes(
    reconcile_interval=HOUR,
    reconcile_window=48 * HOUR,
    sweep_interval=6 * HOUR,
    sweep_max_fraction=0.05,
)
MARKS = Marks(cursor_at=NOON, baseline_at=NOON - HOUR, known_from=NOON - 2 * HOUR)

INSTANTS = st.none() | st.integers(0, 10**6).map(lambda seconds: NOON + timedelta(seconds=seconds))
PASSES = st.builds(
    SlowPass,
    kind=st.sampled_from(PassKind),
    phase=st.sampled_from(Phase),
    due_at=INSTANTS,
    lower=INSTANTS,
    until=INSTANTS,
    anchor=INSTANTS,
    seen=st.integers(0, 10**9),
    told=st.integers(0, 10**9),
    allowance=st.none() | st.integers(0, 10**9),
    confirmed=st.booleans(),
    brake=st.none() | st.text(),
    since=INSTANTS,
)
WORKS = st.lists(PASSES).map(lambda passes: {slow.kind: slow for slow in passes})


def work_of(*passes: SlowPass) -> Work:
    return {slow.kind: slow for slow in passes}


@given(WORKS)
def test_passes_survive_the_way_through_the_database(work: Work) -> None:
    assert work_from_json(work_as_json(work)) == work


def test_passes_written_with_fewer_fields_are_understood() -> None:
    stored = {"sweep": {"phase": "waiting", "due_at": NOON.isoformat()}}
    assert work_from_json(stored) == work_of(SlowPass(kind=PassKind.SWEEP, due_at=NOON))


@given(WORKS)
def test_whose_turn_it_is_has_something_to_do_and_comes_before_no_begun_one(work: Work) -> None:
    turn = next_pass(work, NOON)
    begun = [slow for slow in work.values() if slow.is_begun]
    if turn is None:
        assert not any(slow.is_due(NOON) for slow in work.values())
    else:
        assert turn.is_due(NOON)
        assert turn.is_begun or not begun


@given(WORKS)
def test_there_is_something_to_do_exactly_when_it_is_said_to_be(work: Work) -> None:
    due_at = next_due(work, NOON)
    assert (due_at == NOON) == (next_pass(work, NOON) is not None) or due_at is not None
    if due_at is None:
        assert all(slow.is_over for slow in work.values())
    else:
        assert next_pass(work, due_at) is not None


def test_what_is_wished_is_due_at_once_and_what_is_not_is_dropped() -> None:
    old = work_of(
        SlowPass(kind=PassKind.BACKFILL, phase=Phase.LISTING),
        SlowPass(kind=PassKind.CONTENT, due_at=NOON),
    )
    work = reconciled(old, WISHES, NOON)
    assert set(work) == {PassKind.BACKFILL, PassKind.SWEEP, PassKind.RECONCILE}
    assert (work[PassKind.SWEEP].due_at, work[PassKind.RECONCILE].due_at) == (NOON, NOON)
    assert work[PassKind.BACKFILL] == old[PassKind.BACKFILL]


def test_a_pass_that_waits_keeps_its_time_unless_the_interval_is_shorter_now() -> None:
    sweep = SlowPass(kind=PassKind.SWEEP, due_at=NOON + 5 * HOUR, brake="too many")
    assert reconciled(work_of(sweep), WISHES, NOON)[PassKind.SWEEP] == sweep
    shorter = replace(WISHES, sweep_interval=HOUR)
    again = reconciled(work_of(sweep), shorter, NOON)[PassKind.SWEEP]
    assert again == replace(sweep, due_at=NOON + HOUR)


def test_a_whole_baseline_was_the_first_comparison_of_content() -> None:
    wishes = Wishes(content_interval=HOUR)
    assert reconciled({}, wishes, NOON)[PassKind.CONTENT].due_at == NOON + HOUR
    at_once = replace(wishes, content_at_once=True)
    assert reconciled({}, at_once, NOON)[PassKind.CONTENT].due_at == NOON


@pytest.mark.parametrize("phase", [Phase.LISTING, Phase.CONFIRMING])
def test_a_sweep_that_is_begun_goes_on_when_one_is_asked_for(phase: Phase) -> None:
    begun = SlowPass(kind=PassKind.SWEEP, phase=phase, due_at=NOON, anchor=NOON, allowance=10)
    assert sweep_requested(work_of(begun), NOON, confirm=False) == work_of(begun)
    confirmed = sweep_requested(work_of(begun), NOON, confirm=True)[PassKind.SWEEP]
    assert confirmed == replace(begun, confirmed=True, allowance=None)


def test_a_confirmation_is_not_taken_back_by_asking_again() -> None:
    work = sweep_requested({}, NOON, confirm=True)
    assert sweep_requested(work, NOON, confirm=False)[PassKind.SWEEP].confirmed


def test_what_was_listing_begins_anew_and_what_is_over_stays_over() -> None:
    work = work_of(
        SlowPass(kind=PassKind.BACKFILL, phase=Phase.LISTING, lower=NOON, until=NOON, anchor=NOON),
        SlowPass(kind=PassKind.SWEEP, phase=Phase.CONFIRMING, confirmed=True, seen=5, told=2),
        SlowPass(kind=PassKind.RECONCILE),
    )
    later = NOON + HOUR
    assert begun_anew(work, later) == work_of(
        SlowPass(kind=PassKind.BACKFILL, due_at=later, lower=NOON, until=NOON),
        SlowPass(kind=PassKind.SWEEP, due_at=later, confirmed=True),
        SlowPass(kind=PassKind.RECONCILE),
    )


@pytest.mark.parametrize(
    ("living", "most"), [(0, 10), (100, 10), (200, 10), (1000, 50), (10**6, 50_000)]
)
def test_a_share_of_the_objects_may_be_gone_at_once_and_always_ten(living: int, most: int) -> None:
    assert most_deletions(living, WISHES) == most


def test_reconciliation_lists_its_window_up_to_where_polls_read_anyway() -> None:
    slow = SlowPass(kind=PassKind.RECONCILE, due_at=NOON)
    begun = listing_begun(slow, MARKS, WISHES, NOON - HOUR, NOON)
    assert (begun.lower, begun.anchor) == (NOON - 48 * HOUR, NOON - 48 * HOUR)
    assert begun.until == NOON - HOUR


@pytest.mark.parametrize("kind", [PassKind.SWEEP, PassKind.CONTENT])
def test_a_whole_listing_has_no_bounds(kind: PassKind) -> None:
    begun = listing_begun(SlowPass(kind=kind, seen=9, brake="b"), MARKS, WISHES, NOON, NOON)
    assert (begun.lower, begun.until, begun.seen) == (None, None, 0)
    assert begun.brake == "b", "it stands until a sweep comes to its end"


@pytest.mark.parametrize(
    ("kind", "lower", "known_from"),
    [
        (PassKind.SWEEP, None, None),
        (PassKind.CONTENT, None, None),
        (PassKind.RECONCILE, NOON - 5 * HOUR, NOON - 5 * HOUR),
        (PassKind.RECONCILE, NOON - HOUR, NOON - 2 * HOUR),
        (PassKind.BACKFILL, None, None),
    ],
)
def test_a_listing_lowers_the_edge_of_what_is_known_and_never_raises_it(
    kind: PassKind, lower: datetime | None, known_from: datetime | None
) -> None:
    after = marks_after_listing(MARKS, SlowPass(kind=kind, lower=lower))
    assert after.known_from == known_from
    assert after.ids_complete == (kind in (PassKind.SWEEP, PassKind.CONTENT))


@pytest.mark.parametrize(
    ("kind", "stamp", "missed"),
    [
        (PassKind.RECONCILE, NOON - 1.5 * HOUR, True),
        (PassKind.SWEEP, NOON - 1.5 * HOUR, True),
        (PassKind.RECONCILE, NOON - 3 * HOUR, False),
        (PassKind.RECONCILE, NOON - HOUR, False),
        (PassKind.RECONCILE, None, False),
        (PassKind.BACKFILL, NOON - 1.5 * HOUR, False),
        (PassKind.CONTENT, NOON - 1.5 * HOUR, False),
    ],
    ids=[
        "between the edges",
        "found by a sweep",
        "never read before",
        "where polls read anyway",
        "without a stamp",
        "by a backfill",
        "by content",
    ],
)
def test_only_what_polls_should_have_found_counts_as_missed(
    kind: PassKind, stamp: datetime | None, missed: bool
) -> None:
    assert counts_as_missed(stamp, MARKS, NOON - HOUR, SlowPass(kind=kind)) is missed


@pytest.mark.parametrize(
    ("changes", "until"),
    [
        ({"due_at": NOON}, NOON),
        ({"phase": Phase.LISTING}, NOON),
        ({}, None),
    ],
    ids=["to come", "under way", "over"],
)
def test_objects_are_old_only_while_a_backfill_is_under_way(
    changes: dict[str, Any], until: datetime | None
) -> None:
    backfill = SlowPass(kind=PassKind.BACKFILL, until=NOON, **changes)
    assert backfill_until(work_of(backfill)) == until
    assert backfill_until({}) is None


RECHECK = SlowPass(kind=PassKind.RECHECK, due_at=NOON, since=NOON - HOUR)
RECHECKS = Wishes(recheck_interval=HOUR)
PROVED = Proof(proved_at=NOON - HOUR, skew=timedelta(0))


def test_a_recheck_has_its_first_turn_an_interval_after_the_baseline() -> None:
    (slow,) = reconciled({}, RECHECKS, NOON).values()
    assert (slow.due_at, slow.since) == (NOON + HOUR, NOON)


def test_a_recheck_goes_back_to_what_any_zone_may_have_stamped_since_its_last_turn() -> None:
    begun = listing_begun(RECHECK, MARKS, RECHECKS, NOON - HOUR, NOON)
    assert (begun.lower, begun.until) == (NOON - 15 * HOUR, NOON - HOUR)
    assert listing_begun(begun.rest(NOON), MARKS, RECHECKS, NOON, NOON).lower == NOON - 14 * HOUR


def test_a_recheck_goes_back_further_where_the_clock_was_set_back() -> None:
    begun = listing_begun(RECHECK, MARKS, RECHECKS, None, NOON - 5 * HOUR)
    assert begun.lower == NOON - 19 * HOUR


@pytest.mark.parametrize(
    ("cursor_at", "proof", "hidden"),
    [
        (NOON, None, True),
        (NOON - 14 * HOUR, None, True),
        (NOON - 15 * HOUR, None, False),
        (None, None, False),
        (NOON, PROVED, False),
        (NOON, replace(PROVED, proved_at=NOON - 25 * HOUR), True),
    ],
)
def test_a_mark_hides_nothing_that_is_proved_or_older_than_what_any_zone_stamps(
    cursor_at: datetime | None, proof: Proof | None, *, hidden: bool
) -> None:
    marks = replace(MARKS, cursor_at=cursor_at, utc=proof)
    assert may_have_hidden(RECHECK, marks, RECHECKS, NOON, NOON) is hidden


def test_a_proof_is_checked_once_a_day_and_each_time_after_something_was_found() -> None:
    marks = replace(MARKS, utc=PROVED)
    yesterday = replace(RECHECK, since=NOON - 24 * HOUR)
    assert may_have_hidden(yesterday, marks, RECHECKS, NOON, NOON)
    assert may_have_hidden(replace(RECHECK, told=1), marks, RECHECKS, NOON, NOON)


def test_a_recheck_that_is_cut_off_goes_back_as_far_when_it_begins_anew() -> None:
    yesterday = replace(RECHECK, since=NOON - 24 * HOUR)
    begun = listing_begun(yesterday, MARKS, RECHECKS, None, NOON)
    (cut_off,) = begun_anew(work_of(begun), NOON).values()
    assert listing_begun(cut_off, MARKS, RECHECKS, None, NOON).lower == NOON - 38 * HOUR


def test_a_recheck_remembers_after_its_end_that_it_found_something() -> None:
    begun = replace(listing_begun(RECHECK, MARKS, RECHECKS, None, NOON), told=2)
    assert begun.rest(NOON + HOUR).told == 2
    assert listing_begun(begun.rest(NOON), MARKS, RECHECKS, None, NOON).told == 0
