"""PURE: from marks to the bounds of what is read: cap, overlap, granularity, proofs of the frame.

All instants are in the frame of the record stamps, which need not be ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo

from daemon.polling.folds import before_repetition, is_after_fold, season
from daemon.polling.provider_clock import STEADY, Look, ProviderClock

BEGINNING = datetime(1, 1, 2, tzinfo=UTC)
"""Before everything: with this as its baseline, whatever a resource holds was created since."""

FOLD_OVERLAP = timedelta(hours=1, minutes=5)
"""Local time repeats an hour when summer time ends."""

ANY_ZONE = timedelta(hours=14)
"""The furthest any zone is ahead of UTC: a stamp beyond it lies in the future everywhere."""

FURTHEST_BEHIND = timedelta(hours=12)
"""The furthest any zone is behind UTC: what changes is nowhere stamped earlier than this ago."""

PROOF_HOLDS = timedelta(hours=24)
REFUTED_FOR = timedelta(days=7)
"""Whoever writes local time among others who write UTC does so at least once a week."""

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
        """Whether it is recent, no zone that was at UTC may have set its clocks since, and both
        clocks still are as far apart as they were then."""
        if abs(now - self.proved_at) >= PROOF_HOLDS:
            return False
        is_steady = abs(self.moved(provider_time, now)) <= STEADY
        return is_steady and season(self.walked_at) == season(provider_time)

    @property
    def walked_at(self) -> datetime:
        """The provider's time of the walk that proved it."""
        return self.proved_at + self.skew

    def moved(self, provider_time: datetime, now: datetime) -> timedelta:
        """How much later the provider's clock is by ours than it was; negative if it was set back
        or ours set forward."""
        return provider_time - now - self.skew


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """How far a resource has been read.

    `cursor_at`: everything up to it was read. `baseline_at`: what was created since is new, for
    ever the same once it is set. `known_from`: the lowest stamp from which on everything was
    stored; None means all. `ids_complete`: every id that existed at the baseline is stored. `utc`:
    the proof that the stamps are UTC, None while there is none. `refuted_at`: when a stamp was last
    seen that was not, by our clock. `clock` is the provider's, None
    until it was looked at.
    """

    cursor_at: datetime | None = None
    baseline_at: datetime | None = None
    known_from: datetime | None = None
    ids_complete: bool = False
    utc: Proof | None = None
    refuted_at: datetime | None = None
    resume: Resume | None = None
    clock: ProviderClock | None = None

    def looked(self, look: Look) -> Marks:
        """The same after a look at the provider's clock."""
        return replace(self, clock=ProviderClock.after(self.clock, look, self.cursor_at))

    def is_refuted(self, now: datetime) -> bool:
        """Whether some stamps were seen not to be UTC, too lately for others to prove it."""
        return self.refuted_at is not None and abs(now - self.refuted_at) < REFUTED_FOR

    @property
    def certain_at(self) -> datetime | None:
        """The cursor, or the earlier stamp that the provider's clock was set back to."""
        if self.cursor_at is None or self.clock is None:
            return self.cursor_at
        return min(self.cursor_at, self.clock.set_back_to or self.cursor_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Margins:
    """How much is read again, and how exactly a stamp and a query literal can say an instant.

    `behind` is how far behind UTC stamps may be as long as they are not proved to be UTC: not at
    all where their zone is configured. `zone` is the IANA zone in whose local time stamps or
    literals are written, None if they are not. `provable` is false where a bare offset from UTC is
    all that is known of them. `widened` is what probes have found to be needed besides.
    """

    overlap: timedelta
    poll_delay: timedelta
    settle_lag: timedelta
    granularity: timedelta
    behind: timedelta = FURTHEST_BEHIND
    zone: tzinfo | None = None
    provable: bool = True
    widened: timedelta = timedelta(0)

    @property
    def least_overlap(self) -> timedelta:
        """The overlap where nothing is doubtful."""
        return max(self.overlap, self.poll_delay, 2 * self.granularity)

    def overlap_at(self, provider_time: datetime) -> timedelta:
        """The overlap at a time of the provider: wider for a while after clocks were set back."""
        overlap = self.least_overlap
        if self.zone is not None and is_after_fold(self.zone, provider_time):
            overlap = max(overlap, FOLD_OVERLAP)
        return overlap + self.widened

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


def newest_stamp(rows: Sequence[Row], provider_time: datetime) -> datetime | None:
    """The newest stamp that is not in the future everywhere; None if none is to be believed."""
    stamps = [row.stamp for row in rows if row.stamp is not None]
    return max(
        (each for each in stamps if not in_the_future_everywhere(each, provider_time)), default=None
    )


def cap_at(provider_time: datetime, margins: Margins, *, proved: bool) -> datetime:
    """Up to where a walk that begins now is exhaustive: what changes from now on is stamped later.

    Where the stamps are not proved to be UTC, that is never later than it is in any zone. A stamp
    ahead of that may lie in the future: only time tells, and as a mark it would hide all that is
    stamped until then.
    """
    cap = provider_time - margins.settle_lag
    return cap if proved else cap - margins.behind


def lower_bound(
    cursor: datetime | None, margins: Margins, provider_time: datetime | None = None
) -> datetime | None:
    """From where on to read, inclusive; None reads everything.

    `provider_time` need not be exact: it tells whether clocks of the zone were just set back. A
    cursor stands in for it.
    """
    if cursor is None:
        return None
    bound = cursor - margins.overlap_at(provider_time or cursor)
    if margins.zone is not None:
        bound = before_repetition(margins.zone, bound)
    return margins.floor(bound)


def proves_utc(
    first_seen: Sequence[datetime], previous: datetime | None, now: datetime, overlap: timedelta
) -> bool:
    """Whether stamps of rows that changed between two walks lie between them on the UTC clock.

    `previous` and `now` are the provider's times of the two walks. Nothing is proved on an idle
    resource, nor by walks so far apart that another zone would look the same, nor from before
    clocks were set.
    """
    if previous is None or now - previous + overlap > PROOF_SPAN:
        return False
    if season(previous - overlap) != season(now):
        return False
    return any(previous - overlap <= stamp <= now for stamp in first_seen)


def refutes_utc(
    first_seen: Sequence[datetime], previous: datetime | None, overlap: timedelta
) -> bool:
    """Whether stamps of rows that changed since a walk are from so long before it that they were
    written in a zone west of UTC, or dated back: some writer's stamps are not UTC."""
    return previous is not None and any(
        stamp < previous - overlap - PROOF_SPAN for stamp in first_seen
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What a walk has to know of a record: which one, and its stamp (None if unusable)."""

    identity: str | None
    stamp: datetime | None
