from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.polling.folds import (
    before_repetition,
    is_after_fold,
    is_offset_changed,
    other_reading,
    season,
)
from daemon.polling.zones import to_utc

BERLIN, VANCOUVER = ZoneInfo("Europe/Berlin"), ZoneInfo("America/Vancouver")
FOLDS = {
    "Berlin": (BERLIN, datetime(2026, 10, 25, 1, tzinfo=UTC)),
    "Vancouver": (VANCOUVER, datetime(2026, 11, 1, 9, tzinfo=UTC)),
    "Lord Howe": (ZoneInfo("Australia/Lord_Howe"), datetime(2026, 4, 4, 15, tzinfo=UTC)),
}
"""Each zone, and when its clocks are set back."""

MINUTE = timedelta(minutes=1)
around = st.integers(-600, 600).map(lambda minutes: minutes * MINUTE)


@pytest.mark.parametrize(("zone", "fold"), FOLDS.values(), ids=FOLDS)
def test_a_fold_is_seen_from_its_moment_for_two_hours(zone: ZoneInfo, fold: datetime) -> None:
    assert not is_after_fold(zone, fold - MINUTE)
    assert is_after_fold(zone, fold)
    assert is_after_fold(zone, fold + timedelta(hours=2) - MINUTE)
    assert not is_after_fold(zone, fold + timedelta(hours=2))


def test_clocks_that_are_set_forward_make_no_fold() -> None:
    gap = datetime(2026, 3, 29, 1, tzinfo=UTC)
    for minutes in range(-180, 180, 15):
        assert not is_after_fold(BERLIN, gap + minutes * MINUTE)
        assert before_repetition(BERLIN, gap + minutes * MINUTE) == gap + minutes * MINUTE
        assert other_reading(BERLIN, gap + minutes * MINUTE) is None


@pytest.mark.parametrize(("zone", "fold"), FOLDS.values(), ids=FOLDS)
@given(bound=around, later=st.integers(0, 600).map(lambda minutes: minutes * MINUTE))
def test_no_local_time_since_a_bound_is_before_that_of_the_moved_bound(
    zone: ZoneInfo, fold: datetime, bound: timedelta, later: timedelta
) -> None:
    moved = before_repetition(zone, fold + bound)
    if moved >= fold or fold + bound < fold:
        written = (fold + bound + later).astimezone(zone).replace(tzinfo=None)
        assert moved.astimezone(zone).replace(tzinfo=None) <= written


@pytest.mark.parametrize(("zone", "fold"), FOLDS.values(), ids=FOLDS)
@given(offset=around)
def test_the_other_reading_of_a_stamp_is_the_one_that_another_time_would_have_given(
    zone: ZoneInfo, fold: datetime, offset: timedelta
) -> None:
    text = (fold + offset).astimezone(zone).replace(tzinfo=None, fold=0)
    readings = {to_utc(text, zone, now=fold - timedelta(days=1)), to_utc(text, zone)}
    for instant in readings:
        other = other_reading(zone, instant)
        assert {instant, other} - {None} == readings


def test_a_change_of_offset_is_seen_in_any_of_the_zones() -> None:
    before, after = datetime(2026, 10, 24, tzinfo=UTC), datetime(2026, 10, 26, tzinfo=UTC)
    assert is_offset_changed([UTC, BERLIN], before, after)
    assert not is_offset_changed([UTC, VANCOUVER], before, after)
    assert not is_offset_changed([], before, after)


def test_seasons_change_with_the_clocks_of_the_azores_and_at_no_other_time() -> None:
    azores = ZoneInfo("Atlantic/Azores")
    hours = [datetime(2026, 1, 1, tzinfo=UTC) + n * timedelta(hours=1) for n in range(3 * 365 * 24)]
    for before, after in pairwise(hours):
        is_set = before.astimezone(azores).utcoffset() != after.astimezone(azores).utcoffset()
        assert (season(before) != season(after)) is is_set, after


def test_no_zone_at_utc_sets_its_clocks_back_within_a_season() -> None:
    """What a proof of UTC relies on, as far as the zone database looks ahead."""
    days = [datetime(2026, 1, 1, tzinfo=UTC) + n * timedelta(days=1) for n in range(11 * 365)]
    for name in sorted(available_timezones() - {"localtime", "posixrules"}):
        zone = ZoneInfo(name)
        if all(_offset(zone, day) for day in days[::30]):
            continue
        for before, after in pairwise(days):
            if not _offset(zone, before) and _offset(zone, after) < timedelta(0):
                assert season(before) != season(after), f"{name} on {before:%Y-%m-%d}"


def _offset(zone: ZoneInfo, instant: datetime) -> timedelta:
    return instant.astimezone(zone).utcoffset() or timedelta(0)
