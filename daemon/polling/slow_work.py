"""Slow work: backfill, reconciliation and sweeps, a page at a time between polls."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import structlog

from daemon.errors import SweepInterrupted
from daemon.polling.confirming import Confirming
from daemon.polling.detection import NOTHING, Detected
from daemon.polling.noticing import Manner, Noticer
from daemon.polling.slow_pass import (
    PassKind,
    Phase,
    SlowPass,
    Wishes,
    counts_as_missed,
    listing_begun,
    marks_after_listing,
    may_have_hidden,
    next_due,
    next_pass,
)
from daemon.polling.source import Clock, Reading, Source, SweepJournal, Tally
from daemon.polling.walk import Passes, Step, Walk
from daemon.polling.walking import Walker
from daemon.polling.window import Resume, lower_bound

log = structlog.get_logger(__name__)


class SlowWork:
    """The slow passes of one resource. `step` does one page or one read by id, and commits it."""

    def __init__(
        self, source: Source, journal: SweepJournal, manner: Manner, wishes: Wishes, clock: Clock
    ) -> None:
        self._source = source
        self._journal = journal
        self._walker = Walker(source, manner.margins, ordered=manner.ordered)
        self._noticer = Noticer(source, journal, manner, clock, background=True)
        self._confirming = Confirming(journal, self._noticer, manner, wishes, clock)
        self._margins = manner.margins
        self._wishes = wishes
        self._clock = clock
        self._walk: Walk | Passes | None = None

    def next_due_at(self) -> datetime | None:
        """When there is something to do: now if at once, None for never."""
        return next_due(self._journal.work, self._clock())

    @property
    def brake(self) -> str | None:
        """Why the last sweep stopped, in words, if it did."""
        sweep = self._journal.work.get(PassKind.SWEEP)
        return None if sweep is None else sweep.brake

    async def step(self) -> Tally:
        """The next page or the next confirmation of whichever pass has its turn."""
        slow = next_pass(self._journal.work, self._clock())
        if slow is None:
            return Tally()
        if slow.phase is Phase.CONFIRMING:
            return await self._confirming.step(slow)
        if slow.phase is not Phase.WAITING:
            return await self._list(slow)
        provider_time = self._provider_time()
        if slow.kind is PassKind.RECHECK and not self._may_have_hidden(slow, provider_time):
            await self._commit(NOTHING, self._rested(slow))
            return Tally()
        return await self._list(await self._begin(slow, provider_time))

    def _provider_time(self) -> datetime:
        clock = self._journal.marks.clock
        return self._clock() if clock is None else self._clock() + clock.skew

    def _may_have_hidden(self, slow: SlowPass, provider_time: datetime) -> bool:
        marks = self._journal.marks
        return may_have_hidden(slow, marks, self._wishes, provider_time, self._clock())

    async def _begin(self, slow: SlowPass, provider_time: datetime) -> SlowPass:
        self._walk = None
        if slow.kind is PassKind.SWEEP:
            await self._journal.clear_sightings()
        marks = self._journal.marks
        until = lower_bound(marks.certain_at, None, self._margins, proved=True)
        return listing_begun(slow, marks, self._wishes, until, provider_time)

    def _rested(self, slow: SlowPass) -> SlowPass:
        interval = self._wishes.interval(slow.kind)
        return slow.rest(None if interval is None else self._clock() + interval)

    async def _list(self, slow: SlowPass) -> Tally:
        """Read one page. What is remembered of the walk moves only with what was committed."""
        walk = self._walk
        bound, page_key = (slow.anchor, None) if walk is None else (walk.bound, walk.page_key)
        reading = await self._source.page(bound, page_key, background=True)
        after = self._walker.advance(walk or self._resumed(slow, reading), reading)
        detected = await self._noticer.notice(reading)
        tally = self._tally(reading, detected, slow)
        if slow.kind is PassKind.SWEEP:
            added = await self._journal.note_sightings([s.object_id for s in reading.sightings])
            slow = replace(slow, seen=slow.seen + added)
        elif slow.kind is PassKind.RECHECK:
            slow = replace(slow, told=slow.told + tally.missed)
        if after.step is Step.FINISHED or _reached(after, slow):
            await self._end_listing(slow, detected)
        else:
            await self._commit(detected, replace(slow, anchor=after.bound))
            self._walk = after
        return tally

    def _resumed(self, slow: SlowPass, reading: Reading) -> Walk | Passes:
        """The listing from its anchor on, to the end: what is newer than the mark is listed too,
        but where there is no order, passes need not wait until nothing of it changes any more."""
        cap = self._journal.marks.cursor_at
        point = Resume(lower=slow.lower, cap=cap, anchor=slow.anchor)
        walk = self._walker.resume(point, reading.provider_time)
        return replace(walk, ahead_from=None) if isinstance(walk, Walk) else walk

    def _tally(self, reading: Reading, detected: Detected, slow: SlowPass) -> Tally:
        tally = Tally()
        tally.add(reading, detected)
        marks = self._journal.marks.looked(reading.look(self._clock()))
        proved = marks.utc is not None and marks.utc.holds(reading.provider_time, self._clock())
        fast = lower_bound(marks.certain_at, None, self._margins, proved=proved)
        missed = [
            stamp for stamp in detected.told_stamps if counts_as_missed(stamp, marks, fast, slow)
        ]
        tally.missed = len(missed)
        if proved and slow.kind is PassKind.RECONCILE:  # a sweep finds what was dated back, too
            tally.late.extend((reading.provider_time - each).total_seconds() for each in missed)
        return tally

    async def _end_listing(self, slow: SlowPass, detected: Detected) -> None:
        """The whole listing was read: for a sweep, what it did not show was absent once more."""
        if slow.kind is PassKind.SWEEP:
            await self._end_sweep(slow, detected)
        else:
            marks = marks_after_listing(self._journal.marks, slow)
            work = {**self._journal.work, slow.kind: self._rested(slow)}
            await self._journal.commit(detected, marks, work=work)
        self._walk = None

    async def _end_sweep(self, slow: SlowPass, detected: Detected) -> None:
        marks = marks_after_listing(self._journal.marks, slow)
        confirming = replace(slow, phase=Phase.CONFIRMING, anchor=None, lists_others=False)
        work = {**self._journal.work, slow.kind: confirming}
        try:
            await self._journal.end_sweep(detected, marks, work, listed=slow)
        except SweepInterrupted as error:
            log.warning("sweep.begins_anew", reason=str(error))
            await self._commit(
                detected, replace(slow.rest(self._clock()), confirmed=slow.confirmed)
            )

    async def _commit(self, detected: Detected, slow: SlowPass) -> None:
        work = {**self._journal.work, slow.kind: slow}
        await self._journal.commit(detected, self._journal.marks, work=work)


def _reached(walk: Walk | Passes, slow: SlowPass) -> bool:
    """Whether an ordered listing has come to where it was to end."""
    if not isinstance(walk, Walk) or slow.until is None or walk.bound is None:
        return False
    return walk.bound > slow.until
