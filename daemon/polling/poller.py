"""One poll of one resource: window -> pages -> detect -> commit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from daemon.instance import ResourceState
from daemon.polling.baseline import Baseline, Beginning
from daemon.polling.detection import Detected
from daemon.polling.noticing import Manner, Noticer
from daemon.polling.provider_clock import Look, ProviderClock
from daemon.polling.source import Clock, Journal, KnownPage, Reading, Source, Tally
from daemon.polling.walk import Passes, Step, Walk, lower_of
from daemon.polling.walking import Bookmark, Walker
from daemon.polling.window import (
    Marks,
    Proof,
    Resume,
    cap_at,
    lower_bound,
    proves_utc,
    refutes_utc,
)

__all__ = ["Manner", "Poller"]

WITH_BASELINE = Beginning()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Start:
    """How a walk began: `look` is from before its page 1, and whether its stamps were `proved` to
    be UTC then. One that is `resumed` has left behind what changed below its anchor meanwhile."""

    look: Look
    walk: Walk | Passes
    reading: Reading
    proved: bool = False
    resumed: bool = False


class Poller:
    """Polls one resource through a Source into a Journal; keeps only what a restart may forget.

    `walked_at` is the provider's time of the last walk, None before the first. The `bookmark` is
    where a walk was left.
    """

    def __init__(self, source: Source, journal: Journal, manner: Manner, clock: Clock) -> None:
        self._source = source
        self._journal = journal
        self._margins = manner.margins
        self._clock = clock
        self._walker = Walker(source, manner.margins, ordered=manner.ordered)
        self._noticer = Noticer(source, journal, manner, clock)
        self._baseline = Baseline(source, journal, self._walker, self._noticer, clock)
        self._known: KnownPage | None = None
        self.bookmark = Bookmark()
        self.walked_at: datetime | None = None

    async def poll_once(self, beginning: Beginning = WITH_BASELINE) -> Tally:
        """Read everything that changed since the last poll, and tell it.

        The first time, what is there is only stored; `beginning` says if older changes are told.
        """
        if self._journal.state is ResourceState.BASELINE_PENDING:
            return await self._baseline.read(self._margins, beginning)
        tally = Tally()
        start = await self._open()
        walk, reading = start.walk, start.reading
        while True:
            walk = await self._take(walk, reading, tally, start)
            if walk.step is not Step.ASK:
                break
            self.bookmark.put(walk, self._read_to(walk, tally, start))
            reading = await self._source.page(walk.bound, walk.page_key)
        self.bookmark.remove()
        self.walked_at = start.look.provider_time
        return tally

    async def _open(self) -> _Start:
        """Read page 1, which tells the time itself."""
        marks = self._journal.marks
        kept = self.bookmark.take()
        if kept is not None:
            return await self._go_on(kept)
        if marks.resume is not None and self._walker.ordered:
            return await self._resume(marks.resume)
        lower = lower_bound(marks.certain_at, self._margins, self._expected_time(marks))
        reading = await self._source.page(lower, None, known=self._known_page())
        look = reading.look(self._clock())
        proved = self._is_utc(look)
        cap = cap_at(look.provider_time, self._margins, proved=proved)
        walk = self._walker.start(lower, cap)
        return _Start(look=look, walk=walk, reading=reading, proved=proved)

    async def _go_on(self, walk: Walk) -> _Start:
        """Ask again for the page that did not come."""
        self.walked_at = None
        reading = await self._source.page(walk.bound, walk.page_key)
        return _Start(look=reading.look(self._clock()), walk=walk, reading=reading, resumed=True)

    async def _resume(self, resume: Resume) -> _Start:
        reading = await self._source.page(resume.anchor, None)
        walk = self._walker.resume(resume)
        return _Start(look=reading.look(self._clock()), walk=walk, reading=reading, resumed=True)

    def _expected_time(self, marks: Marks) -> datetime:
        """What the provider's clock shows, unless one of the clocks was set."""
        return self._clock() + (marks.clock.skew if marks.clock else timedelta(0))

    def _is_utc(self, look: Look) -> bool:
        proof = self._journal.marks.utc if self._margins.provable else None
        return proof is not None and proof.holds(look.provider_time, self._clock())

    async def _take(
        self, walk: Walk | Passes, reading: Reading, tally: Tally, start: _Start
    ) -> Walk | Passes:
        """Detect and commit one page together with the progress it means."""
        after = self._walker.advance(walk, reading)
        detected = await self._notice(reading)
        tally.add(reading, detected, walked_at=self.walked_at if start.proved else None)
        marks = self._marks_after(after, tally, start)
        if detected.writes or self._have_to_last(marks):
            await self._journal.commit(detected, marks)
        elif after.step is Step.FINISHED:
            self._journal.move(marks)
        if tally.pages == 1:
            self._know(reading, detected)
        return after

    async def _notice(self, reading: Reading) -> Detected:
        if reading.alike and self._known is not None:
            return Detected(changes=(), writes=(), suppressed=self._known.suppressed)
        return await self._noticer.notice(reading)

    def _known_page(self) -> KnownPage | None:
        """The page with which the last poll began, if what it showed still is what is stored."""
        known = self._known
        return known if known is not None and known.writes == self._journal.writes else None

    def _know(self, reading: Reading, detected: Detected) -> None:
        """Remember the page that a poll began with, if there was nothing on it to tell or doubt."""
        if reading.alike:
            return
        self._known = None
        if reading.likeness is not None and not (detected.writes or detected.doubtful):
            self._known = KnownPage(
                likeness=reading.likeness,
                rows=reading.rows,
                suppressed=detected.suppressed,
                writes=self._journal.writes,
            )

    def _have_to_last(self, marks: Marks) -> bool:
        """Whether marks say what a restart must not forget, although no object has changed.

        A cursor or a proof that is forgotten costs a longer read; a lower edge would silence what
        comes late, and a resume point would repeat its walk for ever.
        """
        before = self._journal.marks
        ends_resume = marks.resume is None and before.resume is not None
        return ends_resume or marks.known_from != before.known_from

    def _marks_after(self, walk: Walk | Passes, tally: Tally, start: _Start) -> Marks:
        marks = self._journal.marks.looked(start.look)
        read_to = self._read_to(walk, tally, start)
        if walk.step is not Step.FINISHED:
            return replace(marks, resume=walk.resume and replace(walk.resume, cap=read_to))
        return replace(
            self._judged(marks, tally, start),
            cursor_at=read_to or marks.cursor_at,
            known_from=lower_of(marks.known_from, walk.lower),
            resume=None,
            clock=self._clock_after(marks, walk.lower, read_to, start),
        )

    def _read_to(self, walk: Walk | Passes, tally: Tally, start: _Start) -> datetime | None:
        """Up to where everything is read by now: the cap, or the newest stamp, whose clock may be
        further behind than that of any zone; None if nothing ever had one."""
        if start.proved or walk.cap is None:
            return walk.cap
        newest = tally.newest and tally.newest - self._margins.settle_lag
        read_to = newest or self._journal.marks.cursor_at
        return read_to and min(walk.cap, read_to)

    def _clock_after(
        self, marks: Marks, lower: datetime | None, read_to: datetime | None, start: _Start
    ) -> ProviderClock | None:
        if marks.clock is None or start.resumed:
            return marks.clock
        return marks.clock.read(lower, read_to, start.look, self._margins.least_overlap)

    def _judged(self, marks: Marks, tally: Tally, start: _Start) -> Marks:
        """After a walk whose changes may have shown whether the stamps are UTC."""
        now, overlap, walked_at = self._clock(), self._margins.least_overlap, self.walked_at
        if refutes_utc(tally.first_seen, walked_at, overlap):
            return replace(marks, refuted_at=now)
        started_at = start.look.provider_time
        proves = proves_utc(tally.first_seen, walked_at, started_at, overlap)
        if not (proves and self._margins.provable) or marks.is_refuted(now):
            return marks
        return replace(marks, utc=Proof(proved_at=now, skew=started_at - now))
