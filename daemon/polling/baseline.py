"""The baseline: what a resource holds when it begins to be watched, stored and not told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from daemon.instance import ResourceState
from daemon.polling.detection import NOTHING
from daemon.polling.noticing import Noticer
from daemon.polling.provider_clock import Look
from daemon.polling.sighting import Sighting
from daemon.polling.slow_pass import PassKind, SlowPass, local_time_since
from daemon.polling.source import Clock, Journal, Reading, Source, Tally
from daemon.polling.walk import Passes, Step, Walk
from daemon.polling.walking import Walker
from daemon.polling.window import (
    ANY_ZONE,
    BEGINNING,
    Margins,
    Marks,
    in_the_future_everywhere,
    lower_bound,
    unproved_mark,
)

__all__ = ["BEGINNING", "Baseline", "Beginning"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """From when on a resource tells: `since` is None for its baseline, else a backfill's start.

    A `whole` baseline holds everything there is, where changes are told by content alone.
    """

    since: datetime | None = None
    whole: bool = False


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

        With an instant to begin at nothing is stored: a backfill tells it, page by page. One that
        is still to come is no different from none: there is nothing yet to tell.
        """
        exact = replace(margins, settle_lag=timedelta(0))
        newest, newest_at = await self._walker.newest(exact)
        # The provider's time is told in whole seconds: what is stamped in this one is not ahead.
        this_second = newest.provider_time + timedelta(seconds=1)
        baseline_at = unproved_mark(newest_at, this_second, exact)
        since, look = beginning.since, newest.look(self._clock())
        if newest_at is None or baseline_at is None:
            return await self._begin_without_stamps(newest, since, look)
        if since is not None and since <= newest_at:
            marks = Marks(cursor_at=baseline_at).looked(look)
            return await self._begin_with_backfill(marks, since, until=newest_at)
        whole = beginning.whole
        lower = None if whole else self._lower(baseline_at, newest.provider_time, margins)
        begun = self._journal.marks.known_from
        if lower is not None and begun is not None:
            lower = min(lower, begun)  # what was cut off has stored what may have changed since
        marks = Marks(
            cursor_at=baseline_at, baseline_at=baseline_at, known_from=lower, ids_complete=whole
        ).looked(look)
        walk = self._walker.start(lower, newest_at, newest.provider_time)
        return await self._store(walk, marks, not_after=newest_at)

    @staticmethod
    def _lower(baseline_at: datetime, provider_time: datetime, margins: Margins) -> datetime | None:
        """From where on everything is stored: also what any zone's clock may stamp from now on, if
        the newest stamp is ahead of it."""
        lower = lower_bound(baseline_at, None, margins, proved=False)
        if lower is None or margins.zone_configured:
            return lower
        return min(lower, margins.floor(local_time_since(provider_time)))

    async def _store(
        self, walk: Walk | Passes, marks: Marks, *, not_after: datetime | None
    ) -> Tally:
        """Store silently what the walk brings. The marks hold when it has come to its end."""
        tally = Tally()
        while walk.step is Step.ASK:
            reading = await self._source.page(walk.bound, walk.page_key)
            walk = self._walker.advance(walk, reading)
            old = replace(reading, sightings=_old(reading, not_after))
            detected = await self._noticer.notice(old, silent=True)
            tally.add(reading, detected)
            if walk.step is Step.FINISHED:
                complete = marks.ids_complete or (not_after is None and tally.seen > 0)
                marks = replace(marks, ids_complete=complete)
                await self._journal.commit(detected, marks, state=ResourceState.ACTIVE)
            else:
                begun = replace(self._journal.marks, known_from=marks.known_from)
                await self._journal.commit(detected, begun)
        return tally

    async def _begin_with_backfill(
        self, marks: Marks, since: datetime, *, until: datetime
    ) -> Tally:
        """Up to `until` a slow pass tells what is there, unless a poll meets it first."""
        lower = None if since <= BEGINNING else since
        marks = replace(marks, baseline_at=since, known_from=lower, ids_complete=lower is None)
        backfill = SlowPass(kind=PassKind.BACKFILL, due_at=self._clock(), lower=lower, until=until)
        work = {**self._journal.work, PassKind.BACKFILL: backfill}
        await self._journal.commit(NOTHING, marks, state=ResourceState.ACTIVE, work=work)
        return Tally()

    async def _begin_without_stamps(
        self, newest: Reading, since: datetime | None, look: Look
    ) -> Tally:
        """No stamp is to be believed: everything that is there is old, what appears later is new.

        An empty resource tells nothing of its frame: any zone's clock may date what comes next. It
        is not read: what is there a moment later was created since.
        """
        provider_time = newest.provider_time
        if since is not None:
            return await self._begin_with_backfill(Marks().looked(look), since, until=provider_time)
        if not newest.rows and await self._source.is_empty():
            marks = Marks(baseline_at=provider_time - ANY_ZONE, ids_complete=True)
            await self._journal.commit(NOTHING, marks.looked(look), state=ResourceState.ACTIVE)
            return Tally()
        walk = self._walker.start(None, None, provider_time)
        marks = Marks(baseline_at=provider_time).looked(look)
        return await self._store(walk, marks, not_after=None)


def _old(reading: Reading, not_after: datetime | None) -> Sequence[Sighting]:
    """What was there at the baseline: an absurd stamp in the future was there too."""
    return [
        sighting
        for sighting in reading.sightings
        if not_after is None
        or sighting.stamp is None
        or sighting.stamp <= not_after
        or in_the_future_everywhere(sighting.stamp, reading.provider_time)
    ]
