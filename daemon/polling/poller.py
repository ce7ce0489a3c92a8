"""One poll of one resource: window -> pages -> detect -> commit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from daemon.instance import ResourceState
from daemon.polling.baseline import Baseline, Beginning
from daemon.polling.detection import Detected
from daemon.polling.noticing import Manner, Noticer
from daemon.polling.provider_clock import Look, ProviderClock
from daemon.polling.source import Clock, Journal, KnownPage, Reading, Source, Tally
from daemon.polling.walk import Passes, Step, Walk, lower_of
from daemon.polling.walking import Bookmark, Walker
from daemon.polling.window import (
    DATE_GRAIN,
    Marks,
    Proof,
    Resume,
    certain_cursor,
    lower_bound,
    proved_cap,
    proved_lower_bound,
    proves_utc,
    unproved_mark,
)

__all__ = ["Manner", "Poller"]

WITH_BASELINE = Beginning()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Start:
    """How a walk began: `look` is from before its page 1. One that is `resumed` has left behind
    what changed below its anchor since it began."""

    look: Look
    walk: Walk | Passes
    reading: Reading
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
            self.bookmark.put(walk, self._read_to(walk, start))
            reading = await self._source.page(walk.bound, walk.page_key)
        self.bookmark.remove()
        self.walked_at = start.look.provider_time
        return tally

    async def _open(self) -> _Start:
        """Settle the cap before page 1, and read page 1."""
        marks, margins = self._journal.marks, self._margins
        kept = self.bookmark.take()
        if kept is not None:
            return await self._go_on(kept)
        if marks.resume is not None and self._walker.ordered:
            return await self._resume(marks.resume)
        if marks.utc is not None and margins.provable and self._walker.ordered:
            opened = await self._open_proved(marks, marks.utc)
            if opened is not None:
                return opened
        return await self._open_by_newest(marks)

    async def _go_on(self, walk: Walk) -> _Start:
        """Ask again for the page that did not come."""
        self.walked_at = None
        reading = await self._source.page(walk.bound, walk.page_key)
        return _Start(look=reading.look(self._clock()), walk=walk, reading=reading, resumed=True)

    async def _resume(self, resume: Resume) -> _Start:
        reading = await self._source.page(resume.anchor, None)
        look = reading.look(self._clock())
        walk = self._walker.resume(resume, look.provider_time)
        return _Start(look=look, walk=walk, reading=reading, resumed=True)

    async def _open_proved(self, marks: Marks, proof: Proof) -> _Start | None:
        """Page 1 tells the time itself, and is asked for again if it turns out to begin too late.

        Answers None if the proof does not hold.
        """
        expected = self._clock() + proof.skew - DATE_GRAIN
        lower = self._proved_lower(marks, proof, Look(provider_time=expected, skew=proof.skew))
        reading = await self._source.page(lower, None, known=self._known_page())
        look = reading.look(self._clock())
        if not proof.holds(look.provider_time, self._clock()):
            return None
        needed = self._proved_lower(marks, proof, look)
        if lower is not None and needed is not None and needed < lower:
            lower = needed
            reading = await self._source.page(lower, None, known=self._known_page())
        walk = self._start(lower, proved_cap(look.provider_time, self._margins), look)
        return _Start(look=look, walk=walk, reading=reading)

    async def _open_by_newest(self, marks: Marks) -> _Start:
        margins = self._margins
        newest, cap = await self._walker.newest(margins)
        look = newest.look(self._clock())
        if marks.utc is not None and self._is_utc(look.provider_time):
            cap = proved_cap(look.provider_time, margins)
            lower = self._proved_lower(marks, marks.utc, look)
        else:
            cursor = self._certain_cursor(marks.looked(look), look.provider_time)
            read_to = unproved_mark(cap, look.provider_time, margins)
            lower = lower_bound(
                cursor, read_to, margins, proved=False, provider_time=look.provider_time
            )
        walk = self._start(lower, cap, look)
        reading = await self._source.page(lower, None, known=self._known_page())
        return _Start(look=look, walk=walk, reading=reading)

    def _start(self, lower: datetime | None, cap: datetime | None, look: Look) -> Walk | Passes:
        proved = self._is_utc(look.provider_time)
        return self._walker.start(lower, cap, look.provider_time, proved=proved)

    def _proved_lower(self, marks: Marks, proof: Proof, look: Look) -> datetime | None:
        cursor = marks.looked(look).certain_at
        return proved_lower_bound(cursor, proof, self._margins, provider_time=look.provider_time)

    def _certain_cursor(self, marks: Marks, provider_time: datetime) -> datetime | None:
        if marks.utc is None or not self._margins.provable:
            return marks.certain_at
        return certain_cursor(
            marks.certain_at, marks.utc, provider_time=provider_time, now=self._clock()
        )

    def _is_utc(self, provider_time: datetime) -> bool:
        proof = self._journal.marks.utc if self._margins.provable else None
        return proof is not None and proof.holds(provider_time, self._clock())

    async def _take(
        self, walk: Walk | Passes, reading: Reading, tally: Tally, start: _Start
    ) -> Walk | Passes:
        """Detect and commit one page together with the progress it means."""
        after = self._walker.advance(walk, reading)
        detected = await self._notice(reading)
        proved = self._is_utc(start.look.provider_time)
        tally.add(reading, detected, walked_at=self.walked_at if proved else None)
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
        if walk.step is not Step.FINISHED:
            read_to = self._read_to(walk, start)
            return replace(marks, resume=walk.resume and replace(walk.resume, cap=read_to))
        return replace(
            marks,
            cursor_at=self._read_to(walk, start) or marks.cursor_at,
            known_from=lower_of(marks.known_from, walk.lower),
            utc=self._proof(tally, start.look.provider_time) or marks.utc,
            resume=None,
            clock=self._clock_after(marks, walk, start),
        )

    def _read_to(self, walk: Walk | Passes, start: _Start) -> datetime | None:
        return unproved_mark(walk.cap, start.look.provider_time, self._margins)

    def _clock_after(
        self, marks: Marks, walk: Walk | Passes, start: _Start
    ) -> ProviderClock | None:
        if marks.clock is None or start.resumed:
            return marks.clock
        look = start.look
        proved = self._is_utc(look.provider_time)
        until = proved_cap(look.provider_time, self._margins) if proved else None
        return marks.clock.read(walk.lower, until, look, self._margins.least_overlap)

    def _proof(self, tally: Tally, started_at: datetime) -> Proof | None:
        overlap = self._margins.least_overlap
        proves = proves_utc(tally.first_seen, self.walked_at, started_at, overlap)
        if not (proves and self._margins.provable):
            return None
        now = self._clock()
        return Proof(proved_at=now, skew=started_at - now)
