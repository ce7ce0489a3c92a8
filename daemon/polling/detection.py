"""PURE: known snapshots and a page of records -> changes to tell and snapshots to store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from daemon.instance import EventType
from daemon.notifications.change import Change
from daemon.polling.fingerprint import same_fields
from daemon.polling.sighting import Sighting
from daemon.polling.snapshot import Snapshot, SnapshotWrite
from daemon.polling.window import BEGINNING, Marks


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeated:
    """A time that the provider's clock was set back by and goes through again, as stamps tell it,
    both ends included."""

    since: datetime
    until: datetime

    def __contains__(self, stamp: datetime) -> bool:
        return self.since <= stamp <= self.until


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What decides the kind of a change, besides the snapshots.

    `only_created` tells created objects only (filterByUpdatedDate: false). `silent` stores without
    telling (the baseline). `backfill_until` is there while a backfill is under way: an object that
    is met for the first time is marked as old up to this stamp, whoever meets it. Stamps of the
    `repeated` time, where the provider's clock was set back, may be of just now. Revisions of
    unknown objects go on from `revision_floor`.
    """

    marks: Marks
    tolerance: timedelta
    projection: int
    polled_at: datetime
    only_created: bool = False
    silent: bool = False
    backfill_until: datetime | None = None
    repeated: Repeated | None = None
    revision_floor: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Detected:
    """The outcome of one page. `page` has all its records as read, changed or not; `doubtful` ids
    look older than what is known: they are to be read by id, or have been."""

    changes: Sequence[Change]
    writes: Sequence[SnapshotWrite]
    page: Sequence[Mapping[str, Any]] = ()
    doubtful: Sequence[str] = ()
    told_stamps: Sequence[datetime] = ()
    new: int = 0
    changed: int = 0
    suppressed: int = 0


NOTHING = Detected(changes=(), writes=())


@dataclass(slots=True, kw_only=True)
class _Collector:
    changes: list[Change] = field(default_factory=list)
    writes: list[SnapshotWrite] = field(default_factory=list)
    doubtful: list[str] = field(default_factory=list)
    told_stamps: list[datetime] = field(default_factory=list)
    new: int = 0
    changed: int = 0
    suppressed: int = 0


def fold(sightings: Iterable[Sighting]) -> Sequence[Sighting]:
    """One sighting per object, its newest version (of equals the later), in order of reading."""
    latest: dict[str, Sighting] = {}
    for sighting in sightings:
        earlier = latest.get(sighting.object_id)
        if earlier is None or (sighting.stamp or BEGINNING) >= (earlier.stamp or BEGINNING):
            latest.pop(sighting.object_id, None)
            latest[sighting.object_id] = sighting
    return list(latest.values())


def detect(
    sightings: Sequence[Sighting],
    known: Mapping[str, Snapshot],
    rules: Rules,
    *,
    confirmed: frozenset[str] = frozenset(),
) -> Detected:
    """Compare a folded page with what is known of its objects.

    `confirmed` are the doubtful ids, now with what reading the object itself has shown.
    """
    found = _Collector()
    for sighting in sightings:
        snapshot = known.get(sighting.object_id)
        if snapshot is None:
            _meet(sighting, rules, found)
        elif snapshot.deleted:
            _revive(sighting, snapshot, rules, found, sighting.object_id in confirmed)
        else:
            _compare(sighting, snapshot, rules, found, sighting.object_id in confirmed)
    return Detected(
        changes=found.changes,
        writes=found.writes,
        doubtful=found.doubtful,
        told_stamps=found.told_stamps,
        new=found.new,
        changed=found.changed,
        suppressed=found.suppressed,
    )


def kind_of_unknown(sighting: Sighting, rules: Rules) -> EventType | None:
    """CREATED or UPDATED for an id never stored before; None if it is no change at all."""
    created, marks = sighting.created, rules.marks
    if _was_there_unread(sighting, rules):
        return None
    if created is None:
        return EventType.CREATED if marks.ids_complete else EventType.UPDATED
    if marks.baseline_at is None or created >= marks.baseline_at:
        return EventType.CREATED
    if sighting.stamp is not None and sighting.stamp - created <= rules.tolerance:
        return EventType.CREATED
    return EventType.UPDATED


def _was_there_unread(sighting: Sighting, rules: Rules) -> bool:
    """Older than everything that was ever read: it did not change, it was only never looked at."""
    marks, stamp = rules.marks, sighting.stamp
    if marks.known_from is None or marks.baseline_at is None or stamp is None:
        return False
    if rules.repeated is not None and stamp in rules.repeated:
        return False  # it may have changed just now: what is doubtful is told
    old = sighting.created is None or sighting.created < marks.baseline_at
    return old and stamp < marks.known_from


def _meet(sighting: Sighting, rules: Rules, found: _Collector) -> None:
    kind = None if rules.silent else kind_of_unknown(sighting, rules)
    if kind is EventType.UPDATED and rules.only_created:
        kind = None
    _store(sighting, None, kind, rules, found)
    found.new += 1


def _revive(
    sighting: Sighting, tomb: Snapshot, rules: Rules, found: _Collector, confirmed: bool
) -> None:
    """An object that comes back after it was told as deleted is created again.

    It may be the memory of a stale replica, of a version that nobody had seen even: it is believed
    only when read by id.
    """
    if not confirmed:
        found.doubtful.append(sighting.object_id)
        return
    found.new += 1
    _store(sighting, tomb, None if rules.silent else EventType.CREATED, rules, found)


def _compare(
    sighting: Sighting, snapshot: Snapshot, rules: Rules, found: _Collector, confirmed: bool
) -> None:
    if sighting.is_same(snapshot, rules.projection):
        found.suppressed += 1
        if rules.projection != snapshot.projection:
            _store(sighting, snapshot, None, rules, found)
    elif not confirmed and sighting.is_doubtful(snapshot, rules.projection):
        found.doubtful.append(sighting.object_id)
    else:
        found.changed += 1
        told = not rules.silent and not rules.only_created
        _store(sighting, snapshot, EventType.UPDATED if told else None, rules, found)


def _store(
    sighting: Sighting,
    snapshot: Snapshot | None,
    kind: EventType | None,
    rules: Rules,
    found: _Collector,
) -> None:
    before = snapshot.revision if snapshot is not None else rules.revision_floor
    after = Snapshot(
        object_id=sighting.object_id,
        object_key=snapshot.object_key if snapshot is not None else sighting.object_key,
        stamp=sighting.stamp,
        content_hash=sighting.content_hash,
        digests=sighting.digests(),
        revision=before + (kind is not None),
        projection=rules.projection,
    )
    expected = None if snapshot is None else snapshot.revision
    found.writes.append(SnapshotWrite(snapshot=after, expected_revision=expected))
    if kind is not None:
        change = _change(sighting, snapshot, after, kind, rules)
        found.changes.append(change)
        if sighting.stamp is not None and not change.backfill:
            found.told_stamps.append(sighting.stamp)


def _change(
    sighting: Sighting, before: Snapshot | None, after: Snapshot, kind: EventType, rules: Rules
) -> Change:
    known = None
    if before is not None and not before.deleted:
        known = before.digests if same_fields(before.projection, after.projection) else None
    return Change(
        object_id=after.object_id,
        object_key=after.object_key,
        type=kind,
        revision=after.revision,
        occurred_at=sighting.stamp or sighting.created or rules.polled_at,
        raw=sighting.raw,
        changed=sighting.changed_fields(known) if kind is EventType.UPDATED else None,
        backfill=before is None and _is_old(sighting, rules),
    )


def _is_old(sighting: Sighting, rules: Rules) -> bool:
    """Whether it was there before the resource was watched, as far as stamps tell."""
    if rules.backfill_until is None:
        return False
    return sighting.stamp is None or sighting.stamp <= rules.backfill_until
