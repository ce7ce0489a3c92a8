"""Walking: how the pages of one resource are asked for, as long as its order can be trusted."""

from __future__ import annotations

from datetime import datetime

import structlog

from daemon.polling.source import Reading, Source
from daemon.polling.walk import Passes, Step, Walk
from daemon.polling.window import ANY_ZONE, Margins, Resume, newest_stamp

log = structlog.get_logger(__name__)


class Walker:
    """Starts and advances walks; remembers when the provider's order was seen to be violated."""

    def __init__(self, source: Source, margins: Margins, *, ordered: bool = True) -> None:
        self._source = source
        self._margins = margins
        self.ordered = ordered

    def start(self, lower: datetime | None, cap: datetime | None) -> Walk | Passes:
        """A walk from the lower bound on."""
        if not self.ordered:
            return Passes(lower=lower, cap=cap)
        return Walk.start(lower, cap, self._margins.granularity)

    def resume(self, resume: Resume) -> Walk | Passes:
        """A walk that goes on from its resume point; one without order begins anew."""
        if not self.ordered:
            return Passes(lower=resume.lower, cap=resume.cap)
        return Walk.resumed(resume, self._margins.granularity)

    def advance(self, walk: Walk | Passes, reading: Reading) -> Walk | Passes:
        """The walk after a page; one in disorder begins anew, in passes."""
        after = walk.advance(reading.rows, next_key=reading.next_key, complete=reading.complete)
        if after.step is not Step.DISORDERED:
            return after
        if self.ordered:
            self.ordered = False
            log.warning("poll.order_violated", reason="rows do not come in the order asked for")
        return Passes(lower=walk.lower, cap=walk.cap)

    async def newest(self) -> tuple[Reading, datetime | None]:
        """The newest rows, and the newest of their stamps to be believed."""
        newest = await self._source.newest()
        stamp = newest_stamp(newest.rows, newest.provider_time)
        if stamp is None and newest.rows:
            newest = await self._source.newest(newest.provider_time + ANY_ZONE)
            stamp = newest_stamp(newest.rows, newest.provider_time)
        return newest, stamp
