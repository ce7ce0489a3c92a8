"""PURE: the slow passes of a resource: backfill, reconciliation, sweep; their turn and progress."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from daemon.polling.window import Marks


class PassKind(StrEnum):
    """What a slow pass is for, in the order in which they take their turn.

    BACKFILL tells what was there before the resource was watched. SWEEP compares the complete
    listing with what is known, and finds what was deleted. RECONCILE reads a longer window again.
    """

    BACKFILL = "backfill"
    SWEEP = "sweep"
    RECONCILE = "reconcile"


class Phase(StrEnum):
    """Where a pass is. CONFIRMING, of sweeps only, reads by id what was absent twice."""

    WAITING = "waiting"
    LISTING = "listing"
    CONFIRMING = "confirming"


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowPass:
    """One pass with its progress, stored with the pages it reads.

    `due_at` is when it begins while it waits, None for never again. `lower` and `until` bound its
    listing, `anchor` is where that goes on. `seen` counts a sweep's sightings. `confirmed` is a
    person's word that many objects really were deleted; `brake` says in words why it stopped.
    """

    kind: PassKind
    phase: Phase = Phase.WAITING
    due_at: datetime | None = None
    lower: datetime | None = None
    until: datetime | None = None
    anchor: datetime | None = None
    seen: int = 0
    confirmed: bool = False
    brake: str | None = None

    def is_due(self, now: datetime) -> bool:
        """Whether it has something to do."""
        waits = self.phase is Phase.WAITING
        return not waits or (self.due_at is not None and self.due_at <= now)

    def rest(self, due_at: datetime | None) -> SlowPass:
        """The same pass after its end, until its next turn."""
        return SlowPass(kind=self.kind, due_at=due_at, brake=self.brake)


Work = Mapping[PassKind, SlowPass]
"""The passes of one resource."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What of this a resource's configuration asks for; None is off."""

    reconcile_interval: timedelta | None = None
    reconcile_window: timedelta | None = None
    sweep_interval: timedelta | None = None
    sweep_max_fraction: float = 0.05


LEAST_BRAKE = 10
"""So many deletions at once are believed in a resource of any size."""


def next_pass(work: Work, now: datetime) -> SlowPass | None:
    """Whose turn it is: one pass at a time, a begun one before any other."""
    due = [work[kind] for kind in PassKind if kind in work and work[kind].is_due(now)]
    begun = [each for each in due if each.phase is not Phase.WAITING]
    return next(iter([*begun, *due]), None)


def reconciled(work: Work, wishes: Wishes, now: datetime) -> Work:
    """The passes that the configuration asks for: new ones are due at once, others keep theirs."""
    kept = dict(work)
    for kind, interval in (
        (PassKind.SWEEP, wishes.sweep_interval),
        (PassKind.RECONCILE, wishes.reconcile_interval),
    ):
        if interval is None:
            kept.pop(kind, None)
        elif kind not in kept or kept[kind].due_at is None:
            kept.setdefault(kind, SlowPass(kind=kind, due_at=now))
    return kept


def brakes(candidates: int, living: int, wishes: Wishes, slow: SlowPass) -> bool:
    """Whether so many objects gone at once are more likely a fault than a deletion."""
    most = max(LEAST_BRAKE, wishes.sweep_max_fraction * living)
    return candidates > most and not slow.confirmed


def listing_begun(slow: SlowPass, marks: Marks, wishes: Wishes, until: datetime | None) -> SlowPass:
    """The pass at the start of its listing. `until` is where the fast pass reads anyway."""
    lower = slow.lower
    if slow.kind is PassKind.RECONCILE and marks.cursor_at is not None:
        lower = marks.cursor_at - (wishes.reconcile_window or timedelta(0))
    if slow.kind is PassKind.SWEEP:
        until = None
    return replace(
        slow, phase=Phase.LISTING, lower=lower, until=slow.until or until, anchor=lower, brake=None
    )


def marks_after_listing(marks: Marks, slow: SlowPass) -> Marks:
    """A completed listing of old stamps moves the lower edge of what is known."""
    if slow.kind is PassKind.SWEEP:
        return replace(marks, known_from=None, ids_complete=True)
    if marks.known_from is None:
        return marks
    if slow.lower is None:
        return replace(marks, known_from=None)
    return replace(marks, known_from=min(marks.known_from, slow.lower))


def counts_as_missed(
    stamp: datetime | None, marks: Marks, fast_lower: datetime | None, slow: SlowPass
) -> bool:
    """Whether a change that a slow pass found should have been found by the fast one."""
    if slow.kind is PassKind.BACKFILL or stamp is None or fast_lower is None:
        return False
    known = marks.known_from is None or stamp >= marks.known_from
    return known and stamp < fast_lower


def work_as_json(work: Work) -> dict[str, dict[str, Any]]:
    """As it is stored."""
    return {kind.value: _as_json(slow) for kind, slow in work.items()}


def work_from_json(stored: Mapping[str, Mapping[str, Any]]) -> Work:
    """What `work_as_json` made."""
    return {PassKind(kind): _from_json(PassKind(kind), entry) for kind, entry in stored.items()}


_INSTANTS = ("due_at", "lower", "until", "anchor")


def _as_json(slow: SlowPass) -> dict[str, Any]:
    instants = {name: getattr(slow, name) for name in _INSTANTS}
    return {
        "phase": slow.phase.value,
        "seen": slow.seen,
        "confirmed": slow.confirmed,
        "brake": slow.brake,
        **{name: None if at is None else at.isoformat() for name, at in instants.items()},
    }


def _from_json(kind: PassKind, stored: Mapping[str, Any]) -> SlowPass:
    instants = {
        name: None if stored[name] is None else datetime.fromisoformat(stored[name])
        for name in _INSTANTS
    }
    return SlowPass(
        kind=kind,
        phase=Phase(stored["phase"]),
        seen=stored["seen"],
        confirmed=stored["confirmed"],
        brake=stored["brake"],
        **instants,
    )
