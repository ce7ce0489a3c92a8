"""PURE: from marks to query bounds and back: cap, overlap, the walk over pages, the next cursor.

All instants are in the frame of the record stamps, which need not be ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

UNPROVED_OVERLAP = timedelta(hours=1, minutes=5)
"""A frame that may be local time repeats an hour when its summer time ends."""

ANY_ZONE = timedelta(hours=14)
"""The furthest any zone is ahead of UTC: a stamp beyond it lies in the future everywhere."""

PROOF_HOLDS = timedelta(hours=24)
STEADY = timedelta(seconds=60)

PROOF_SPAN = timedelta(minutes=50)
"""A proof must span less than the smallest distance of two zones' clocks from UTC: an hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume:
    """Where a walk in progress goes on after a restart; valid only in a verified order."""

    lower: datetime | None
    cap: datetime | None
    anchor: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """When stamps were seen to be UTC, and how far the provider's clock was ahead of ours."""

    proved_at: datetime
    skew: timedelta

    def holds(self, provider_time: datetime, now: datetime) -> bool:
        """Whether it is recent, and both clocks still are as far apart as they were then."""
        moved = abs(provider_time - now - self.skew)
        return abs(now - self.proved_at) < PROOF_HOLDS and moved <= STEADY


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """How far a resource has been read.

    `cursor_at`: everything up to it was read. `baseline_at`: what was created since is new, for
    ever the same once it is set. `known_from`: the lowest stamp from which on everything was
    stored; None means all. `ids_complete`: every id that existed at the baseline is stored. `utc`:
    the proof that the stamps are UTC, None while there is none.
    """

    cursor_at: datetime | None = None
    baseline_at: datetime | None = None
    known_from: datetime | None = None
    ids_complete: bool = False
    utc: Proof | None = None
    resume: Resume | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Margins:
    """How much is read again, and how exactly a stamp and a query literal can say an instant."""

    overlap: timedelta
    poll_delay: timedelta
    settle_lag: timedelta
    granularity: timedelta
    zone_configured: bool

    def overlap_in(self, *, proved: bool) -> timedelta:
        """The overlap that is safe: wider where the frame might be a local time."""
        least = timedelta(0) if proved or self.zone_configured else UNPROVED_OVERLAP
        return max(self.overlap, self.poll_delay, 2 * self.granularity, least)

    def floor(self, instant: datetime) -> datetime:
        """The instant cut down to what stamp and literal can both express."""
        return floor(instant, self.granularity)


def floor(instant: datetime, granularity: timedelta) -> datetime:
    """Cut an aware instant down to a multiple of the granularity since the epoch's midnight."""
    midnight = instant.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + (instant - midnight) // granularity * granularity


def in_the_future_everywhere(stamp: datetime, provider_time: datetime) -> bool:
    """Whether a stamp is later than now in every zone: told, but never believed as a mark."""
    return stamp > provider_time + ANY_ZONE


def proved_cap(provider_time: datetime, margins: Margins) -> datetime:
    """Up to where a walk is exhaustive when the record stamps are proved to be UTC."""
    return provider_time - margins.settle_lag


def unproved_cap(
    newest: Sequence[Row], provider_time: datetime, margins: Margins
) -> datetime | None:
    """The same from the newest rows, read before page 1; None if no stamp is to be believed."""
    believable = [
        row.stamp
        for row in newest
        if row.stamp is not None and not in_the_future_everywhere(row.stamp, provider_time)
    ]
    return max(believable) - margins.settle_lag if believable else None


def lower_bound(
    cursor: datetime | None, cap: datetime | None, margins: Margins, *, proved: bool
) -> datetime | None:
    """From where on to read, inclusive; None reads everything."""
    if cursor is None:
        return None
    start = cursor if cap is None else min(cursor, cap)
    return margins.floor(start - margins.overlap_in(proved=proved))


def proves_utc(
    first_seen: Sequence[datetime], previous: datetime | None, now: datetime, overlap: timedelta
) -> bool:
    """Whether stamps of rows that changed between two walks lie between them on the UTC clock.

    `previous` and `now` are the provider's times of the two walks. Nothing is proved on an idle
    resource, nor by walks so far apart that another zone would look the same.
    """
    if previous is None or now - previous + overlap > PROOF_SPAN:
        return False
    return any(previous - overlap <= stamp <= now for stamp in first_seen)


class Step(StrEnum):
    """What a walk does next."""

    ASK = "ask"
    FINISHED = "finished"
    DISORDERED = "disordered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What a walk has to know of a record: which one, and its stamp (None if unusable)."""

    identity: str | None
    stamp: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """An ascending walk: each page is asked anew from the last stamp read.

    `bound` is the inclusive lower bound of the next question. `page_key` is set only inside a group
    of rows that share one stamp and fill more than a page; such a group is read in passes until one
    brings no row that the passes before did not have, since rows leaving it shift the others.

    Once a page passes the cap, what follows is left to the next walk, except for rows stamped later
    than now in every zone: those come last in every walk, so the walk goes on at `absurd_from`.
    """

    lower: datetime | None
    cap: datetime | None
    bound: datetime | None
    granularity: timedelta
    absurd_from: datetime | None = None
    page_key: str | None = None
    this_pass: frozenset[str] = frozenset()
    earlier_passes: frozenset[str] | None = None
    step: Step = Step.ASK

    @classmethod
    def start(
        cls,
        lower: datetime | None,
        cap: datetime | None,
        granularity: timedelta,
        provider_time: datetime,
    ) -> Walk:
        absurd_from = floor(provider_time + ANY_ZONE, granularity)
        return cls(
            lower=lower, cap=cap, bound=lower, granularity=granularity, absurd_from=absurd_from
        )

    @classmethod
    def resumed(cls, resume: Resume, granularity: timedelta, provider_time: datetime) -> Walk:
        start = cls.start(resume.lower, resume.cap, granularity, provider_time)
        return replace(start, bound=resume.anchor)

    @property
    def resume(self) -> Resume:
        """The point from which this walk can go on after a restart."""
        return Resume(lower=self.lower, cap=self.cap, anchor=self.bound)

    def advance(self, rows: Sequence[Row], *, next_key: str | None, complete: bool) -> Walk:
        """The walk after the answer to its question. `complete`: nothing lies behind these rows."""
        complete = complete or next_key is None
        stamps = [row.stamp for row in rows if row.stamp is not None]
        if any(later < earlier for earlier, later in pairwise(stamps)):
            return replace(self, step=Step.DISORDERED)
        last = floor(stamps[-1], self.granularity) if stamps else None
        if self._in_group(last) and not complete:
            return self._next_of_group(rows, next_key)
        if self.page_key is not None or self.earlier_passes is not None:
            return self._end_pass(rows, last, complete=complete)
        return self._go_on(last, complete=complete)

    def _in_group(self, last: datetime | None) -> bool:
        return last is None or (self.bound is not None and last <= self.bound)

    def _next_of_group(self, rows: Sequence[Row], next_key: str | None) -> Walk:
        return replace(self, page_key=next_key, this_pass=self.this_pass | self._group(rows))

    def _group(self, rows: Sequence[Row]) -> frozenset[str]:
        return frozenset(
            row.identity
            for row in rows
            if row.identity is not None
            and (row.stamp is None or self._in_group(floor(row.stamp, self.granularity)))
        )

    def _end_pass(self, rows: Sequence[Row], last: datetime | None, *, complete: bool) -> Walk:
        seen = self.this_pass | self._group(rows)
        earlier = self.earlier_passes
        if earlier is not None and seen <= earlier:
            return self._go_on(last, complete=complete)
        return replace(
            self,
            page_key=None,
            this_pass=frozenset(),
            earlier_passes=(earlier or frozenset()) | seen,
        )

    def _go_on(self, last: datetime | None, *, complete: bool) -> Walk:
        passed = self.cap is not None and last is not None and last > self.cap
        if passed and last is not None and self.absurd_from is not None:
            last = max(last, self.absurd_from)
        return replace(
            self,
            bound=last,
            page_key=None,
            this_pass=frozenset(),
            earlier_passes=None,
            step=Step.FINISHED if complete else Step.ASK,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Passes:
    """A walk whose order cannot be trusted: whole passes by page key, until two are the same."""

    lower: datetime | None
    cap: datetime | None
    page_key: str | None = None
    this_pass: frozenset[tuple[str | None, datetime | None]] = frozenset()
    last_pass: frozenset[tuple[str | None, datetime | None]] | None = None
    step: Step = Step.ASK

    @property
    def bound(self) -> datetime | None:
        return self.lower

    @property
    def resume(self) -> None:
        """A disordered walk begins anew after a restart."""

    def advance(self, rows: Sequence[Row], *, next_key: str | None, complete: bool) -> Passes:
        """The walk after the answer to its question."""
        seen = self.this_pass | {(row.identity, row.stamp) for row in rows}
        if not complete and next_key is not None:
            return replace(self, page_key=next_key, this_pass=seen)
        if seen == self.last_pass:
            return replace(self, step=Step.FINISHED)
        return replace(self, page_key=None, this_pass=frozenset(), last_pass=seen)
