from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.polling.epoch import SECONDS
from daemon.polling.zones import UnknownZone, parse_zone, to_utc, zone_text

NEW_YORK = ZoneInfo("America/New_York")


def hours(count: float) -> tzinfo:
    return timezone(timedelta(hours=count))


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("UTC", UTC),
        ("gmt", UTC),
        ("Z", UTC),
        ("+00:00", UTC),
        ("GMT-0", UTC),
        ("EST", hours(-5)),
        ("edt", hours(-4)),
        ("CST", hours(-6)),
        ("CDT", hours(-5)),
        ("MST", hours(-7)),
        ("MDT", hours(-6)),
        ("PST", hours(-8)),
        ("PDT", hours(-7)),
        ("-6:00", hours(-6)),
        ("+06:00", hours(6)),
        ("-0800", hours(-8)),
        ("+5", hours(5)),
        ("GMT+2", hours(2)),
        ("UTC+05:30", hours(5.5)),
        ("-0:30", hours(-0.5)),
        ("America/New_York", NEW_YORK),
        ("Etc/GMT+2", ZoneInfo("Etc/GMT+2")),
        (" CET ", ZoneInfo("CET")),
    ],
)
def test_a_zone_is_read_in_every_spelling(text: str, zone: tzinfo) -> None:
    assert parse_zone(text) == zone


def test_the_zone_without_offset_is_utc_itself() -> None:
    assert parse_zone("GMT+00:00") is UTC


@pytest.mark.parametrize("text", ["", "  "])
def test_an_empty_zone_is_the_default(text: str) -> None:
    assert parse_zone(text, NEW_YORK) is NEW_YORK


@pytest.mark.parametrize(
    "text",
    [
        "Mars/Base",
        "America",
        "AST",
        "+15:00",
        "-14:30",
        "+05:75",
        "../../etc/passwd",
        "/etc/localtime",
        "localtime",
        "x" * 300,
        "a\0b",
        "6:00",
    ],
)
def test_what_names_no_zone_is_refused(text: str) -> None:
    with pytest.raises(UnknownZone, match=r"is no (time zone|offset)"):
        parse_zone(text)


@given(st.integers(-14 * 60, 14 * 60))
def test_the_text_of_an_offset_is_read_back(minutes: int) -> None:
    zone = timezone(timedelta(minutes=minutes))
    assert parse_zone(zone_text(zone)) == zone


@pytest.mark.parametrize("name", ["America/New_York", "Asia/Kolkata", "Etc/GMT+2"])
def test_the_text_of_a_named_zone_is_its_name(name: str) -> None:
    assert zone_text(parse_zone(name)) == name


def test_a_stamp_with_an_offset_ignores_the_zone() -> None:
    stamp = datetime(2024, 1, 1, 12, tzinfo=hours(2))
    assert to_utc(stamp, NEW_YORK) == datetime(2024, 1, 1, 10, tzinfo=UTC)
    assert to_utc(stamp, NEW_YORK).tzinfo is UTC


FOLD = datetime(2024, 11, 3, 1, 30)  # noqa: DTZ001 - a local time is what this is about
FIRST = datetime(2024, 11, 3, 5, 30, tzinfo=UTC)
SECOND = datetime(2024, 11, 3, 6, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "instant"),
    [
        (None, SECOND),
        (SECOND + timedelta(days=30), SECOND),
        (SECOND, SECOND),
        (SECOND - timedelta(seconds=1), FIRST),
        (FIRST - timedelta(days=30), FIRST),
    ],
    ids=["unknown", "long after", "at the second", "between", "both in the future"],
)
def test_an_ambiguous_stamp_is_the_later_instant_that_is_not_in_the_future(
    now: datetime | None, instant: datetime
) -> None:
    assert to_utc(FOLD, NEW_YORK, now) == instant


def test_a_time_that_clocks_jump_over_is_counted_on_from_before_the_jump() -> None:
    gap = datetime(2024, 3, 10, 2, 30)  # noqa: DTZ001 - a local time is what this is about
    assert to_utc(gap, NEW_YORK) == datetime(2024, 3, 10, 7, 30, tzinfo=UTC)
    assert to_utc(gap, NEW_YORK).astimezone(NEW_YORK).hour == 3


@given(
    st.integers(315_532_800, 2_114_380_800).map(SECONDS.parse),
    st.sampled_from(["America/New_York", "Europe/Paris", "Australia/Lord_Howe", "Asia/Kolkata"]),
)
def test_a_local_time_is_never_read_as_a_later_instant_than_now(now: datetime, name: str) -> None:
    zone = ZoneInfo(name)
    local = now.astimezone(zone).replace(tzinfo=None)
    assert now - to_utc(local, zone, now) in (
        timedelta(0),
        timedelta(hours=1),
        timedelta(minutes=30),
    )
