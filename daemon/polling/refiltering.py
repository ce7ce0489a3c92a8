"""PURE: what marks mean after the filter, the date field or the zone of a resource was changed."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from daemon.polling.provider_clock import ProviderClock
from daemon.polling.resource import RecordDate, ResourcePolling, differs
from daemon.polling.window import BEGINNING, Margins, Marks, lower_bound
from daemon.polling.zones import to_utc

_AFTER = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refiltering:
    """How a resource was polled, how it is now, and how much is read again now."""

    before: ResourcePolling
    after: ResourcePolling
    margins: Margins

    @property
    def differences(self) -> Set[str]:
        """`filter`, `idField`, `dateField`, `zone`."""
        return differs(self.before, self.after)

    @property
    def lists_others(self) -> bool:
        """Whether a listing shows other objects now."""
        return "filter" in self.differences

    def kept(self, marks: Marks) -> Marks:
        """Go on from the cursor. What lies below the next poll's window was never read in this way:
        met by a slow pass, it is no change, unless every object is known."""
        cursor = self._as_now(marks.cursor_at)
        read_from = lower_bound(cursor, None, self.margins, proved=False)
        edges = [each for each in (self._as_now(marks.known_from), read_from) if each is not None]
        return replace(
            self._reframed(marks),
            cursor_at=_earlier(cursor, marks.cursor_at),
            known_from=None if self._knows_all(marks) else max(edges, default=None),
        )

    def rewound(self, marks: Marks, *, silent_at_baseline: bool) -> Marks:
        """Read everything since the baseline again; what lies before it (or at it) was never read
        in this way. A baseline before all times means that everything is read."""
        baseline = marks.baseline_at
        if baseline is not None and baseline <= BEGINNING:
            marks = self._reframed(marks)
            return replace(marks, cursor_at=None, known_from=None, ids_complete=True)
        edge = self._as_now(baseline)
        if edge is not None and silent_at_baseline:
            edge += _AFTER
        back = _earlier(self._as_now(baseline), baseline)
        return replace(
            self._reframed(marks),
            cursor_at=_earlier(marks.cursor_at, back),
            known_from=None if self._knows_all(marks) else edge,
        )

    def _reframed(self, marks: Marks) -> Marks:
        """Dates of creation are compared with the baseline; that stamps are UTC is to be proved
        where they are others now."""
        created = (self.before.created, self.after.created)
        return replace(
            marks,
            baseline_at=_read_as(marks.baseline_at, *created),
            ids_complete=marks.ids_complete and not self._drops_ids,
            utc=None if self._changes_stamps else marks.utc,
            resume=None,
            clock=self._clock_as_now(marks.clock),
        )

    def _clock_as_now(self, clock: ProviderClock | None) -> ProviderClock | None:
        return clock and replace(clock, set_back_to=self._as_now(clock.set_back_to))

    @property
    def _changes_stamps(self) -> bool:
        """Whether stamps are others now, or of another zone; a date in the filter is no stamp."""
        before, after = self.before.cursor, self.after.cursor
        zones = {date.zone for date in (before, after) if date is not None}
        return "dateField" in self.differences or len(zones) > 1

    @property
    def _drops_ids(self) -> bool:
        """Whether objects may be met now that nobody has met under their id."""
        return self.lists_others or "idField" in self.differences

    def _knows_all(self, marks: Marks) -> bool:
        return marks.known_from is None and not self._drops_ids

    def _as_now(self, instant: datetime | None) -> datetime | None:
        return _read_as(instant, self.before.cursor, self.after.cursor)


def _read_as(
    instant: datetime | None, before: RecordDate | None, after: RecordDate | None
) -> datetime | None:
    """The instant that a date means now which meant this one before."""
    if instant is None or before is None or after is None or instant <= BEGINNING:
        return instant
    if not (before.is_local and after.is_local) or before.zone == after.zone:
        return instant
    return to_utc(instant.astimezone(before.zone).replace(tzinfo=None), after.zone)


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return None if one is None or other is None else min(one, other)
