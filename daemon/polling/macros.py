"""PURE: the `${...}` macros of poller URLs, which stand for the start of the poll window."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from difflib import get_close_matches

from daemon.errors import PollhookError
from daemon.polling.epoch import MICROSECONDS, MILLISECONDS, SECONDS, EpochFormat
from daemon.polling.javadate import DateFormat, compile_pattern
from daemon.polling.tokens import PatternError
from daemon.polling.zones import UnknownZone, parse_zone

_MACRO = re.compile(r"\$\{(?P<body>[^}]*)\}")
_ZONE_AND_PATTERN = re.compile(
    r"(?P<zone>(?:GMT|UTC)?[+-]?\d{1,2}:\d{2}|[^:]*):(?P<pattern>.+)", re.IGNORECASE
)
_EPOCH_UNITS: Mapping[str, EpochFormat] = {"ms": MILLISECONDS, "s": SECONDS, "us": MICROSECONDS}


class MacroError(PollhookError):
    """A macro cannot be understood; `position` counts the characters of the text before it."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.position = position


@dataclass(frozen=True, slots=True, kw_only=True)
class Macro:
    """One macro: how it prints an instant, and in which zone (None: the one configured).

    Spellings of the same meaning are equal.
    """

    text: str = field(compare=False)
    format: DateFormat
    zone: tzinfo | None

    def __str__(self) -> str:
        return self.text

    @property
    def granularity(self) -> timedelta:
        """The smallest difference that the printed literal can show."""
        return self.format.granularity

    @property
    def is_epoch(self) -> bool:
        """Whether it prints a count since 1970 instead of a date."""
        return isinstance(self.format, EpochFormat)

    def render(self, instant: datetime, zone: tzinfo = UTC) -> str:
        """The literal for `instant`, cut down to whole units; `zone` is the one configured."""
        return self.format.format(instant.astimezone(self._in(zone)))

    def floor(self, instant: datetime, zone: tzinfo = UTC) -> datetime:
        """`instant` (as UTC) cut down to what the literal can express."""
        return self.format.floor(instant, self._in(zone))

    def _in(self, zone: tzinfo) -> tzinfo:
        return zone if self.zone is None else self.zone


def parse(text: str) -> list[str | Macro]:
    """The macros of a text and the text between them, in order; empty texts are left out.

    A macro runs from `${` to the next `}`. Raises MacroError, naming the macro.
    """
    parts: list[str | Macro] = []
    end = 0
    for found in _MACRO.finditer(text):
        parts += [text[end : found.start()], _macro(found)]
        end = found.end()
    unclosed = text.find("${", end)
    if unclosed >= 0:
        raise MacroError(f"the macro '{text[unclosed:][:40]}' is never closed with }}", unclosed)
    return [part for part in (*parts, text[end:]) if part]


def expand(parts: Sequence[str | Macro], instant: datetime, zone: tzinfo = UTC) -> str:
    """The text of `parts` with every macro replaced by its literal for `instant`."""
    return "".join(part if isinstance(part, str) else part.render(instant, zone) for part in parts)


def _macro(found: re.Match[str]) -> Macro:
    name, separator, rest = found["body"].partition(":")
    make = _MAKERS.get(name.strip().lower(), _unknown)
    try:
        meaning, zone = make(rest if separator else None, name)
    except (_Misuse, PatternError, UnknownZone) as error:
        raise MacroError(f"the macro {found[0][:120]}: {error}", found.start()) from error
    return Macro(text=found[0], format=meaning, zone=zone)


class _Misuse(PollhookError):
    """A macro is unknown, lacks a part or has one too many."""


_Meaning = tuple[DateFormat, tzinfo | None]


def _date(pattern: str | None, name: str) -> _Meaning:
    return _dated(pattern, name, None) if pattern is not None else (MILLISECONDS, None)


def _gmt_date(pattern: str | None, name: str) -> _Meaning:
    return _dated(pattern, name, UTC)


def _zoned_date(rest: str | None, name: str) -> _Meaning:
    parts = _ZONE_AND_PATTERN.fullmatch(rest or "")
    if parts is None:
        raise _Misuse(f"it is written ${{{name}:ZONE:PATTERN}}")
    zone = parse_zone(parts["zone"]) if parts["zone"].strip() else None
    return _dated(parts["pattern"], name, zone)


def _dated(pattern: str | None, name: str, zone: tzinfo | None) -> _Meaning:
    if not pattern:
        raise _Misuse(f"it needs a date pattern, as in ${{{name}:yyyy-MM-dd'T'HH:mm:ssXXX}}")
    return compile_pattern(pattern), zone


def _epoch(unit: str | None, _: str) -> _Meaning:
    meaning = MILLISECONDS if unit is None else _EPOCH_UNITS.get(unit.strip().lower())
    if meaning is None:
        raise _Misuse(f"the unit '{unit}' is unknown: use {', '.join(_EPOCH_UNITS)}")
    return meaning, None


def _milliseconds(rest: str | None, _: str) -> _Meaning:
    if rest is not None:
        raise _Misuse("nothing may follow its name")
    return MILLISECONDS, None


def _unknown(_: str | None, name: str) -> _Meaning:
    near = get_close_matches(name[:40].strip().lower(), _SPELLINGS, n=1)
    hint = (
        f"did you mean {_SPELLINGS[near[0]]}?"
        if near
        else f"known are {', '.join(_SPELLINGS.values())}"
    )
    raise _Misuse(f"there is no such macro, {hint}")


_MAKERS: Mapping[str, Callable[[str | None, str], _Meaning]] = {
    "gmtdate": _gmt_date,
    "date": _date,
    "datetimezone": _zoned_date,
    "epoch": _epoch,
    "milliseconds": _milliseconds,
    "now": _gmt_date,
}
_SPELLINGS: Mapping[str, str] = {
    name.lower(): name
    for name in ("gmtDate", "date", "dateTimeZone", "epoch", "milliseconds", "now")
}
