"""Walking: how the pages of one resource are asked for, as long as its order can be trusted."""

from __future__ import annotations

from datetime import datetime

import structlog

from daemon.polling.source import Reading, Source
from daemon.polling.walk import Passes, Step, Walk
from daemon.polling.window import ANY_ZONE, Margins, Resume, unproved_cap

log = structlog.get_logger(__name__)


class Walker:
    """Starts and advances walks; remembers when the provider's order was seen to be violated."""

    def __init__(self, source: Source, margins: Margins, *, ordered: bool = True) -> None:
        self._source = source
        self._margins = margins
        self.ordered = ordered

    def start(
        self,
        lower: datetime | None,
        cap: datetime | None,
        provider_time: datetime,
        *,
        proved: bool = False,
    ) -> Walk | Passes:
        """A walk from the lower bound on; `provider_time` is that of a response before it.

        Stamps ahead of that are in the future, or of another zone unless they are `proved` to be
        UTC.
        """
        if not self.ordered:
            return Passes(lower=lower, cap=cap)
        ahead_from = provider_time if proved else provider_time + ANY_ZONE
        return Walk.start(lower, cap, self._margins.granularity, ahead_from)

    def resume(self, resume: Resume, provider_time: datetime) -> Walk | Passes:
        """A walk that goes on from its resume point; one without order begins anew."""
        if not self.ordered:
            return Passes(lower=resume.lower, cap=resume.cap)
        return Walk.resumed(resume, self._margins.granularity, provider_time + ANY_ZONE)

    def advance(self, walk: Walk | Passes, reading: Reading) -> Walk | Passes:
        """The walk after a page; one in disorder begins anew, in passes."""
        after = walk.advance(reading.rows, next_key=reading.next_key, complete=reading.complete)
        if after.step is not Step.DISORDERED:
            return after
        if self.ordered:
            self.ordered = False
            log.warning("poll.order_violated", reason="rows do not come in the order asked for")
        return Passes(lower=walk.lower, cap=walk.cap)

    async def newest(self, margins: Margins) -> tuple[Reading, datetime | None]:
        """The newest rows, and the newest of their stamps to be believed, less the settle lag."""
        newest = await self._source.newest()
        cap = unproved_cap(newest.rows, newest.provider_time, margins)
        if cap is None and newest.rows:
            newest = await self._source.newest(newest.provider_time + ANY_ZONE)
            cap = unproved_cap(newest.rows, newest.provider_time, margins)
        return newest, cap
