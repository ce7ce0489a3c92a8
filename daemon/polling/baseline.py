"""The baseline: what a resource holds when it begins to be watched, stored and not told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from daemon.instance import ResourceState
from daemon.polling.detection import Sighting
from daemon.polling.noticing import Noticer
from daemon.polling.slow_pass import PassKind, SlowPass
from daemon.polling.source import Clock, Journal, Reading, Source, Tally
from daemon.polling.walking import Walker
from daemon.polling.window import (
    ANY_ZONE,
    Margins,
    Marks,
    Step,
    in_the_future_everywhere,
    lower_bound,
)

BEGINNING = datetime(1, 1, 2, tzinfo=UTC)
"""Before everything: with this as its baseline, whatever a resource holds was created since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """From when on a resource tells: `since` is None for its baseline, else a backfill's start."""

    since: datetime | None = None


class Baseline:
    """Reads the baseline of one resource."""

    def __init__(
        self, source: Source, journal: Journal, walker: Walker, noticer: Noticer, clock: Clock
    ) -> None:
        self._source = source
        self._journal = journal
        self._walker = walker
        self._noticer = noticer
        self._clock = clock

    async def read(self, margins: Margins, beginning: Beginning) -> Tally:
        """Store silently what is there; what is newer is left for the first poll to tell.

        With an instant to begin at nothing is stored: a backfill tells it, page by page.
        """
        tally = Tally()
        exact = replace(margins, settle_lag=timedelta(0))
        newest, baseline_at = await self._walker.newest(exact)
        if baseline_at is None:
            await self._begin_without_stamps(newest, beginning)
        elif beginning.since is not None:
            await self._begin_with_backfill(baseline_at, beginning.since)
        else:
            await self._store(exact, newest, baseline_at, tally)
        return tally

    async def _store(
        self, margins: Margins, newest: Reading, baseline_at: datetime, tally: Tally
    ) -> None:
        lower = lower_bound(baseline_at, None, margins, proved=False)
        walk = self._walker.start(lower, baseline_at, newest.provider_time)
        while walk.step is Step.ASK:
            reading = await self._source.page(walk.bound, walk.page_key)
            walk = self._walker.advance(walk, reading)
            marks, state = self._journal.marks, self._journal.state
            if walk.step is Step.FINISHED:
                marks = Marks(cursor_at=baseline_at, baseline_at=baseline_at, known_from=lower)
                state = ResourceState.ACTIVE
            old = _not_after(reading, baseline_at)
            detected = await self._noticer.notice(old, silent=True)
            await self._journal.commit(detected, marks, state=state)
            tally.add(reading, detected)

    async def _begin_with_backfill(self, newest: datetime, since: datetime) -> None:
        marks = Marks(cursor_at=newest, baseline_at=since, known_from=_unless_all(since))
        backfill = SlowPass(
            kind=PassKind.BACKFILL, due_at=self._clock(), lower=_unless_all(since), until=newest
        )
        detected = await self._noticer.notice(())
        work = {**self._journal.work, PassKind.BACKFILL: backfill}
        await self._journal.commit(detected, marks, state=ResourceState.ACTIVE, work=work)

    async def _begin_without_stamps(self, newest: Reading, beginning: Beginning) -> None:
        """Nothing has a stamp to go by: what appears from now on is new.

        An empty resource tells nothing of its frame: any zone's clock may date what comes next.
        """
        empty = not newest.rows and await self._source.is_empty()
        baseline_at = newest.provider_time - (ANY_ZONE if empty else timedelta(0))
        marks = Marks(baseline_at=beginning.since or baseline_at, ids_complete=empty)
        detected = await self._noticer.notice(newest.sightings, silent=beginning.since is None)
        await self._journal.commit(detected, marks, state=ResourceState.ACTIVE)


def _unless_all(since: datetime) -> datetime | None:
    return None if since <= BEGINNING else since


def _not_after(reading: Reading, baseline_at: datetime) -> Sequence[Sighting]:
    """What was there at the baseline: an absurd stamp in the future was there too."""
    return [
        sighting
        for sighting in reading.sightings
        if sighting.stamp is None
        or sighting.stamp <= baseline_at
        or in_the_future_everywhere(sighting.stamp, reading.provider_time)
    ]
