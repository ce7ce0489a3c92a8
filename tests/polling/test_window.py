from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.polling.window import (
    ANY_ZONE,
    STEADY,
    UNPROVED_OVERLAP,
    Margins,
    Proof,
    Row,
    certain_cursor,
    floor,
    in_the_future_everywhere,
    lower_bound,
    proved_cap,
    proved_lower_bound,
    proves_utc,
    unproved_cap,
    unproved_mark,
)

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MARGINS = Margins(
    overlap=2 * MINUTE,
    poll_delay=timedelta(0),
    settle_lag=timedelta(0),
    granularity=SECOND,
    zone_configured=False,
)
GRANULARITIES = st.sampled_from([SECOND, MINUTE, HOUR, timedelta(days=1), SECOND / 1000])
INSTANTS = st.integers(0, 4 * 10**15).map(
    lambda microseconds: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
)


@given(INSTANTS, GRANULARITIES)
def test_an_instant_is_cut_down_by_less_than_the_granularity(
    instant: datetime, granularity: timedelta
) -> None:
    cut = floor(instant, granularity)
    assert timedelta(0) <= instant - cut < granularity
    assert floor(cut, granularity) == cut


@given(INSTANTS, INSTANTS, GRANULARITIES, st.booleans())
def test_the_lower_bound_is_at_least_the_overlap_below_cursor_and_cap(
    cursor: datetime, cap: datetime, granularity: timedelta, proved: bool
) -> None:
    margins = replace(MARGINS, granularity=granularity)
    bound = lower_bound(cursor, cap, margins, proved=proved)
    assert bound is not None
    assert bound <= min(cursor, cap) - margins.overlap_in(proved=proved)
    assert bound == margins.floor(bound)


def test_without_a_cursor_everything_is_read() -> None:
    assert lower_bound(None, NOON, MARGINS, proved=True) is None


@pytest.mark.parametrize(
    ("changes", "proved", "overlap"),
    [
        ({}, True, 2 * MINUTE),
        ({}, False, UNPROVED_OVERLAP),
        ({"zone_configured": True}, False, 2 * MINUTE),
        ({"provable": False}, True, UNPROVED_OVERLAP),
        ({"poll_delay": HOUR}, True, HOUR),
        ({"granularity": timedelta(days=1)}, True, timedelta(days=2)),
        ({"overlap": 2 * HOUR}, False, 2 * HOUR),
        ({"widened": ANY_ZONE}, True, ANY_ZONE + 2 * MINUTE),
    ],
    ids=[
        "proved",
        "perhaps a local time",
        "a zone is configured",
        "nothing can be proved",
        "a delay of polls",
        "days for stamps",
        "a longer overlap is wished",
        "literals are shifted",
    ],
)
def test_the_overlap_is_as_wide_as_the_doubts(
    changes: dict[str, object], proved: bool, overlap: timedelta
) -> None:
    margins = replace(MARGINS, **changes)  # type: ignore[arg-type]  # a table of fields
    assert margins.overlap_in(proved=proved) == overlap


def test_the_cap_is_the_time_of_the_provider_less_the_settle_lag() -> None:
    margins = replace(MARGINS, settle_lag=30 * SECOND)
    assert proved_cap(NOON, margins) == NOON - 30 * SECOND


def test_the_unproved_cap_is_the_newest_stamp_that_is_not_in_the_future_in_any_zone() -> None:
    stamps = [NOON - HOUR, None, NOON + ANY_ZONE, NOON + ANY_ZONE + SECOND]
    rows = [Row(identity="o", stamp=stamp) for stamp in stamps]
    assert unproved_cap(rows, NOON, MARGINS) == NOON + ANY_ZONE
    assert unproved_cap(rows[3:], NOON, MARGINS) is None
    assert in_the_future_everywhere(NOON + ANY_ZONE + SECOND, NOON)


def test_a_mark_is_never_later_than_it_is_in_utc() -> None:
    assert unproved_mark(NOON + 10 * HOUR, NOON, MARGINS) == NOON - MARGINS.settle_lag
    assert unproved_mark(NOON - 10 * HOUR, NOON, MARGINS) == NOON - 10 * HOUR
    assert unproved_mark(None, NOON, MARGINS) is None


@pytest.mark.parametrize("skew", [timedelta(0), -HOUR, HOUR], ids=["right", "slow", "fast"])
def test_a_proof_holds_for_a_day_while_both_clocks_go_on_alike(skew: timedelta) -> None:
    proof = Proof(proved_at=NOON, skew=skew)
    assert proof.holds(NOON + skew + HOUR, NOON + HOUR)
    assert not proof.holds(NOON + skew + timedelta(days=1), NOON + timedelta(days=1))


def test_a_proof_ends_when_our_clock_jumps_by_an_hour() -> None:
    proof = Proof(proved_at=NOON, skew=timedelta(0))
    assert not proof.holds(NOON + MINUTE, NOON + MINUTE + HOUR)
    assert not proof.holds(NOON + MINUTE, NOON + MINUTE - HOUR)


def test_a_cursor_goes_back_with_a_provider_whose_clock_was_set_back() -> None:
    proof = Proof(proved_at=NOON, skew=timedelta(0))
    later = NOON + MINUTE

    def certain(provider_time: datetime) -> datetime | None:
        return certain_cursor(later, proof, provider_time=provider_time, now=later)

    assert certain(later - 2 * HOUR) == NOON - 2 * HOUR
    assert certain(later + 2 * HOUR) == NOON
    assert certain(later + STEADY) == later
    assert certain_cursor(None, proof, provider_time=later - HOUR, now=later) is None


def test_a_proof_ends_with_the_season() -> None:
    set_back = datetime(2026, 10, 25, 1, tzinfo=UTC)
    before = set_back - timedelta(minutes=1)
    proof = Proof(proved_at=before, skew=timedelta(0))
    assert proof.holds(set_back - SECOND, set_back - SECOND)
    assert not proof.holds(set_back, set_back)
    ours_behind = Proof(proved_at=before - timedelta(hours=1), skew=timedelta(hours=1))
    assert not ours_behind.holds(set_back, set_back - timedelta(hours=1))


def test_nothing_is_proved_by_walks_from_before_and_after_clocks_were_set() -> None:
    set_back = datetime(2026, 10, 25, 1, tzinfo=UTC)
    overlap = timedelta(minutes=2)
    for minutes, proved in ((-1, True), (1, False), (5, False), (9, True)):
        now = set_back + timedelta(minutes=minutes)
        previous = now - timedelta(minutes=5)
        assert proves_utc([now - SECOND], previous, now, overlap) is proved, minutes


def test_a_cursor_ahead_of_the_time_is_not_believed_where_the_stamps_are_utc() -> None:
    now = datetime(2026, 6, 1, 12, tzinfo=UTC)
    proof = Proof(proved_at=now - timedelta(hours=3), skew=timedelta(0))

    def bound(cursor: datetime) -> datetime | None:
        return proved_lower_bound(cursor, proof, MARGINS, provider_time=now)

    overlap = MARGINS.overlap_in(proved=True)
    assert bound(now - timedelta(hours=1)) == now - timedelta(hours=1) - overlap
    assert bound(now + timedelta(seconds=30)) == now - overlap
    assert bound(now + timedelta(hours=5)) == proof.proved_at - overlap


def test_a_change_between_two_walks_proves_utc_only_if_no_other_zone_fits() -> None:
    earlier = NOON - 10 * MINUTE
    between = [NOON - MINUTE]
    assert proves_utc(between, earlier, NOON, 2 * MINUTE)
    assert not proves_utc([NOON - HOUR - MINUTE], earlier, NOON, 2 * MINUTE)
    assert not proves_utc([], earlier, NOON, 2 * MINUTE)
    assert not proves_utc(between, None, NOON, 2 * MINUTE)
    assert not proves_utc(between, NOON - HOUR, NOON, 2 * MINUTE)
