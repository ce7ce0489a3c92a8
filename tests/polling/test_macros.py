from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.polling.epoch import MICROSECONDS
from daemon.polling.macros import Macro, MacroError, expand, parse

INSTANT = datetime(2019, 7, 15, 16, 54, 3, 123456, tzinfo=UTC)
PARIS = ZoneInfo("Europe/Paris")
INSTANTS = st.integers(347_155_200_000_000, 2_114_380_800_000_000).map(MICROSECONDS.parse)


@pytest.mark.parametrize(
    ("text", "literal"),
    [
        ("${gmtDate:yyyy-MM-dd'T'HH:mm:ssXXX}", "2019-07-15T16:54:03Z"),
        ("${gmtDate:yyyy-MM-dd HH:mm:ss}", "2019-07-15 16:54:03"),
        ("${date:yyyy-MM-dd'T'HH:mm:ssXXX}", "2019-07-15T18:54:03+02:00"),
        ("${date:yyyy-MM-dd HH:mm}", "2019-07-15 18:54"),
        ("${dateTimeZone:PST:yyyy-MM-dd HH:mm}", "2019-07-15 08:54"),
        ("${DateTimeZone:MST:yyyy-MM-dd HH:mm}", "2019-07-15 09:54"),
        ("${datetimezone:-6:00:yyyy-MM-dd HH:mm}", "2019-07-15 10:54"),
        ("${dateTimeZone:+06:00:yyyy-MM-dd'T'HH:mmXXX}", "2019-07-15T22:54+06:00"),
        ("${dateTimeZone:-0800:HH:mm dd/MM/yyyy}", "08:54 15/07/2019"),
        ("${dateTimeZone:GMT+2:HH:mm dd/MM/yyyy}", "18:54 15/07/2019"),
        ("${dateTimeZone:UTC+05:30:HH:mm dd/MM/yyyy}", "22:24 15/07/2019"),
        ("${dateTimeZone:America/New_York:HH:mm dd/MM/yyyy}", "12:54 15/07/2019"),
        ("${dateTimeZone::HH:mm dd/MM/yyyy}", "18:54 15/07/2019"),
        ("${now:yyyy-MM-dd HH:mm}", "2019-07-15 16:54"),
        ("${epoch}", "1563209643123"),
        ("${epoch:ms}", "1563209643123"),
        ("${EPOCH:S}", "1563209643"),
        ("${epoch:us}", "1563209643123456"),
        ("${milliseconds}", "1563209643123"),
        ("${date}", "1563209643123"),
        ("${date:yyyy-MM-dd'T'HH:mm:ssXXX'}", "2019-07-15T18:54:03+02:00"),
    ],
    ids=lambda text: text,
)
def test_a_macro_prints_the_instant(text: str, literal: str) -> None:
    parts = parse(f"since={text}&x=1")
    assert expand(parts, INSTANT, PARIS) == f"since={literal}&x=1"
    assert [str(part) for part in parts] == ["since=", text, "&x=1"]


@pytest.mark.parametrize(
    ("text", "granularity"),
    [
        ("${gmtDate:yyyy-MM-dd}", timedelta(days=1)),
        ("${date:yyyy-MM-dd HH:mm}", timedelta(minutes=1)),
        ("${epoch}", timedelta(milliseconds=1)),
        ("${epoch:s}", timedelta(seconds=1)),
        ("${epoch:us}", timedelta(microseconds=1)),
    ],
)
def test_a_macro_knows_what_it_can_tell_apart(text: str, granularity: timedelta) -> None:
    assert only(text).granularity == granularity


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        (
            "a>'${gmtDte:yyyy}'",
            3,
            r"\$\{gmtDte:yyyy\}: there is no such macro, did you mean gmtDate",
        ),
        ("${lastPoll}", 0, "known are gmtDate, date, dateTimeZone, epoch, milliseconds, now"),
        ("${}", 0, "no such macro"),
        ("${gmtDate}", 0, "needs a date pattern"),
        ("${now:}", 0, "needs a date pattern"),
        ("${dateTimeZone:PST}", 0, "ZONE:PATTERN"),
        ("${dateTimeZone:Mars:yyyy}", 0, "'Mars' is no time zone"),
        ("${dateTimeZone:+17:00:yyyy}", 0, "is no offset"),
        ("${epoch:ns}", 0, "use ms, s, us"),
        ("${milliseconds:3}", 0, "nothing may follow"),
        ("${date:YYYY-MM-dd}", 0, "year of the week"),
        ("${date:yyyy-MM-dd'T}", 0, "never closed"),
        ("x ${epoch} ${date", 11, r"'\$\{date' is never closed with \}"),
    ],
)
def test_a_macro_that_is_wrong_is_named_in_the_fault(text: str, position: int, words: str) -> None:
    with pytest.raises(MacroError, match=words) as refused:
        parse(text)
    assert refused.value.position == position


def test_spellings_of_one_meaning_are_equal() -> None:
    assert only("${GMTDATE:yyyy}") == only("${now:yyyy}") == only("${dateTimeZone:UTC:yyyy}")
    assert only("${date:yyyy}") != only("${gmtDate:yyyy}")
    assert only("${epoch}") == only("${milliseconds}")


def test_a_floor_is_cut_in_the_zone_of_the_macro() -> None:
    day = timezone(timedelta(hours=-8))
    assert only("${dateTimeZone:PST:yyyy-MM-dd}").floor(INSTANT) == datetime(
        2019, 7, 15, tzinfo=day
    )
    assert only("${date:yyyy-MM-dd}").floor(INSTANT, PARIS) == datetime(2019, 7, 15, tzinfo=PARIS)
    assert only("${gmtDate:yyyy-MM-dd}").floor(INSTANT, PARIS) == datetime(2019, 7, 15, tzinfo=UTC)


@given(st.text())
def test_a_text_without_macros_is_one_part(text: str) -> None:
    plain = text.replace("${", "")
    assert parse(plain) == ([plain] if plain else [])


MACROS = st.sampled_from(
    [
        "${gmtDate:yyyy-MM-dd'T'HH:mm:ssXXX}",
        "${date:yyyy-MM-dd HH:mm}",
        "${dateTimeZone:-8:00:yyyy-MM-dd}",
        "${epoch:us}",
        "${date}",
    ]
)
TEXTS = st.text(st.characters(exclude_characters="${"))


@given(st.lists(st.one_of(MACROS, TEXTS)))
def test_the_parts_spell_the_text_again(pieces: list[str]) -> None:
    text = "".join(pieces)
    parts = parse(text)
    assert "".join(str(part) for part in parts) == text
    assert [str(part) for part in parts if isinstance(part, Macro)] == [
        piece for piece in pieces if piece.startswith("${")
    ]
    assert all(isinstance(part, Macro) or part for part in parts)


@given(MACROS, INSTANTS)
def test_what_is_printed_is_that_of_the_floor(text: str, instant: datetime) -> None:
    macro = only(text)
    floored = macro.floor(instant, PARIS)
    assert floored <= instant
    assert macro.render(floored, PARIS) == macro.render(instant, PARIS)


def only(text: str) -> Macro:
    [part] = parse(text)
    assert isinstance(part, Macro)
    return part
