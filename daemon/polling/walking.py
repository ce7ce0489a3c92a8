"""Walking: how the pages of one resource are asked for, as long as its order can be trusted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from daemon.polling.source import Reading, Source
from daemon.polling.walk import Passes, Step, Walk
from daemon.polling.window import ANY_ZONE, Margins, Resume, unproved_cap

log = structlog.get_logger(__name__)

MOST_TRIES = 3
"""So often a page that does not come is asked for again, until its walk goes on as after a restart:
the key of a page may not hold for ever."""


@dataclass(slots=True)
class Bookmark:
    """Which page a walk waits for. A restart forgets it, and goes on where marks say."""

    _walk: Walk | None = None
    _tries: int = 0

    def put(self, walk: Walk | Passes, read_to: datetime | None) -> None:
        """A page came, and this is what is asked next: whenever it goes on, it is exhaustive up to
        there only. One without order is never gone on with."""
        self._walk = replace(walk, cap=read_to) if isinstance(walk, Walk) else None
        self._tries = 0

    def remove(self) -> None:
        """The walk has come to its end."""
        self._walk = None

    @property
    def holds(self) -> bool:
        """Whether the page may be asked for again."""
        return self._walk is not None and self._tries < MOST_TRIES

    def take(self) -> Walk | None:
        """The walk to go on with, None if there is none or its page never comes."""
        if not self.holds:
            self._walk = None
        self._tries += 1
        return self._walk


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
