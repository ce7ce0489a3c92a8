from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.polling.verdict import (
    BEYOND_ALL,
    FURTHEST,
    Probe,
    ProbeKind,
    Probes,
    Verdict,
    clock_probe,
    observed_shift,
    stamps_ahead,
)

NOW = datetime(2026, 10, 24, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def literal(verdict: Verdict = Verdict.PROVED, **changes: timedelta) -> Probe:
    return Probe(kind=ProbeKind.LITERAL, verdict=verdict, detail="", at=NOW, **changes)


def probes(*made: Probe) -> Probes:
    return Probes(version=3).having(*made)


@pytest.mark.parametrize(
    ("shift", "widening"),
    [(0, 0), (-7, 0), (0.25, 1.25), (7, 8), (13.5, 14.5), (26, 26)],
    ids=str,
)
def test_a_shifted_literal_widens_by_its_shift_and_a_summer_time(
    shift: float, widening: float
) -> None:
    found = probes(literal(Verdict.SHIFTED, shift=shift * HOUR))
    assert found.widening == widening * HOUR
    assert found.literals_find


def test_literals_that_find_nothing_are_given_up() -> None:
    found = probes(literal(Verdict.SHIFTED, shift=BEYOND_ALL))
    assert not found.literals_find
    assert found.widening == timedelta(0)
    assert BEYOND_ALL > FURTHEST


@pytest.mark.parametrize(
    ("version", "at", "zones", "due"),
    [
        (3, NOW, (), False),
        (4, NOW, (), True),
        (3, NOW + 23 * HOUR, (), False),
        (3, NOW + 24 * HOUR, (), True),
        (3, NOW - 24 * HOUR, (), True),
        (3, NOW + 14 * HOUR, ("Europe/Berlin",), True),
        (3, NOW + 12 * HOUR, ("Europe/Berlin",), False),
        (3, NOW + 14 * HOUR, ("Asia/Tokyo",), False),
    ],
    ids=[
        "just made",
        "another configuration",
        "almost a day old",
        "a day old",
        "our clock was set back",
        "clocks of the zone were set",
        "clocks of the zone will be set",
        "clocks of another zone were set",
    ],
)
def test_probes_are_made_daily_for_each_configuration_and_after_a_change_of_clocks(
    version: int, at: datetime, zones: tuple[str, ...], due: bool
) -> None:
    assert probes(literal()).are_due(version, at, [ZoneInfo(zone) for zone in zones]) is due


def test_probes_never_made_are_due() -> None:
    assert Probes().are_due(0, NOW, [])


def test_a_literal_that_is_unknown_stays_open() -> None:
    unknown = probes(literal(Verdict.UNKNOWN))
    assert unknown.are_open(NOW)
    assert not unknown.are_open(NOW, at_least=HOUR)
    assert unknown.are_open(NOW + HOUR, at_least=HOUR)
    assert not probes(literal()).are_open(NOW + HOUR)
    assert not Probes().are_open(NOW)


def test_verdicts_survive_the_way_through_json() -> None:
    made = probes(
        literal(Verdict.SHIFTED, shift=-2 * HOUR), clock_probe(timedelta(seconds=61), NOW)
    )
    assert Probes.from_json(made.as_json()) == made
    assert Probes.from_json({}) == Probes()


@pytest.mark.parametrize(
    ("seconds", "verdict", "words"),
    [
        (0, Verdict.PROVED, "within 1 s"),
        (-60, Verdict.PROVED, "within 60 s"),
        (61, Verdict.SHIFTED, "61 s ahead of ours"),
        (-3600, Verdict.SHIFTED, "3600 s behind ours"),
    ],
)
def test_clocks_more_than_a_minute_apart_are_an_alarm(
    seconds: int, verdict: Verdict, words: str
) -> None:
    probe = clock_probe(timedelta(seconds=seconds), NOW)
    assert probe.verdict is verdict
    assert words in probe.detail


@pytest.mark.parametrize(
    ("ahead", "verdict", "words"),
    [
        (timedelta(seconds=30), None, ""),
        (119 * MINUTE, Verdict.SHIFTED, "UTC+02:00 or further east"),
        (345 * MINUTE, Verdict.SHIFTED, "UTC+06:00"),
        (timedelta(days=365), Verdict.UNKNOWN, "far in the future"),
    ],
    ids=str,
)
def test_a_newest_stamp_in_the_future_is_local_time(
    ahead: timedelta, verdict: Verdict | None, words: str
) -> None:
    probe = stamps_ahead(NOW + ahead, NOW, NOW)
    assert (probe and probe.verdict) == verdict
    assert words in (probe.detail if probe else "")


half_hours = st.integers(-24, 28).map(lambda count: count * 30 * MINUTE)
seconds = st.integers(0, 900).map(lambda count: timedelta(seconds=count))


@given(shift=half_hours, ages=st.lists(seconds, min_size=1, max_size=5))
def test_a_zone_is_recognized_by_what_changed_between_two_walks(
    shift: timedelta, ages: list[timedelta]
) -> None:
    stamps = [NOW - age + shift for age in ages]
    assert observed_shift(stamps, NOW - 15 * MINUTE, NOW, 2 * MINUTE) == shift


@pytest.mark.parametrize(
    ("stamps", "interval", "overlap"),
    [
        ([], 5 * MINUTE, 2 * MINUTE),
        ([NOW - HOUR], HOUR, 2 * MINUTE),
        ([NOW - HOUR], 5 * MINUTE, HOUR),
        ([NOW - HOUR, NOW], 5 * MINUTE, 2 * MINUTE),
        ([NOW - 20 * HOUR], 5 * MINUTE, 2 * MINUTE),
    ],
    ids=["nothing changed", "walks far apart", "a long overlap", "they disagree", "too far off"],
)
def test_a_zone_is_not_guessed(
    stamps: list[datetime], interval: timedelta, overlap: timedelta
) -> None:
    assert observed_shift(stamps, NOW - interval, NOW, overlap) is None
