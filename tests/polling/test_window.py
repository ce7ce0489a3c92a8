from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.polling.window import (
    ANY_ZONE,
    FOLD_OVERLAP,
    FURTHEST_BEHIND,
    REFUTED_FOR,
    Margins,
    Marks,
    Proof,
    Row,
    cap_at,
    floor,
    in_the_future_everywhere,
    lower_bound,
    newest_stamp,
    proves_utc,
    refutes_utc,
)

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
SET_BACK = datetime(2026, 10, 25, 1, tzinfo=UTC)
"""When European clocks are."""

MARGINS = Margins(
    overlap=2 * MINUTE,
    poll_delay=timedelta(0),
    settle_lag=timedelta(0),
    granularity=SECOND,
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


@given(INSTANTS, GRANULARITIES)
def test_the_lower_bound_is_at_least_the_overlap_below_the_cursor(
    cursor: datetime, granularity: timedelta
) -> None:
    margins = replace(MARGINS, granularity=granularity)
    bound = lower_bound(cursor, margins)
    assert bound is not None
    assert bound <= cursor - margins.least_overlap
    assert bound == margins.floor(bound)


def test_without_a_cursor_everything_is_read() -> None:
    assert lower_bound(None, MARGINS) is None


@pytest.mark.parametrize(
    ("changes", "overlap"),
    [
        ({}, 2 * MINUTE),
        ({"poll_delay": HOUR}, HOUR),
        ({"granularity": timedelta(days=1)}, timedelta(days=2)),
        ({"overlap": 2 * HOUR}, 2 * HOUR),
        ({"widened": ANY_ZONE}, ANY_ZONE + 2 * MINUTE),
        ({"zone": BERLIN}, FOLD_OVERLAP),
        ({"zone": BERLIN, "overlap": 2 * HOUR}, 2 * HOUR),
        ({"zone": BERLIN, "widened": ANY_ZONE}, ANY_ZONE + FOLD_OVERLAP),
    ],
    ids=[
        "usual",
        "a delay of polls",
        "days for stamps",
        "a longer one is wished",
        "literals are shifted",
        "clocks were just set back",
        "set back, and a longer one is wished",
        "set back, and literals are shifted",
    ],
)
def test_the_overlap_is_as_wide_as_the_doubts(
    changes: dict[str, object], overlap: timedelta
) -> None:
    margins = replace(MARGINS, **changes)  # type: ignore[arg-type]  # a table of fields
    assert margins.overlap_at(SET_BACK + HOUR) == overlap


@pytest.mark.parametrize(
    ("behind", "proved", "cap"),
    [
        (FURTHEST_BEHIND, True, NOON),
        (FURTHEST_BEHIND, False, NOON - 12 * HOUR),
        (timedelta(0), False, NOON),
    ],
    ids=["proved", "of any zone", "a zone is configured"],
)
def test_the_cap_is_never_later_than_what_is_stamped_from_now_on(
    behind: timedelta, proved: bool, cap: datetime
) -> None:
    margins = replace(MARGINS, behind=behind, settle_lag=30 * SECOND)
    assert cap_at(NOON, margins, proved=proved) == cap - 30 * SECOND


def test_no_stamp_is_believed_that_is_in_the_future_in_any_zone() -> None:
    stamps = [NOON - HOUR, None, NOON + ANY_ZONE, NOON + ANY_ZONE + SECOND]
    rows = [Row(identity="o", stamp=stamp) for stamp in stamps]
    assert newest_stamp(rows, NOON) == NOON + ANY_ZONE
    assert newest_stamp(rows[3:], NOON) is None
    assert in_the_future_everywhere(NOON + ANY_ZONE + SECOND, NOON)


@pytest.mark.parametrize("skew", [timedelta(0), -HOUR, HOUR], ids=["right", "slow", "fast"])
def test_a_proof_holds_for_a_day_while_both_clocks_go_on_alike(skew: timedelta) -> None:
    proof = Proof(proved_at=NOON, skew=skew)
    assert proof.holds(NOON + skew + HOUR, NOON + HOUR)
    assert not proof.holds(NOON + skew + timedelta(days=1), NOON + timedelta(days=1))


def test_a_proof_ends_when_our_clock_jumps_by_an_hour() -> None:
    proof = Proof(proved_at=NOON, skew=timedelta(0))
    assert not proof.holds(NOON + MINUTE, NOON + MINUTE + HOUR)
    assert not proof.holds(NOON + MINUTE, NOON + MINUTE - HOUR)


def test_a_proof_ends_with_the_season() -> None:
    before = SET_BACK - timedelta(minutes=1)
    proof = Proof(proved_at=before, skew=timedelta(0))
    assert proof.holds(SET_BACK - SECOND, SET_BACK - SECOND)
    assert not proof.holds(SET_BACK, SET_BACK)
    ours_behind = Proof(proved_at=before - timedelta(hours=1), skew=timedelta(hours=1))
    assert not ours_behind.holds(SET_BACK, SET_BACK - timedelta(hours=1))


def test_nothing_is_proved_by_walks_from_before_and_after_clocks_were_set() -> None:
    overlap = timedelta(minutes=2)
    for minutes, proved in ((-1, True), (1, False), (5, False), (9, True)):
        now = SET_BACK + timedelta(minutes=minutes)
        previous = now - timedelta(minutes=5)
        assert proves_utc([now - SECOND], previous, now, overlap) is proved, minutes


def test_a_change_between_two_walks_proves_utc_only_if_no_other_zone_fits() -> None:
    earlier = NOON - 10 * MINUTE
    between = [NOON - MINUTE]
    assert proves_utc(between, earlier, NOON, 2 * MINUTE)
    assert not proves_utc([NOON - HOUR - MINUTE], earlier, NOON, 2 * MINUTE)
    assert not proves_utc([], earlier, NOON, 2 * MINUTE)
    assert not proves_utc(between, None, NOON, 2 * MINUTE)
    assert not proves_utc(between, NOON - HOUR, NOON, 2 * MINUTE)


def test_one_stamp_of_a_zone_west_of_utc_refutes_what_others_prove_for_a_week() -> None:
    earlier, late, overlap = NOON - 10 * MINUTE, NOON - 50 * MINUTE, 2 * MINUTE
    western = NOON - 7 * HOUR
    assert refutes_utc([NOON, western], earlier, overlap)
    assert not refutes_utc([NOON, late, NOON + HOUR], earlier, overlap)
    assert not refutes_utc([western], None, overlap)
    marks = Marks(refuted_at=NOON)
    assert marks.is_refuted(NOON + REFUTED_FOR - SECOND)
    assert not marks.is_refuted(NOON + REFUTED_FOR)
    assert not Marks().is_refuted(NOON)
