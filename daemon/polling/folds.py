"""PURE: the changes of a zone's clocks, as far as local stamps and literals are touched by them.

When summer time ends, an hour of local times happens twice: a fold.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo

AFTER_FOLD = timedelta(hours=2)
"""For so long after a fold, what was stamped before it may look as if it came after, and back."""

_SET_AT = timedelta(hours=1)
"""After midnight (UTC), on the last Sundays of March and October."""


def is_after_fold(zone: tzinfo, instant: datetime) -> bool:
    """Whether clocks in the zone were set back within the last two hours."""
    return _offset(zone, instant) < _offset(zone, instant - AFTER_FOLD)


def before_repetition(zone: tzinfo, bound: datetime) -> datetime:
    """A bound whose local time is earlier than that of everything stamped since.

    In an hour that happens twice, local times of its second run may be before those of its first.
    """
    return bound - _repeated(zone, bound)


def other_reading(zone: tzinfo, instant: datetime) -> datetime | None:
    """The other instant with the same local time, None if there is only one."""
    repeated = _repeated(zone, instant)
    if not repeated:
        return None
    earlier = instant - repeated
    return earlier if _local(zone, earlier) == _local(zone, instant) else instant + repeated


def is_offset_changed(zones: Iterable[tzinfo], before: datetime, after: datetime) -> bool:
    """Whether clocks in any of the zones were set differently at these instants."""
    return any(_offset(zone, before) != _offset(zone, after) for zone in zones)


def season(instant: datetime) -> int:
    """Which stretch between two settings of European clocks an instant (UTC) lies in.

    No zone that is at UTC sets its clocks back at any other time.
    """
    settings = (_last_sunday(instant.year, month) + _SET_AT for month in (3, 10))
    return 2 * instant.year + sum(instant >= each for each in settings)


def _last_sunday(year: int, month: int) -> datetime:
    last = datetime(year, month, 31, tzinfo=UTC)
    return last - timedelta(days=(last.weekday() + 1) % 7)


def _repeated(zone: tzinfo, instant: datetime) -> timedelta:
    """How much is repeated, if the local time of this instant happens twice; else nothing."""
    local = _local(zone, instant)
    first, second = zone.utcoffset(local), zone.utcoffset(local.replace(fold=1))
    if first is None or second is None:
        return timedelta(0)
    return max(first - second, timedelta(0))


def _local(zone: tzinfo, instant: datetime) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


def _offset(zone: tzinfo, instant: datetime) -> timedelta:
    return instant.astimezone(zone).utcoffset() or timedelta(0)
