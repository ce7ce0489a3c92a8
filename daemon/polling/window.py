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

EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
"""Before what any record was stamped, and within what every provider can compare with."""

UNPROVED_OVERLAP = timedelta(hours=1, minutes=5)
"""A frame that may be local time repeats an hour when its summer time ends."""

ANY_ZONE = timedelta(hours=14)
"""The furthest any zone is ahead of UTC: a stamp beyond it lies in the future everywhere."""

PROOF_HOLDS = timedelta(hours=24)
DATE_GRAIN = timedelta(seconds=2)
"""So much the provider's time may seem to go back between two answers: it tells whole seconds."""

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
    the proof that the stamps are UTC, None while there is none. `clock` is the provider's, None
    until it was looked at.
    """

    cursor_at: datetime | None = None
    baseline_at: datetime | None = None
    known_from: datetime | None = None
    ids_complete: bool = False
    utc: Proof | None = None
    resume: Resume | None = None
    clock: ProviderClock | None = None

    def looked(self, look: Look) -> Marks:
        """The same after a look at the provider's clock."""
        return replace(self, clock=ProviderClock.after(self.clock, look, self.cursor_at))

    @property
    def certain_at(self) -> datetime | None:
        """The cursor, or the earlier stamp that the provider's clock was set back to."""
        if self.cursor_at is None or self.clock is None:
            return self.cursor_at
        return min(self.cursor_at, self.clock.set_back_to or self.cursor_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Margins:
    """How much is read again, and how exactly a stamp and a query literal can say an instant.

    `zone` is the IANA zone in whose local time stamps or literals are written, None if they are
    not. `provable` is false where a bare offset from UTC is all that is known of them. `widened` is
    what probes have found to be needed besides.
    """

    overlap: timedelta
    poll_delay: timedelta
    settle_lag: timedelta
    granularity: timedelta
    zone_configured: bool
    zone: tzinfo | None = None
    provable: bool = True
    widened: timedelta = timedelta(0)

    def overlap_in(self, *, proved: bool) -> timedelta:
        """The overlap that is safe: wider where the frame might be a local time."""
        known = (proved and self.provable) or self.zone_configured
        least = timedelta(0) if known else UNPROVED_OVERLAP
        return max(self.least_overlap, least) + self.widened

    @property
    def least_overlap(self) -> timedelta:
        """The overlap where nothing is doubtful."""
        return max(self.overlap, self.poll_delay, 2 * self.granularity)

    def overlap_at(self, provider_time: datetime, *, proved: bool) -> timedelta:
        """The same at a time of the provider: wider for a while after clocks were set back."""
        overlap = self.overlap_in(proved=proved)
        if self.zone is None or not is_after_fold(self.zone, provider_time):
            return overlap
        return max(overlap, UNPROVED_OVERLAP + self.widened)

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


def unproved_mark(
    cap: datetime | None, provider_time: datetime, margins: Margins
) -> datetime | None:
    """The mark that a walk up to a cap may leave: never later than it is in UTC.

    A stamp ahead of that is one of a zone further east, or lies in the future: only time tells. A
    mark of the latter would hide all that is stamped until then.
    """
    return None if cap is None else min(cap, proved_cap(provider_time, margins))


def lower_bound(
    cursor: datetime | None,
    cap: datetime | None,
    margins: Margins,
    *,
    proved: bool,
    provider_time: datetime | None = None,
) -> datetime | None:
    """From where on to read, inclusive; None reads everything.

    `provider_time` need not be exact: it tells whether clocks of the zone were just set back. A
    cursor stands in for it.
    """
    if cursor is None:
        return None
    start = cursor if cap is None else min(cursor, cap)
    bound = start - margins.overlap_at(provider_time or cursor, proved=proved)
    if margins.zone is not None:
        bound = before_repetition(margins.zone, bound)
    return margins.floor(bound)


def proved_lower_bound(
    cursor: datetime | None, proof: Proof, margins: Margins, *, provider_time: datetime
) -> datetime | None:
    """The same where the stamps are proved to be UTC, at a time of the provider.

    A cursor ahead of the cap stems from a stamp in the future that was believed while nothing was
    proved: for certain is only what was read when the proof was made.
    """
    cap = proved_cap(provider_time, margins)
    if cursor is not None and cursor > cap + STEADY:
        cursor = proof.walked_at
    return lower_bound(cursor, cap, margins, proved=True, provider_time=provider_time)


def certain_cursor(
    cursor: datetime | None, proof: Proof, *, provider_time: datetime, now: datetime
) -> datetime | None:
    """The cursor where a proof no longer holds, for stamps by a clock that may have been set.

    What follows upon setting it back is stamped as much earlier, and the cursor may stem from
    stamps of before: for certain is only what was read when the proof was made.
    """
    moved = proof.moved(provider_time, now)
    if cursor is None or abs(moved) <= STEADY:
        return cursor
    return min(cursor, proof.walked_at + min(moved, timedelta(0)))


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What a walk has to know of a record: which one, and its stamp (None if unusable)."""

    identity: str | None
    stamp: datetime | None
