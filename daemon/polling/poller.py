"""One poll of one resource: window -> pages -> detect -> commit; before the first, the baseline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from daemon.instance import ResourceState
from daemon.polling.detection import Detected, Rules, Sighting, detect, fold
from daemon.polling.source import Clock, Journal, Reading, Source, Tally
from daemon.polling.window import (
    ANY_ZONE,
    Margins,
    Marks,
    Passes,
    Proof,
    Step,
    Walk,
    in_the_future_everywhere,
    lower_bound,
    proved_cap,
    proves_utc,
    unproved_cap,
)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a resource is polled: its margins, what counts as just created, what is left out.

    `projection` names the selection of fields that hashes are made of; `only_created` tells created
    objects only.
    """

    margins: Margins
    tolerance: timedelta
    projection: int
    only_created: bool = False


class Poller:
    """Polls one resource through a Source into a Journal; keeps only what a restart may forget."""

    def __init__(self, source: Source, journal: Journal, manner: Manner, clock: Clock) -> None:
        self._source = source
        self._journal = journal
        self._manner = manner
        self._margins = manner.margins
        self._clock = clock
        self._walked_at: datetime | None = None
        self._ordered = True

    async def poll_once(self) -> Tally:
        """Read everything that changed since the last poll, and tell it."""
        if self._journal.state is ResourceState.BASELINE_PENDING:
            return await self.read_baseline()
        tally = Tally()
        walk, reading = await self._open()
        started_at = reading.provider_time
        while True:
            walk = await self._take(walk, reading, tally, started_at)
            if walk.step is not Step.ASK:
                break
            reading = await self._source.page(walk.bound, walk.page_key)
        self._walked_at = started_at
        return tally

    async def read_baseline(self) -> Tally:
        """Store silently what is there; what is newer is left for the first poll to tell."""
        tally = Tally()
        margins = replace(self._margins, settle_lag=timedelta(0))
        newest, baseline_at = await self._newest(margins)
        if baseline_at is None:
            await self._begin_without_stamps(newest)
            return tally
        lower = lower_bound(baseline_at, None, margins, proved=False)
        walk = self._start(lower, baseline_at, newest.provider_time)
        while walk.step is Step.ASK:
            reading = await self._source.page(walk.bound, walk.page_key)
            walk = self._advance(walk, reading)
            old = _not_after(reading, baseline_at)
            marks, state = self._journal.marks, self._journal.state
            if walk.step is Step.FINISHED:
                marks = Marks(cursor_at=baseline_at, baseline_at=baseline_at, known_from=lower)
                state = ResourceState.ACTIVE
            detected = await self._detect(old, silent=True)
            await self._journal.commit(detected, marks, state, self._clock())
            tally.add(reading, detected)
        return tally

    async def _begin_without_stamps(self, newest: Reading) -> None:
        """Nothing has a stamp to go by: what appears from now on is new.

        An empty resource tells nothing of its frame: any zone's clock may date what comes next.
        """
        empty = not newest.rows and await self._source.is_empty()
        baseline_at = newest.provider_time - (ANY_ZONE if empty else timedelta(0))
        marks = Marks(baseline_at=baseline_at, ids_complete=empty)
        detected = await self._detect(newest.sightings, silent=True)
        await self._journal.commit(detected, marks, ResourceState.ACTIVE, self._clock())

    async def _open(self) -> tuple[Walk | Passes, Reading]:
        """Settle the cap before page 1, and read page 1."""
        marks, margins = self._journal.marks, self._margins
        if marks.resume is not None:
            reading = await self._source.page(marks.resume.anchor, None)
            return Walk.resumed(marks.resume, margins.granularity, reading.provider_time), reading
        if marks.utc is not None and self._ordered:
            lower = lower_bound(marks.cursor_at, None, margins, proved=True)
            reading = await self._source.page(lower, None)
            cap = proved_cap(reading.provider_time, margins)
            behind = marks.cursor_at is None or marks.cursor_at <= cap
            if behind and marks.utc.holds(reading.provider_time, self._clock()):
                return self._start(lower, cap, reading.provider_time), reading
        return await self._open_by_newest(marks)

    async def _open_by_newest(self, marks: Marks) -> tuple[Walk | Passes, Reading]:
        newest, cap = await self._newest(self._margins)
        proved = marks.utc is not None and marks.utc.holds(newest.provider_time, self._clock())
        lower = lower_bound(marks.cursor_at, cap, self._margins, proved=proved)
        walk = self._start(lower, cap, newest.provider_time)
        return walk, await self._source.page(lower, None)

    async def _newest(self, margins: Margins) -> tuple[Reading, datetime | None]:
        """The newest rows, and the newest of their stamps to be believed, less the settle lag."""
        newest = await self._source.newest()
        cap = unproved_cap(newest.rows, newest.provider_time, margins)
        if cap is None and newest.rows:
            newest = await self._source.newest(newest.provider_time + ANY_ZONE)
            cap = unproved_cap(newest.rows, newest.provider_time, margins)
        return newest, cap

    def _start(
        self, lower: datetime | None, cap: datetime | None, provider_time: datetime
    ) -> Walk | Passes:
        if not self._ordered:
            return Passes(lower=lower, cap=cap)
        return Walk.start(lower, cap, self._margins.granularity, provider_time)

    async def _take(
        self, walk: Walk | Passes, reading: Reading, tally: Tally, started_at: datetime
    ) -> Walk | Passes:
        """Detect and commit one page together with the progress it means."""
        after = self._advance(walk, reading)
        detected = await self._detect(reading.sightings)
        tally.add(reading, detected)
        marks = self._marks_after(after, tally, started_at)
        ends_resume = marks.resume is None and self._journal.marks.resume is not None
        if detected.writes or ends_resume:
            await self._journal.commit(detected, marks, ResourceState.ACTIVE, self._clock())
        elif after.step is Step.FINISHED:
            self._journal.move(marks)
        return after

    def _advance(self, walk: Walk | Passes, reading: Reading) -> Walk | Passes:
        after = walk.advance(reading.rows, next_key=reading.next_key, complete=reading.complete)
        if after.step is not Step.DISORDERED:
            return after
        if self._ordered:
            self._ordered = False
            log.warning("poll.order_violated", reason="rows do not come in the order asked for")
        return Passes(lower=walk.lower, cap=walk.cap)

    def _marks_after(self, walk: Walk | Passes, tally: Tally, started_at: datetime) -> Marks:
        marks = self._journal.marks
        if walk.step is not Step.FINISHED:
            return replace(marks, resume=walk.resume)
        known_from = marks.known_from
        if known_from is not None and walk.lower is not None:
            known_from = min(known_from, walk.lower)
        return replace(
            marks,
            cursor_at=walk.cap or marks.cursor_at,
            known_from=known_from,
            utc=self._proof(tally, started_at) or marks.utc,
            resume=None,
        )

    def _proof(self, tally: Tally, started_at: datetime) -> Proof | None:
        overlap = self._margins.overlap_in(proved=True)
        if not proves_utc(tally.first_seen, self._walked_at, started_at, overlap):
            return None
        now = self._clock()
        return Proof(proved_at=now, skew=started_at - now)

    async def _detect(self, sightings: Sequence[Sighting], *, silent: bool = False) -> Detected:
        """Compare a page with what is known; versions that look older are read by id first."""
        folded = fold(sightings)
        known = await self._journal.known([sighting.object_id for sighting in folded])
        rules = Rules(
            marks=self._journal.marks,
            tolerance=self._manner.tolerance,
            projection=self._manner.projection,
            polled_at=self._clock(),
            only_created=self._manner.only_created,
            silent=silent,
        )
        detected = detect(folded, known, rules)
        if not detected.doubtful:
            return detected
        doubtful = frozenset(detected.doubtful)
        sure = [sighting for sighting in folded if sighting.object_id not in doubtful]
        read = [await self._source.one(known[object_id].object_key) for object_id in doubtful]
        confirmed = [sighting for sighting in read if sighting is not None]
        return detect([*sure, *confirmed], known, rules, confirmed=doubtful)


def _not_after(reading: Reading, baseline_at: datetime) -> Sequence[Sighting]:
    """What was there at the baseline: an absurd stamp in the future was there too."""
    return [
        sighting
        for sighting in reading.sightings
        if sighting.stamp is None
        or sighting.stamp <= baseline_at
        or in_the_future_everywhere(sighting.stamp, reading.provider_time)
    ]
