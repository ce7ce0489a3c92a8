"""PURE: the letters of Java date patterns: how each is written, and what is read in its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from daemon.polling.zones import ABBREVIATION_HOURS, offset_text

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
SHORT = 3
"""A text field of up to this many letters is abbreviated to so many characters."""

ZONE_EXPRESSION = (
    r"(?:GMT|UTC)?[+-]\d{1,2}(?::?\d{2})?|[A-Z]{1,5}(?![A-Z])|[A-Z]+(?:/[A-Z0-9_+-]+)+"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One pattern letter: `write` prints a local time, `read` is the expression that matches it.

    Both take the number of times the letter stands in a row. `rank` is the part of a date that it
    gives (0 year, 1 month, 2 day, 3 hour, 4 minute, 5 second, 6 fraction), None for none of these.
    """

    write: Callable[[datetime, int], str]
    read: Callable[[int], str]
    rank: int | None = None
    numeric: bool = True


def _number(value: Callable[[datetime], int], rank: int) -> Letter:
    return Letter(
        write=lambda local, count: f"{value(local):0{count}d}",
        read=lambda count: rf"\d{{1,{max(count, 2)}}}",
        rank=rank,
    )


def _names(names: tuple[str, ...], value: Callable[[datetime], int], rank: int | None) -> Letter:
    return Letter(
        write=lambda local, count: (
            names[value(local)] if count > SHORT else names[value(local)][:SHORT]
        ),
        read=lambda _: "|".join(rf"{name[:SHORT]}(?:{name[SHORT:]}|\.)?" for name in names),
        rank=rank,
        numeric=False,
    )


def _zone(write: Callable[[datetime, int], str]) -> Letter:
    return Letter(write=write, read=lambda _: ZONE_EXPRESSION, numeric=False)


def _write_year(local: datetime, count: int) -> str:
    return f"{local.year % 100:02d}" if count == 2 else f"{local.year:0{count}d}"


def _read_year(count: int) -> str:
    return r"\d{4}|\d{2}" if count == 2 else r"\d{4}"


def _write_fraction(local: datetime, count: int) -> str:
    return f"{local.microsecond:06d}"[:count].ljust(count, "0")


def _offset(local: datetime) -> timedelta:
    return local.utcoffset() or timedelta()


def _write_iso_offset(local: datetime, count: int) -> str:
    text = offset_text(_offset(local), ":" if count == SHORT else "")
    if text.strip("+-:0") == "":
        return "Z"
    return text.removesuffix("00") if count == 1 else text


def _write_zone_name(local: datetime, _: int) -> str:
    name, offset = local.tzname() or "", _offset(local)
    hours = ABBREVIATION_HOURS.get(name)
    means_the_same = hours is not None and timedelta(hours=hours) == offset
    return name if means_the_same else f"GMT{offset_text(offset)}"


LETTERS: Mapping[str, Letter] = {
    "y": Letter(write=_write_year, read=_read_year, rank=0),
    "M": _number(lambda local: local.month, 1),
    "d": _number(lambda local: local.day, 2),
    "H": _number(lambda local: local.hour, 3),
    "k": _number(lambda local: local.hour or 24, 3),
    "h": _number(lambda local: local.hour % 12 or 12, 3),
    "K": _number(lambda local: local.hour % 12, 3),
    "m": _number(lambda local: local.minute, 4),
    "s": _number(lambda local: local.second, 5),
    "S": Letter(write=_write_fraction, read=lambda _: r"\d+", rank=6),
    "a": Letter(
        write=lambda local, _: "AM" if local.hour < 12 else "PM",
        read=lambda _: r"[AP]\.?M\.?",
        numeric=False,
    ),
    "E": _names(WEEKDAYS, datetime.weekday, None),
    "z": _zone(_write_zone_name),
    "Z": _zone(lambda local, _: offset_text(_offset(local), "")),
    "X": _zone(_write_iso_offset),
}
MONTH_NAME = _names(MONTHS, lambda local: local.month - 1, 1)
"""What `M` means when it stands three times or more in a row."""

UNSUPPORTED: Mapping[str, str] = {
    "Y": "it is the year of the week, which is wrong around New Year; use y",
    "D": "it is the day of the year; use d for the day of the month",
    "L": "use M for the month",
    "u": "use E for the day of the week",
    "n": "use S for fractions of a second",
    "x": "use X for an offset",
}
"""Letters that stand in real patterns by mistake, and what to write instead."""
