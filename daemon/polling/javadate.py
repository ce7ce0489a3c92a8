"""PURE: date formats of records and macros: Java SimpleDateFormat patterns, and epoch counts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from dateutil.parser import isoparse

from daemon.polling.epoch import MICROSECONDS, MILLISECONDS, SECONDS, EpochFormat, UnreadableDate
from daemon.polling.letters import MONTHS, SHORT
from daemon.polling.tokens import ZONE_LETTERS, Field, Token, rank, reader, shape, tokenize
from daemon.polling.zones import UnknownZone, parse_zone, to_utc

_UNITS = (
    timedelta(days=366),
    timedelta(days=31),
    timedelta(days=1),
    timedelta(hours=1),
    timedelta(minutes=1),
    timedelta(seconds=1),
)
_FRACTION_DIGITS = 6
_LONGEST_TEXT = 64
_ISO_SHAPE = re.compile(r"y-M-d([T ]H(:m(:s([.,]S)?)?)?( ?X|Z)?)?")
_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}|\d{8}T", re.ASCII)
_CENTURY_TURN = 69
_WORDS: Mapping[str, EpochFormat] = {
    unit.text: unit for unit in (SECONDS, MILLISECONDS, MICROSECONDS)
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DatePattern:
    """A compiled pattern, equal to others of the same text.

    Differences from Java: `S` counts digits of a fraction (`.5` is half a second, not 5 ms);
    reading is strict about ranges, and takes a fraction or an offset that the pattern does not
    have, or does without them. Two digits of a year mean 1969 to 2068.
    """

    text: str
    granularity: timedelta
    zoned: bool
    """Whether the pattern prints an offset or the name of a zone."""
    tokens: tuple[Token, ...] = field(repr=False, compare=False)
    reader: re.Pattern[str] = field(repr=False, compare=False)
    is_iso: bool = field(repr=False, compare=False)
    has_literal_z: bool = field(repr=False, compare=False)

    def format(self, instant: datetime) -> str:
        """`instant` as local time of its own zone, cut down to what the pattern expresses."""
        return "".join(
            token if isinstance(token, str) else token.meaning.write(instant, token.count)
            for token in self.tokens
        )

    def parse(self, value: object, zone: tzinfo = UTC, now: datetime | None = None) -> datetime:
        """The instant (UTC) of a record's stamp. Raises UnreadableDate.

        `zone` is where stamps without an offset were written; a `Z` that the pattern has in quotes
        says nothing about it. `now` decides in the hour that clocks run through twice.
        """
        try:
            return to_utc(self._moment(value, zone), zone, now)
        except (ValueError, OverflowError, UnknownZone):
            raise UnreadableDate(value, self.text) from None

    def floor(self, instant: datetime, zone: tzinfo = UTC) -> datetime:
        """`instant` (as UTC) cut down to what the pattern can express in `zone`.

        Without an offset in the pattern, an hour that occurs twice means its first occurrence.
        """
        local = instant.astimezone(zone)
        if self.zoned:
            local = local.replace(tzinfo=timezone(local.utcoffset() or timedelta()))
        return min(self._cut(local).astimezone(UTC), instant.astimezone(UTC))

    def _cut(self, local: datetime) -> datetime:
        if self.granularity in _UNITS:
            kept = _UNITS.index(self.granularity) + 1
            start = (1, 1, 1, 0, 0, 0)
            year, month, day, hour, minute, second = *local.timetuple()[:kept], *start[kept:]
            return datetime(year, month, day, hour, minute, second, tzinfo=local.tzinfo)
        surplus = local.microsecond % (self.granularity // timedelta(microseconds=1))
        return local.replace(microsecond=local.microsecond - surplus, fold=0)

    def _moment(self, value: object, zone: tzinfo) -> datetime:
        # The hot path. fromisoformat takes any character for the T, so that it would cut a compact
        # stamp (20150120203751) in the wrong places, and takes no notice of what follows a NUL.
        if not isinstance(value, str):
            return self._read(_digits(value), zone)
        looks_iso = value[4:5] == "-" and value[7:8] == "-" and value[10:11] in "T "
        if self.is_iso and looks_iso and "\0" not in value:
            try:
                return datetime.fromisoformat(self._without_literal_z(value, zone))
            except ValueError:
                pass
        return self._read(value.strip(), zone)

    def _read(self, text: str, zone: tzinfo) -> datetime:
        if len(text) > _LONGEST_TEXT:
            raise ValueError
        if match := self.reader.fullmatch(text):
            try:
                return _assembled(match.groupdict())
            except ValueError:
                pass
        # A full ISO 8601 date (24:00, compact) has one meaning whatever the pattern says.
        if not _ISO_DATE.match(text):
            raise ValueError
        return isoparse(self._without_literal_z(text, zone))

    def _without_literal_z(self, text: str, zone: tzinfo) -> str:
        return text.rstrip("Zz") if self.has_literal_z and zone is not UTC else text


DateFormat = DatePattern | EpochFormat


def compile_format(text: str) -> DateFormat:
    """The format that a configuration names: a pattern, or the words `milliseconds`, `seconds` or
    `microseconds` for counts since 1970. Raises PatternError."""
    return _WORDS.get(text.strip().lower()) or compile_pattern(text)


def compile_pattern(text: str) -> DatePattern:
    """A Java SimpleDateFormat pattern, compiled once for all its uses. Raises PatternError."""
    tokens = tokenize(text)
    has_stray_quote = text.count("'") % 2 == 1
    return DatePattern(
        text=text.removesuffix("'") if has_stray_quote else text,
        granularity=_granularity(tokens),
        zoned=any(isinstance(token, Field) and token.is_zone for token in tokens),
        tokens=tokens,
        reader=reader(tokens),
        is_iso=_ISO_SHAPE.fullmatch(shape(tokens)) is not None,
        has_literal_z=isinstance(tokens[-1], str) and tokens[-1].endswith("Z"),
    )


def _granularity(tokens: tuple[Token, ...]) -> timedelta:
    finest = rank(tokens)
    if finest < len(_UNITS):
        return _UNITS[finest]
    digits = max(
        token.count for token in tokens if isinstance(token, Field) and token.letter == "S"
    )
    return timedelta(microseconds=10 ** max(_FRACTION_DIGITS - digits, 0))


def _digits(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise ValueError


def _assembled(found: Mapping[str, str | None]) -> datetime:
    fraction = (found.get("S") or "").ljust(_FRACTION_DIGITS, "0")[:_FRACTION_DIGITS]
    zone = next((found[letter] for letter in ZONE_LETTERS if found.get(letter)), None)
    return datetime(
        _year(found["y"] or ""),
        _month(found.get("M") or "1"),
        int(found.get("d") or 1),
        _hour(found),
        int(found.get("m") or 0),
        int(found.get("s") or 0),
        int(fraction),
        tzinfo=parse_zone(zone) if zone else None,
    )


def _year(digits: str) -> int:
    if len(digits) > 2:
        return int(digits)
    return int(digits) + (1900 if int(digits) >= _CENTURY_TURN else 2000)


def _month(text: str) -> int:
    if text.isdigit():
        return int(text)
    return 1 + [month[:SHORT].lower() for month in MONTHS].index(text[:SHORT].lower())


def _hour(found: Mapping[str, str | None]) -> int:
    if full := found.get("H"):
        return int(full)
    if to_24 := found.get("k"):
        return _checked(int(to_24), 24) % 24
    half = _checked(int(found.get("h") or found.get("K") or 0), 12) % 12
    return half + (12 if (found.get("a") or "a")[0] in "pP" else 0)


def _checked(hour: int, largest: int) -> int:
    if hour > largest:
        raise ValueError
    return hour
