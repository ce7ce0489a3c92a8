from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from time import perf_counter
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.polling.epoch import MICROSECONDS, MILLISECONDS, SECONDS, UnreadableDate
from daemon.polling.javadate import DatePattern, compile_format, compile_pattern

ISO = "yyyy-MM-dd'T'HH:mm:ssXXX"
INSTANT = datetime(2019, 1, 5, 16, 54, 3, 123456, tzinfo=UTC)
NEW_YORK = ZoneInfo("America/New_York")
VANCOUVER = ZoneInfo("America/Vancouver")
INSTANTS = st.integers(347_155_200_000_000, 2_114_380_800_000_000).map(MICROSECONDS.parse)
ZONES = st.sampled_from(
    [UTC, timezone(timedelta(hours=5, minutes=30)), NEW_YORK, ZoneInfo("Australia/Lord_Howe")]
)


@pytest.mark.parametrize(
    ("pattern", "in_utc", "in_new_york"),
    [
        (ISO, "2019-01-05T16:54:03Z", "2019-01-05T11:54:03-05:00"),
        ("yyyy-MM-dd'T'HH:mm:ss'Z'", "2019-01-05T16:54:03Z", "2019-01-05T11:54:03Z"),
        (
            "yyyy-MM-dd'T'HH:mm:ss.SSSZ",
            "2019-01-05T16:54:03.123+0000",
            "2019-01-05T11:54:03.123-0500",
        ),
        ("yyyy-MM-dd HH:mm:ss.S", "2019-01-05 16:54:03.1", "2019-01-05 11:54:03.1"),
        (
            "yyyy-MM-dd HH:mm:ss.SSSSSSS",
            "2019-01-05 16:54:03.1234560",
            "2019-01-05 11:54:03.1234560",
        ),
        ("yyyyMMddHHmmss", "20190105165403", "20190105115403"),
        ("yyyy-MM-dd HH:mm XX", "2019-01-05 16:54 Z", "2019-01-05 11:54 -0500"),
        ("yyyy-MM-dd HHX", "2019-01-05 16Z", "2019-01-05 11-05"),
        (
            "EEE MMM dd HH:mm:ss zzz yyyy",
            "Sat Jan 05 16:54:03 UTC 2019",
            "Sat Jan 05 11:54:03 EST 2019",
        ),
        (
            "EEEE, d MMMM yyyy 'at' h:mm a",
            "Saturday, 5 January 2019 at 4:54 PM",
            "Saturday, 5 January 2019 at 11:54 AM",
        ),
        ("M/d/yy K:mm a", "1/5/19 4:54 PM", "1/5/19 11:54 AM"),
        ("dd.MM.y kk 'o''clock'", "05.01.2019 16 o'clock", "05.01.2019 11 o'clock"),
        ("milliseconds", "1546707243123", "1546707243123"),
        ("Seconds", "1546707243", "1546707243"),
    ],
    ids=lambda text: text,
)
def test_an_instant_is_printed_as_java_does(pattern: str, in_utc: str, in_new_york: str) -> None:
    form = compile_format(pattern)
    assert form.format(INSTANT) == in_utc
    assert form.format(INSTANT.astimezone(NEW_YORK)) == in_new_york


@pytest.mark.parametrize(
    ("hour", "texts"),
    [(0, ("24", "12", "0")), (12, ("12", "12", "0")), (23, ("23", "11", "11"))],
    ids=["midnight", "noon", "evening"],
)
def test_each_hour_letter_counts_its_own_way(hour: int, texts: tuple[str, str, str]) -> None:
    at = datetime(2019, 1, 5, hour, tzinfo=UTC)
    pattern = compile_pattern("yyyy-MM-dd a k h K")
    assert pattern.format(at).split()[2:] == list(texts)
    for letter in "khK":
        single = compile_pattern(f"yyyy-MM-dd {letter} a")
        assert single.parse(single.format(at)) == at


@pytest.mark.parametrize(
    ("zone", "text"),
    [
        (ZoneInfo("Asia/Shanghai"), "GMT+08:00"),
        (timezone(timedelta(hours=-8)), "GMT-08:00"),
        (ZoneInfo("America/Sao_Paulo"), "GMT-02:00"),
        (VANCOUVER, "PST"),
    ],
    ids=["China's CST is not Chicago's", "offset", "no abbreviation", "known abbreviation"],
)
def test_a_zone_is_printed_by_a_name_only_if_that_is_read_back_right(
    zone: ZoneInfo | timezone, text: str
) -> None:
    pattern = compile_pattern("yyyy-MM-dd HH:mm:ss z")
    local = INSTANT.astimezone(zone)
    assert pattern.format(local).endswith(f" {text}")
    assert pattern.parse(pattern.format(local)) == INSTANT.replace(microsecond=0)


@pytest.mark.parametrize(
    ("pattern", "granularity"),
    [
        ("yyyy", timedelta(days=366)),
        ("MM/yyyy", timedelta(days=31)),
        ("yyyy-MM-dd", timedelta(days=1)),
        ("yyyy-MM-dd HH", timedelta(hours=1)),
        ("MM/dd/yyyy hh:mm a", timedelta(minutes=1)),
        (ISO, timedelta(seconds=1)),
        ("yyyy-MM-dd HH:mm:ss.S", timedelta(milliseconds=100)),
        ("yyyy-MM-dd HH:mm:ss.SSS", timedelta(milliseconds=1)),
        ("yyyy-MM-dd HH:mm:ss.SSSSSSSSS", timedelta(microseconds=1)),
        ("milliseconds", timedelta(milliseconds=1)),
        ("seconds", timedelta(seconds=1)),
    ],
)
def test_the_granularity_is_that_of_the_finest_letter(pattern: str, granularity: timedelta) -> None:
    assert compile_format(pattern).granularity == granularity


WITH_FRACTION = datetime(2015, 1, 20, 20, 37, 51, 500000, tzinfo=UTC)
WHOLE = datetime(2015, 1, 20, 20, 37, 51, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2015-01-20T20:37:51Z", WHOLE),
        ("2015-01-20T20:37:51", WHOLE),
        ("2015-01-20T22:37:51+02:00", WHOLE),
        ("2015-01-20T22:37:51+0200", WHOLE),
        ("2015-01-20T14:37:51-06", WHOLE),
        ("2015-01-20T20:37:51.5Z", WITH_FRACTION),
        ("2015-01-20T20:37:51,500", WITH_FRACTION),
        ("2015-01-20T20:37:51.5000000Z", WITH_FRACTION),
        ("2015-01-20 20:37:51", WHOLE),
        (" 2015-01-20T20:37:51Z ", WHOLE),
        ("2015-01-20t20:37:51z", WHOLE),
        ("2015-01-20T20:37:51 GMT", WHOLE),
        ("2015-01-20T20:37Z", WHOLE.replace(second=0)),
        ("2015-01-20", WHOLE.replace(hour=0, minute=0, second=0)),
        ("2015-01-19T24:00:00Z", WHOLE.replace(hour=0, minute=0, second=0)),
        ("20150120T203751Z", WHOLE),
    ],
)
def test_an_iso_stamp_is_read_with_or_without_zone_and_fraction(
    text: str, instant: datetime
) -> None:
    parsed = compile_format(ISO).parse(text)
    assert parsed == instant
    assert parsed.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("pattern", "value", "instant"),
    [
        ("MM/dd/yyyy hh:mm a", "01/20/2015 08:37 PM", WHOLE.replace(second=0)),
        ("MM/dd/yyyy hh:mm a", "1/20/2015 8:37 p.m.", WHOLE.replace(second=0)),
        ("MM/dd/yyyy hh:mm a", "01/20/2015 12:00 am", WHOLE.replace(hour=0, minute=0, second=0)),
        ("MM/dd/yyyy hh:mm a", "2015-01-20T20:37:51Z", WHOLE),
        ("EEE MMM dd HH:mm:ss zzz yyyy", "Tue Jan 20 15:37:51 EST 2015", WHOLE),
        ("EEE MMM dd HH:mm:ss zzz yyyy", "Tuesday January 20 20:37:51 2015", WHOLE),
        ("d. MMMM yyyy HH:mm:ss", "20. jan. 2015 20:37:51", WHOLE),
        ("EEE, dd MMM yyyy HH:mm:ss Z", "Tue, 20 Jan 2015 12:37:51 -0800", WHOLE),
        ("yyyyMMddHHmmss", "20150120203751", WHOLE),
        ("yyyyMMddHHmmss", 20150120203751, WHOLE),
        ("yyyyMMddHHmmssSSS", "20150120203751500", WITH_FRACTION),
        ("yyyyMMddHHmmss", "20150120203751.5", WITH_FRACTION),
        ("dd.MM.yyyy HH:mm:ss.SSS", "20.01.2015 20:37:51.500", WITH_FRACTION),
        ("dd.MM.yyyy HH:mm:ss.SSS", "20.01.2015 20:37:51", WHOLE),
        ("dd.MM.yyyy HH:mm:ss", "20.01.2015 21:37:51 +01:00", WHOLE),
        ("dd/MM/yy", "20/01/15", WHOLE.replace(hour=0, minute=0, second=0)),
        ("dd/MM/yy", "20/01/2015", WHOLE.replace(hour=0, minute=0, second=0)),
        ("yyyy-MM-dd kk:mm:ss", "2015-01-20 20:37:51", WHOLE),
        ("milliseconds", 1421786271500, WITH_FRACTION),
        ("milliseconds", "1421786271500", WITH_FRACTION),
        ("seconds", 1421786271, WHOLE),
    ],
)
def test_a_stamp_is_read_by_its_pattern(pattern: str, value: object, instant: datetime) -> None:
    assert compile_format(pattern).parse(value) == instant


def test_two_digits_of_a_year_mean_1969_to_2068() -> None:
    pattern = compile_pattern("dd/MM/yy")
    assert [pattern.parse(f"01/01/{year}").year for year in ("68", "69")] == [2068, 1969]


@pytest.mark.parametrize(
    ("pattern", "value"),
    [
        (ISO, None),
        (ISO, True),
        (ISO, 12.5),
        (ISO, []),
        (ISO, ""),
        (ISO, "yesterday"),
        (ISO, "2015-02-30T00:00:00Z"),
        (ISO, "2015-01-20T25:00:00Z"),
        (ISO, "2015-01-20T20:37:51 Mars"),
        (ISO, "2015-01-20T20:37:51+99:00"),
        (ISO, "20150120203751"),
        (ISO, "01/20/2015"),
        (ISO, "2015"),
        (ISO, "0001-01-01T00:00:00+01:00"),
        (ISO, "9999-12-31T23:59:59-01:00"),
        (ISO, "\ud800"),
        (ISO, "2015-01-20T20:37:51Z\0"),
        (ISO, "1" * 100_000),
        (ISO, 10**5000),
        ("yyyy-MM-dd kk", "2015-01-20 25"),
        ("yyyy-MM-dd hh a", "2015-01-20 13 PM"),
        ("MM/dd/yyyy", "20/01/2015"),
        ("MM/dd/yyyy", "1/2/19"),
        ("yyyyMMdd", "150120"),
        ("dd MMM yyyy", "20 Foo 2015"),
        ("dd/MM/yyyy", "٢٠/٠١/٢٠١٥"),
    ],
    ids=lambda value: repr(value)[:30] if not isinstance(value, int) else type(value).__name__,
)
def test_what_is_no_date_is_unreadable(pattern: str, value: object) -> None:
    with pytest.raises(UnreadableDate, match="is no date in the format"):
        compile_format(pattern).parse(value)


@pytest.mark.parametrize(
    ("pattern", "text", "hour"),
    [
        ("yyyy-MM-dd'T'HH:mm:ss'Z'", "2023-09-08T14:25:04Z", 21),
        ("yyyy-MM-dd'T'HH:mm:ss'Z'", "2023-09-08T14:25:04", 21),
        ("yyyy-MM-dd'T'HH:mm:ss'Z'", "2023-09-08T14:25:04.000Z", 21),
        ("yyyy-MM-dd'T'HH:mm:ss'Z'", "2023-09-08T14:25:04+01:00", 13),
        ("yyyy-MM-dd'T'HH:mm:ss", "2023-09-08T14:25:04", 21),
        ("yyyy-MM-dd'T'HH:mm:ss", "2023-09-08T14:25:04Z", 14),
        (ISO, "2023-09-08T14:25:04", 21),
        (ISO, "2023-09-08T14:25:04Z", 14),
        ("MM/dd/yyyy HH:mm:ss'Z'", "09/08/2023 14:25:04Z", 21),
        ("MM/dd/yyyy HH:mm:ss", "09/08/2023 14:25:04", 21),
    ],
)
def test_a_z_in_quotes_leaves_the_stamp_to_the_configured_zone(
    pattern: str, text: str, hour: int
) -> None:
    parsed = compile_pattern(pattern).parse(text, VANCOUVER)
    assert parsed == datetime(2023, 9, 8, hour, 25, 4, tzinfo=UTC)


def test_an_ambiguous_local_stamp_is_not_read_into_the_future() -> None:
    pattern = compile_pattern("yyyy-MM-dd HH:mm")
    first, second = (datetime(2024, 11, 3, hour, 30, tzinfo=UTC) for hour in (5, 6))
    assert pattern.parse("2024-11-03 01:30", NEW_YORK, first) == first
    assert pattern.parse("2024-11-03 01:30", NEW_YORK, second) == second


def test_a_quote_that_opens_nothing_at_the_end_is_left_out() -> None:
    assert compile_format(f"{ISO}'") == compile_format(ISO)
    assert compile_format(f"{ISO}'").format(INSTANT) == "2019-01-05T16:54:03Z"


def test_the_words_are_epoch_counts() -> None:
    assert compile_format(" Milliseconds ") is MILLISECONDS
    assert compile_format("seconds") is SECONDS


ROUND_TRIPS = [
    ISO,
    "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX",
    "EEE, d MMM yyyy H:m:s Z",
    "yyyyMMddHHmmssSSSX",
    "h:mm:ss a 'on' MMMM d, yyyy z",
    "yyyy-MM-dd kk:mm XX",
    "K a dd/MM/yyyy XXX",
]


@pytest.mark.parametrize("text", ROUND_TRIPS)
@given(instant=INSTANTS, zone=ZONES)
def test_what_a_pattern_with_an_offset_prints_is_read_back(
    text: str, instant: datetime, zone: timezone | ZoneInfo
) -> None:
    pattern = compile_pattern(text)
    assert pattern.parse(pattern.format(instant.astimezone(zone))) == pattern.floor(instant, zone)


@pytest.mark.parametrize("text", ["yyyy-MM-dd HH:mm:ss", "yyyyMMdd", "MM/dd/yyyy hh:mm a", "yyyy"])
@given(instant=INSTANTS)
def test_what_a_pattern_prints_in_utc_is_read_back(text: str, instant: datetime) -> None:
    pattern = compile_pattern(text)
    assert pattern.parse(pattern.format(instant)) == pattern.floor(instant)


@pytest.mark.parametrize("text", [*ROUND_TRIPS, "yyyy-MM-dd HH:mm", "yyyy-MM-dd", "yyyy-MM"])
@given(instant=INSTANTS, zone=ZONES)
def test_a_floor_is_not_later_and_not_further_back_than_a_unit_and_a_repeated_hour(
    text: str, instant: datetime, zone: timezone | ZoneInfo
) -> None:
    pattern = compile_pattern(text)
    floored = pattern.floor(instant, zone)
    repeated = timedelta(0) if pattern.zoned else timedelta(hours=1)
    assert floored <= instant < floored + pattern.granularity + repeated
    assert pattern.floor(floored, zone) == floored


def test_the_floor_of_a_repeated_hour_without_offset_is_its_first_occurrence() -> None:
    second = datetime(2024, 11, 3, 6, 30, 20, tzinfo=UTC)
    assert compile_pattern("yyyy-MM-dd HH:mm").floor(second, NEW_YORK) == datetime(
        2024, 11, 3, 5, 30, tzinfo=UTC
    )
    assert compile_pattern("yyyy-MM-dd HH:mmXXX").floor(second, NEW_YORK) == datetime(
        2024, 11, 3, 6, 30, tzinfo=UTC
    )


@given(text=st.text(max_size=70) | st.from_regex(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d.{0,12}"))
def test_any_text_is_either_read_or_unreadable(text: str) -> None:
    for pattern in READERS:
        instant = read(pattern, text)
        assert instant is None or instant.utcoffset() == timedelta(0)


def read(pattern: DatePattern, text: str) -> datetime | None:
    try:
        return pattern.parse(text, NEW_YORK)
    except UnreadableDate:
        return None


READERS: list[DatePattern] = [
    compile_pattern(text) for text in (ISO, "MM/dd/yyyy hh:mm a", "d MMM yy z", "yyyyMMddHHmm")
]


def test_a_thousand_iso_stamps_are_read_in_milliseconds() -> None:
    pattern, best = compile_format(ISO), 1.0
    for _ in range(5):
        start = perf_counter()
        for _ in range(1000):
            pattern.parse("2015-01-20T20:37:51Z")
        best = min(best, perf_counter() - start)
    assert best < 0.01
