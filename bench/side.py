"""A side: who asks the provider, with its own records and clock, and when it is answered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from enum import StrEnum

from bench.http import response
from bench.question import Question, page_key
from bench.shelf import Cut, Shelf

A_MOMENT = timedelta(seconds=2)
"""Between a change and the present: a stamp later than the question proves nothing of its zone."""


class Hold(StrEnum):
    """Which questions wait until they are let go.

    NOTHING: none. POLLS: those for the newest rows, with which a poll begins that does not know the
    zone of the stamps, of a lane whose last row was read. ALL: every one.
    """

    NOTHING = "nothing"
    POLLS = "polls"
    ALL = "all"


@dataclass(slots=True, kw_only=True)
class Counts:
    """What was answered since the counting began; instants are monotonic seconds."""

    pages: int = 0
    others: int = 0
    first_at: float | None = None
    last_at: float | None = None


@dataclass(slots=True, kw_only=True)
class Side:
    """`ahead` is how far the provider's clock is ahead of ours for this side.

    With `streaming`, each page shows one more change; `told` says when each version was on its way
    in which lane (monotonic seconds). With `ticking`, each page comes a second later than the one
    before, however soon it is asked for: within one second the provider's clock would stand still.
    With `varying`, no two answers are the same bytes, whatever records they hold.
    """

    shelves: list[Shelf]
    ahead: timedelta = timedelta(0)
    hold: Hold = Hold.NOTHING
    streaming: bool = False
    ticking: bool = False
    varying: bool = False
    version: int = 0
    counts: Counts = field(default_factory=Counts)
    told: list[tuple[int, int, float]] = field(default_factory=list)
    held: list[Callable[[], None]] = field(default_factory=list)
    has_held: asyncio.Event = field(default_factory=asyncio.Event)

    def now(self, shelf: Shelf) -> datetime:
        """The provider's clock, in whole seconds."""
        ahead = self.ahead + timedelta(seconds=shelf.ticks)
        return (datetime.now(UTC) + ahead).replace(microsecond=0)

    def change(self, objects: int, advance: timedelta, step: timedelta) -> int:
        """The clock goes ahead, and objects of every lane change until shortly before."""
        self.version += 1
        self.ahead += advance
        for shelf in self.shelves:
            shelf.change(self.version, objects, self.now(shelf) - A_MOMENT, step)
        return self.version

    def change_one(self) -> int:
        """One object of every lane changes."""
        self.version += 1
        for shelf in self.shelves:
            self._change_one(shelf)
        return self.version

    def ask(self, lane: int, question: Question, reply: Callable[[bytes], None]) -> None:
        """Answer a question, now or when it is let go."""
        begins = question.newest and self.shelves[lane].read_out
        if self.hold is Hold.ALL or (self.hold is Hold.POLLS and begins):
            self.held.append(lambda: reply(self._answer(lane, question)))
            self.has_held.set()
        else:
            reply(self._answer(lane, question))

    async def await_held(self, count: int) -> None:
        """Return when so many questions wait."""
        while len(self.held) < count:
            self.has_held.clear()
            await self.has_held.wait()

    def let_go(self, hold: Hold) -> None:
        """Answer what waits; from now on hold this, once each lane's last row was read."""
        for shelf in self.shelves:
            shelf.read_out = False
        held, self.held, self.hold = self.held, [], hold
        for answer in held:
            answer()

    def _answer(self, lane: int, question: Question) -> bytes:
        shelf = self.shelves[lane]
        if question.is_page:
            self._go_on(lane)
        cut = self._cut(shelf, question)
        if question.is_page:
            shelf.read_out = not cut.more
        body = _body(cut, question, self.counts.pages if self.varying else 0)
        answer = response(body, b"Content-Type: application/json", _date(self.now(shelf)))
        self._count(question)
        return answer

    def _go_on(self, lane: int) -> None:
        shelf = self.shelves[lane]
        if self.ticking:
            shelf.ticks += 1
        if self.streaming:
            self.version += 1
            self._change_one(shelf)
            self.told.append((self.version, lane, time.monotonic()))

    def _change_one(self, shelf: Shelf) -> None:
        shelf.change_one(self.version, self.now(shelf) - A_MOMENT)

    def _cut(self, shelf: Shelf, question: Question) -> Cut:
        if question.newest:
            return shelf.newest(question.size)
        return shelf.ascending(question.bound, question.offset, question.size)

    def _count(self, question: Question) -> None:
        counts, now = self.counts, time.monotonic()
        if question.is_page:
            counts.pages += 1
        else:
            counts.others += 1
        counts.first_at = now if counts.first_at is None else counts.first_at
        counts.last_at = now


def _body(cut: Cut, question: Question, turn: int) -> bytes:
    key = page_key(question.offset + len(cut.rows)) if cut.more else None
    told = b"" if key is None else b',"PageKey":"%s"' % key.encode()
    return b'{"Code":0,"Turn":%d,"AbEntry":{"Data":[%s]%s}}' % (turn, b",".join(cut.rows), told)


def _date(instant: datetime) -> bytes:
    return b"Date: " + format_datetime(instant, usegmt=True).encode()
