"""Slow work: backfill, reconciliation and sweeps, a page at a time between polls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

import structlog

from daemon.instance import EventType
from daemon.notifications.change import Change
from daemon.polling.detection import Detected, Snapshot, SnapshotWrite
from daemon.polling.noticing import Manner, Noticer
from daemon.polling.slow_pass import (
    PassKind,
    Phase,
    SlowPass,
    Wishes,
    brakes,
    counts_as_missed,
    listing_begun,
    marks_after_listing,
    next_pass,
)
from daemon.polling.source import Clock, Reading, Source, SweepJournal, Tally
from daemon.polling.walking import Walker
from daemon.polling.window import Passes, Step, Walk, lower_bound

log = structlog.get_logger(__name__)


class SlowWork:
    """The slow passes of one resource. `step` does one page or one read by id, and commits it."""

    def __init__(
        self, source: Source, journal: SweepJournal, manner: Manner, wishes: Wishes, clock: Clock
    ) -> None:
        self._source = source
        self._journal = journal
        self._walker = Walker(source, manner.margins)
        self._noticer = Noticer(source, journal, manner, clock)
        self._manner = manner
        self._wishes = wishes
        self._clock = clock
        self._walk: Walk | Passes | None = None

    def next_due_at(self) -> datetime | None:
        """When a pass has its turn next, in the past for one that has begun; None if none has."""
        begun = self._clock()
        times = [
            begun if slow.phase is not Phase.WAITING else slow.due_at
            for slow in self._journal.work.values()
        ]
        return min((at for at in times if at is not None), default=None)

    def is_due(self) -> bool:
        """Whether any pass has something to do now."""
        return next_pass(self._journal.work, self._clock()) is not None

    async def step(self) -> Tally:
        """The next page or the next confirmation of whichever pass has its turn."""
        slow = next_pass(self._journal.work, self._clock())
        if slow is None:
            return Tally()
        if slow.phase is Phase.WAITING:
            slow = await self._begin(slow)
        if slow.phase is Phase.CONFIRMING:
            return await self._confirm(slow)
        return await self._list(slow)

    async def _begin(self, slow: SlowPass) -> SlowPass:
        self._walk = None
        if slow.kind is PassKind.SWEEP:
            await self._journal.clear_sightings()
        return listing_begun(slow, self._journal.marks, self._wishes, self._fast_lower())

    def _fast_lower(self) -> datetime | None:
        marks = self._journal.marks
        return lower_bound(marks.cursor_at, None, self._manner.margins, proved=True)

    async def _list(self, slow: SlowPass) -> Tally:
        walk = self._walk
        bound = walk.bound if walk is not None else slow.anchor
        page_key = walk.page_key if walk is not None else None
        reading = await self._source.page(bound, page_key, background=True)
        walk = walk or self._walker.start(bound, None, reading.provider_time)
        after = self._walker.advance(walk, reading)
        detected = await self._noticer.notice(
            reading.sightings, backfill=slow.kind is PassKind.BACKFILL
        )
        tally = self._tally(reading, detected, slow)
        if slow.kind is PassKind.SWEEP:
            added = await self._journal.note_sightings([s.object_id for s in reading.sightings])
            slow = replace(slow, seen=slow.seen + added)
        if after.step is Step.FINISHED or _reached(after, slow):
            await self._end_listing(slow, detected)
        else:
            self._walk = after
            await self._commit(detected, replace(slow, anchor=after.bound))
        return tally

    def _tally(self, reading: Reading, detected: Detected, slow: SlowPass) -> Tally:
        tally = Tally()
        tally.add(reading, detected)
        marks, fast = self._journal.marks, self._fast_lower()
        told = {change.object_id for change in detected.changes}
        tally.missed = sum(
            counts_as_missed(write.snapshot.stamp, marks, fast, slow)
            for write in detected.writes
            if write.snapshot.object_id in told
        )
        return tally

    async def _end_listing(self, slow: SlowPass, detected: Detected) -> None:
        """The whole listing was read: for a sweep, what it did not show was absent once more."""
        self._walk = None
        marks = marks_after_listing(self._journal.marks, slow)
        if slow.kind is not PassKind.SWEEP:
            await self._journal.commit(detected, marks, work=self._work(self._rested(slow)))
        elif await self._journal.count_sightings() < slow.seen:
            log.warning("sweep.begins_anew", reason="a crash of the database took what it had seen")
            await self._commit(detected, SlowPass(kind=slow.kind, due_at=self._clock()))
        else:
            work = self._work(replace(slow, phase=Phase.CONFIRMING, anchor=None))
            await self._journal.end_sweep(detected, marks, work)

    async def _confirm(self, slow: SlowPass) -> Tally:
        absent, living = await self._journal.count_absent()
        if brakes(absent, living, self._wishes, slow):
            return await self._stop_at_brake(slow, absent, living)
        tally, candidates = Tally(), await self._journal.list_absent(1)
        if not candidates:
            await self._journal.clear_sightings()
            await self._commit(NOTHING, self._rested(replace(slow, brake=None)))
        for gone in candidates:
            found = await self._source.one(gone.object_key)
            detected = NOTHING if found is None else await self._noticer.notice([found])
            if found is None:
                detected = self._deletion(gone)
            else:
                await self._journal.mark_present(gone.object_id)
            await self._commit(detected, replace(slow, confirmed=True))
            tally.add_changes(detected)
        return tally

    async def _stop_at_brake(self, slow: SlowPass, absent: int, living: int) -> Tally:
        reason = (
            f"{absent} of {living} objects are gone at once: nothing is told as deleted until the "
            "sweep is confirmed."
        )
        log.warning("sweep.braked", absent=absent, living=living)
        await self._journal.clear_sightings()
        await self._commit(NOTHING, self._rested(replace(slow, brake=reason)))
        return Tally()

    def _deletion(self, gone: Snapshot) -> Detected:
        revision = gone.revision + 1
        change = Change(
            object_id=gone.object_id,
            object_key=gone.object_key,
            type=EventType.DELETED,
            revision=revision,
            occurred_at=self._clock(),
            raw={self._manner.id_field: gone.object_key},
        )
        tomb = replace(gone, revision=revision, deleted=True)
        write = SnapshotWrite(snapshot=tomb, expected_revision=gone.revision)
        return Detected(changes=[change], writes=[write])

    def _rested(self, slow: SlowPass) -> SlowPass:
        intervals = {
            PassKind.SWEEP: self._wishes.sweep_interval,
            PassKind.RECONCILE: self._wishes.reconcile_interval,
            PassKind.BACKFILL: None,
        }
        interval = intervals[slow.kind]
        return slow.rest(None if interval is None else self._clock() + interval)

    def _work(self, slow: SlowPass) -> Mapping[PassKind, SlowPass]:
        return {**self._journal.work, slow.kind: slow}

    async def _commit(self, detected: Detected, slow: SlowPass) -> None:
        await self._journal.commit(detected, self._journal.marks, work=self._work(slow))


NOTHING = Detected(changes=(), writes=())


def _reached(walk: Walk | Passes, slow: SlowPass) -> bool:
    """Whether an ordered listing has come to where it was to end."""
    if not isinstance(walk, Walk) or slow.until is None or walk.bound is None:
        return False
    return walk.bound > slow.until
