"""PURE: time zones, from every spelling a configuration may use, and local stamps made instants."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from daemon.errors import PollhookError

ABBREVIATION_HOURS: Mapping[str, int] = {
    "UTC": 0,
    "GMT": 0,
    "UT": 0,
    "Z": 0,
    "EST": -5,
    "EDT": -4,
    "CST": -6,
    "CDT": -5,
    "MST": -7,
    "MDT": -6,
    "PST": -8,
    "PDT": -7,
    "AKST": -9,
    "AKDT": -8,
    "HST": -10,
}
"""North American abbreviations as fixed offsets. They win over the IANA names of the same letters;
a zone that changes its clocks is named `America/Los_Angeles`, never `PST`. `AST` is missing: Java
means Alaska by it, everybody else the Atlantic."""

_OFFSET = re.compile(
    r"(?:GMT|UTC)?(?P<sign>[+-])(?P<hours>\d{1,2})(?::?(?P<minutes>\d{2}))?", re.IGNORECASE
)
_FURTHEST = timedelta(hours=14)
_OF_THIS_MACHINE = frozenset({"localtime", "posixrules"})


class UnknownZone(PollhookError):
    """A text names no time zone: refuse the configuration, or set the record's stamp aside."""


def parse_zone(text: str, default: tzinfo = UTC) -> tzinfo:
    """The zone that `text` names: IANA (`Europe/Paris`), abbreviation (`PST`) or offset (`-6:00`,
    `+0530`, `GMT+2`); `default` for an empty text. Raises UnknownZone."""
    name = text.strip()
    if not name:
        return default
    hours = ABBREVIATION_HOURS.get(name.upper())
    if hours is not None:
        return fixed(timedelta(hours=hours))
    if offset := _OFFSET.fullmatch(name):
        return _from_offset(offset, name)
    return _from_iana(name)


def zone_text(zone: tzinfo) -> str:
    """The spelling of a zone that `parse_zone` reads back to the same zone."""
    if isinstance(zone, ZoneInfo) and zone.key:
        return zone.key
    if zone == UTC:
        return "UTC"
    return offset_text(datetime(2000, 1, 1, tzinfo=zone).utcoffset() or timedelta())


def offset_text(offset: timedelta, colon: str = ":") -> str:
    """An offset as `+05:30`, or with another text for the colon."""
    minutes = round(offset.total_seconds() / 60)
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02d}{colon}{rest:02d}"


def fixed(offset: timedelta) -> tzinfo:
    """A zone that never changes its offset; UTC itself for none, so that `is UTC` holds."""
    return timezone(offset) if offset else UTC


def to_utc(moment: datetime, zone: tzinfo = UTC, now: datetime | None = None) -> datetime:
    """The instant of a stamp, which without an offset of its own is local time in `zone`.

    An hour that clocks ran through twice gives the later instant that is not after `now`; a time
    that clocks jumped over is counted on from before the jump. Raises OverflowError at the ends of
    the calendar.
    """
    if moment.tzinfo is not None:
        return moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    if zone is UTC:
        return moment.replace(tzinfo=UTC)
    before, after = zone.utcoffset(moment), zone.utcoffset(moment.replace(fold=1))
    if before is None or after is None:
        raise ValueError("the zone does not know its offset")
    later = (moment - after).replace(tzinfo=UTC)
    if before == after or (before > after and (now is None or later <= now)):
        return later
    return (moment - before).replace(tzinfo=UTC)


def _from_offset(match: re.Match[str], name: str) -> tzinfo:
    minutes = int(match["minutes"] or 0)
    offset = timedelta(hours=int(match["hours"]), minutes=minutes)
    if minutes > 59 or offset > _FURTHEST:
        raise UnknownZone(f"'{name}' is no offset from UTC: it ends at 14 hours, its minutes at 59")
    return fixed(-offset if match["sign"] == "-" else offset)


def _from_iana(name: str) -> tzinfo:
    try:
        if name not in _OF_THIS_MACHINE:
            return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        pass
    raise UnknownZone(
        f"'{name[:60]}' is no time zone: use an IANA name (Europe/Paris), "
        "an abbreviation (GMT, EST, PST) or an offset (-6:00)"
    )
