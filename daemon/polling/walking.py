"""Walking: how the pages of one resource are asked for, as long as its order can be trusted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from daemon.polling.source import Reading, Source
from daemon.polling.walk import Passes, Step, Walk
from daemon.polling.window import ANY_ZONE, Margins, Resume, newest_stamp

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
        """A page came, and this is what is asked next: what is read by now reaches no further
        whenever it goes on. One without order is never gone on with."""
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
