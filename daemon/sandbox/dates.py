"""Dates: how stamps are shown, and how date literals and functions of a filter are read."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from daemon.sandbox.profile import Profile
from daemon.sandbox.refusals import Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What a date operand stands for: one instant (`low == high`), or low up to below high."""

    low: datetime
    high: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One object's frame of stamps: UTC, or a zone's local time passed off as UTC."""

    stamps: ZoneInfo | None
    literals: ZoneInfo | None
    suffix: str
    now: datetime

    @classmethod
    def of(cls, object_name: str, profile: Profile, now: datetime) -> "Frame":
        """The frame which the profile gives to an object."""
        return cls(
            stamps=_zone(profile.stamp_zones, object_name),
            literals=_zone(profile.query_zones, object_name),
            suffix=profile.literal_suffix,
            now=now,
        )

    def shift(self, instant: datetime) -> datetime:
        """A true instant as this frame sees it; still aware, its UTC now a pretence."""
        if self.stamps is None:
            return instant
        return instant.astimezone(self.stamps).replace(tzinfo=UTC, fold=0)

    def span(self, text: str) -> Span:
        """A literal or function of a filter, in this frame. Raises Refusal."""
        if text.startswith("$"):
            return _function(text, self.shift(self.now))
        low = self._literal(text)
        return Span(low=low, high=low)

    def _literal(self, text: str) -> datetime:
        read = parse_instant(text)
        if read is None:
            raise Refusal(f"'{text}' is not a valid date", -1024)
        if read.tzinfo is not None and self.suffix == "error":
            raise Refusal(f"'{text}': a time zone is not supported here", -1024)
        if read.tzinfo is not None and self.suffix == "honour":
            return self.shift(read.astimezone(UTC))
        naive = read.replace(tzinfo=None)
        if self.literals is None:
            return naive.replace(tzinfo=UTC)
        return self.shift(naive.replace(tzinfo=self.literals).astimezone(UTC))


def show(stamp: datetime) -> str:
    """The default form of a date field: ISO 8601 with second precision and `Z`."""
    return f"{stamp.replace(tzinfo=None).isoformat(timespec='seconds')}Z"


def parse_instant(text: str) -> datetime | None:
    """A date or date-time, aware only if the text has a zone; None if it is neither."""
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError:
        return None


def written(text: str) -> datetime | None:
    """A date that a client writes: without a zone it is UTC; whole seconds."""
    read = parse_instant(text)
    if read is None:
        return None
    aware = read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    return aware.replace(microsecond=0)


def _zone(zones: dict[str, str], object_name: str) -> ZoneInfo | None:
    for name, zone in zones.items():
        if name.lower() == object_name.lower():
            return ZoneInfo(zone)
    return None


_OFFSET = re.compile(r"\$OFFSET\(\s*([YMDWQhms])\s*([+-]?\d+)\s*,\s*(\$.*)\)$")
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "D": 86_400, "W": 7 * 86_400}
_UNIT_MONTHS = {"M": 1, "Q": 3, "Y": 12}


def _function(text: str, now: datetime) -> Span:
    offset = _OFFSET.match(text)
    if offset:
        unit, count, inner = offset.groups()
        span = _function(inner, now)
        return Span(
            low=_moved(span.low, unit, int(count)), high=_moved(span.high, unit, int(count))
        )
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    match text.upper():
        case "$NOW()":
            return Span(low=now, high=now)
        case "$TODAY()":
            return Span(low=today, high=today + timedelta(days=1))
        case "$THISWEEK()":
            first = today - timedelta(days=(today.weekday() + 1) % 7)
            return Span(low=first, high=first + timedelta(days=7))
        case "$THISMONTH()":
            first = today.replace(day=1)
            return Span(low=first, high=_moved(first, "M", 1))
        case "$THISYEAR()":
            first = today.replace(day=1, month=1)
            return Span(low=first, high=_moved(first, "Y", 1))
        case _:
            raise Refusal(f"'{text}' is not a known function")


def _moved(instant: datetime, unit: str, count: int) -> datetime:
    if unit in _UNIT_SECONDS:
        return instant + timedelta(seconds=count * _UNIT_SECONDS[unit])
    months = instant.year * 12 + instant.month - 1 + count * _UNIT_MONTHS[unit]
    year, month = divmod(months, 12)
    following = datetime(year + (month == 11), (month + 1) % 12 + 1, 1, tzinfo=UTC)
    last = (following - timedelta(days=1)).day
    return instant.replace(year=year, month=month + 1, day=min(instant.day, last))
