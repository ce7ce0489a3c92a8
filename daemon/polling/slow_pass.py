"""PURE: the slow passes of a resource: backfill, reconciliation, sweep; their turn and progress."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from daemon.polling.window import ANY_ZONE, Marks


class PassKind(StrEnum):
    """What a slow pass is for, in the order in which they take their turn.

    BACKFILL tells what was there before the resource was watched. SWEEP compares the complete
    listing with what is known, and finds what was deleted. CONTENT compares it without looking for
    deletions, where records have no date of modification. RECONCILE reads a longer window again.
    RECHECK reads again what a stamp ahead of its time may have hidden, where no zone is configured.
    """

    BACKFILL = "backfill"
    SWEEP = "sweep"
    CONTENT = "content"
    RECONCILE = "reconcile"
    RECHECK = "recheck"


class Phase(StrEnum):
    """Where a pass is. CONFIRMING, of sweeps only, reads by id what was absent twice."""

    WAITING = "waiting"
    LISTING = "listing"
    CONFIRMING = "confirming"


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowPass:
    """One pass with its progress, stored with the pages it reads.

    `due_at` is when it begins while it waits, None for never again. `lower` and `until` bound its
    listing, `anchor` is where that goes on. `seen` counts a sweep's sightings, `told` the deletions
    it told, of which it may tell `allowance` (None: not known yet), or what a recheck found.
    `confirmed` is a person's word that many objects really were deleted; `brake` says in words why
    the last sweep stopped, until one comes to its end. `lists_others` says that the filter is
    another than at the listing before: what this one does not show has rather left the filter.
    `outside` objects are known to be there, although no listing shows them. `since` is when its
    last turn was, by the provider's clock.
    """

    kind: PassKind
    phase: Phase = Phase.WAITING
    due_at: datetime | None = None
    lower: datetime | None = None
    until: datetime | None = None
    anchor: datetime | None = None
    seen: int = 0
    told: int = 0
    allowance: int | None = None
    confirmed: bool = False
    brake: str | None = None
    lists_others: bool = False
    outside: int = 0
    since: datetime | None = None

    @property
    def is_begun(self) -> bool:
        """Whether it is between its beginning and its end."""
        return self.phase is not Phase.WAITING

    @property
    def is_over(self) -> bool:
        """Whether it has nothing to do ever again."""
        return not self.is_begun and self.due_at is None

    def is_due(self, now: datetime) -> bool:
        """Whether it has something to do."""
        return self.is_begun or (self.due_at is not None and self.due_at <= now)

    def rest(self, due_at: datetime | None) -> SlowPass:
        """The same pass after its end, until its next turn."""
        return SlowPass(
            kind=self.kind,
            due_at=due_at,
            brake=self.brake,
            lists_others=self.lists_others,
            outside=self.outside,
            told=self.told if self.kind is PassKind.RECHECK else 0,
            since=self.since,
        )


Work = Mapping[PassKind, SlowPass]
"""The passes of one resource."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What of this a resource's configuration asks for; None is off.

    `content_at_once` says that the baseline did not hold the whole content. A proof that stamps are
    UTC is `proof_believed_for` so long without a recheck.
    """

    reconcile_interval: timedelta | None = None
    reconcile_window: timedelta | None = None
    sweep_interval: timedelta | None = None
    sweep_max_fraction: float = 0.05
    content_interval: timedelta | None = None
    content_at_once: bool = False
    recheck_interval: timedelta | None = None
    proof_believed_for: timedelta = timedelta(days=1)

    def interval(self, kind: PassKind) -> timedelta | None:
        """The time between the end of one pass and the beginning of the next, None for never."""
        intervals = {
            PassKind.SWEEP: self.sweep_interval,
            PassKind.CONTENT: self.content_interval,
            PassKind.RECONCILE: self.reconcile_interval,
            PassKind.RECHECK: self.recheck_interval,
        }
        return intervals.get(kind)


_WHOLE = (PassKind.SWEEP, PassKind.CONTENT)
"""Passes that list everything."""

LEAST_BRAKE = 10
"""So many deletions at once are believed in a resource of any size."""


def next_pass(work: Work, now: datetime) -> SlowPass | None:
    """Whose turn it is: one pass at a time, a begun one before any other."""
    due = [work[kind] for kind in PassKind if kind in work and work[kind].is_due(now)]
    begun = [each for each in due if each.is_begun]
    return next(iter([*begun, *due]), None)


def next_due(work: Work, now: datetime) -> datetime | None:
    """When there is something to do next: now if a pass is begun or due, None for never."""
    if next_pass(work, now) is not None:
        return now
    return min((slow.due_at for slow in work.values() if slow.due_at is not None), default=None)


def reconciled(work: Work, wishes: Wishes, now: datetime) -> Work:
    """The passes that the configuration asks for: new ones are due at once, others keep theirs.

    The baseline was the first comparison of content, unless it was not whole; and it has read what
    may be hidden.
    """
    kept = dict(work)
    for kind in (PassKind.SWEEP, PassKind.CONTENT, PassKind.RECONCILE, PassKind.RECHECK):
        interval, slow = wishes.interval(kind), kept.get(kind)
        if interval is None:
            _drop(kept, kind)
        elif slow is None or slow.is_over:
            has_had_turn = kind is PassKind.CONTENT and not wishes.content_at_once
            waits = has_had_turn or kind is PassKind.RECHECK
            others = slow is not None and slow.lists_others
            due_at = now + interval if waits else now
            kept[kind] = SlowPass(kind=kind, due_at=due_at, lists_others=others, since=now)
        elif slow.due_at is not None and slow.due_at > now + interval:
            kept[kind] = replace(slow, due_at=now + interval)
    return kept


def _drop(work: dict[PassKind, SlowPass], kind: PassKind) -> None:
    """Nothing is done any more; whenever sweeps come back, the filter was changed meanwhile."""
    slow = work.pop(kind, None)
    if slow is not None and slow.lists_others:
        work[kind] = SlowPass(kind=kind, lists_others=True)


def listing_others(work: Work) -> Work:
    """The next sweep, whenever that is, lists by another filter than those before it."""
    slow = work.get(PassKind.SWEEP) or SlowPass(kind=PassKind.SWEEP)
    return {**work, PassKind.SWEEP: replace(slow, lists_others=True)}


def sweep_requested(work: Work, now: datetime, *, confirm: bool) -> Work:
    """A sweep is due at once, or goes on if it is begun; `confirm` lets a mass deletion through."""
    slow = work.get(PassKind.SWEEP) or SlowPass(kind=PassKind.SWEEP)
    due_at = slow.due_at if slow.is_begun else now
    allowance = None if confirm else slow.allowance
    confirmed = slow.confirmed or confirm
    asked = replace(slow, due_at=due_at, confirmed=confirmed, allowance=allowance)
    return {**work, PassKind.SWEEP: asked}


def begun_anew(work: Work, now: datetime) -> Work:
    """Passes that were listing begin again: what they listed by is another now."""
    return {kind: _begun_anew(slow, now) for kind, slow in work.items()}


def _begun_anew(slow: SlowPass, now: datetime) -> SlowPass:
    if slow.is_over:
        return slow
    is_backfill = slow.kind is PassKind.BACKFILL
    return replace(
        slow.rest(now),
        lower=slow.lower if is_backfill or slow.kind is PassKind.RECHECK else None,
        until=slow.until if is_backfill else None,
        confirmed=slow.confirmed,
    )


def most_deletions(living: int, wishes: Wishes) -> float:
    """How many objects gone at once are believed: more are rather a fault than a deletion."""
    return max(LEAST_BRAKE, wishes.sweep_max_fraction * living)


def listing_begun(
    slow: SlowPass,
    marks: Marks,
    wishes: Wishes,
    until: datetime | None,
    provider_time: datetime,
) -> SlowPass:
    """The pass at the start of its listing. `until` is where the fast pass reads anyway."""
    lower = slow.lower
    if slow.kind is PassKind.RECONCILE and marks.cursor_at is not None:
        lower = marks.cursor_at - (wishes.reconcile_window or timedelta(0))
    if slow.kind is PassKind.RECHECK:
        since = min(slow.since or provider_time, provider_time)
        lower = min(slow.lower or since, local_time_since(since))
    if slow.kind in _WHOLE:
        until = None
    return replace(
        slow,
        phase=Phase.LISTING,
        lower=lower,
        until=slow.until or until,
        anchor=lower,
        seen=0,
        told=0,
        since=provider_time,
    )


def local_time_since(provider_time: datetime) -> datetime:
    """The earliest that can be stamped since then in any zone, late rows included."""
    return provider_time - ANY_ZONE


def may_have_hidden(
    slow: SlowPass, marks: Marks, wishes: Wishes, provider_time: datetime, now: datetime
) -> bool:
    """Whether since its last turn a mark may have been ahead of what was stamped by local time.

    Not where nothing was stamped lately in any zone. What proves UTC may be the stamp of one writer
    among others, or that of a wrong clock: it is believed for a while, if the last turn found
    nothing to the contrary.
    """
    since = min(slow.since or provider_time, provider_time)
    is_proved = marks.utc is not None and marks.utc.holds(provider_time, now)
    if is_proved and slow.told == 0 and provider_time - since < wishes.proof_believed_for:
        return False
    return marks.cursor_at is not None and marks.cursor_at > local_time_since(since)


def marks_after_listing(marks: Marks, slow: SlowPass) -> Marks:
    """A completed listing of old stamps moves the lower edge of what is known."""
    if slow.kind in _WHOLE:
        return replace(marks, known_from=None, ids_complete=True)
    if marks.known_from is None:
        return marks
    if slow.lower is None:
        return replace(marks, known_from=None)
    return replace(marks, known_from=min(marks.known_from, slow.lower))


def backfill_until(work: Work) -> datetime | None:
    """While a backfill is under way: up to which stamp an object met for the first time is old."""
    slow = work.get(PassKind.BACKFILL)
    return None if slow is None or slow.is_over else slow.until


def counts_as_missed(
    stamp: datetime | None, marks: Marks, fast_lower: datetime | None, slow: SlowPass
) -> bool:
    """Whether a change that a slow pass found should have been found by the fast one."""
    expected = slow.kind in (PassKind.BACKFILL, PassKind.CONTENT)
    if expected or stamp is None or fast_lower is None:
        return False
    known = marks.known_from is None or stamp >= marks.known_from
    return known and stamp < fast_lower
