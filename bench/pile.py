"""The pile: a lane with any number of records, each of them made when it is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bench.records import make_template, object_id
from bench.shelf import Cut, Shelf

ALIKE = 100
"""So many records differ; the others are like one of them, under a key and a stamp of their own."""

STEP = timedelta(seconds=40)
"""Between two stamps: so few that what live polls read again because of the overlap is one page."""

AGE = timedelta(hours=3)
"""Of the newest stamp: longer than any overlap."""

TAIL = 200
"""Rows at the end that live polls read: what begins there is not counted as a backfill's."""

VERSION = 1


@dataclass(slots=True, kw_only=True)
class Heap:
    """What was read of a pile from the beginning on: how far, and how many rows more than once."""

    pages: int = 0
    furthest: int = 0
    again: int = 0

    def take(self, begin: int, end: int) -> None:
        """One page."""
        self.pages += 1
        self.again += max(0, min(self.furthest, end) - begin)
        self.furthest = max(self.furthest, end)


class Pile(Shelf):
    """Shows so many objects, changed one after the other until some hours ago."""

    def __init__(self, lane: int, objects: int) -> None:
        super().__init__(lane, 0)
        self._lane = lane
        self._objects = objects
        self._models = [(make_template(lane, n), object_id(lane, n).encode()) for n in range(ALIKE)]
        self._first_at = datetime.now(UTC).replace(microsecond=0) - AGE - (objects - 1) * STEP
        self.read = Heap()

    def ascending(self, bound: datetime | None, offset: int, size: int) -> Cut:
        begin = offset if bound is None else self._index(bound) + offset
        end = min(begin + size, self._objects)
        if begin < self._objects - TAIL:
            self.read.take(begin, end)
        return Cut(rows=[self._row(n) for n in range(begin, end)], more=end < self._objects)

    def newest(self, size: int) -> Cut:
        least = max(0, self._objects - size)
        rows = [self._row(n) for n in range(self._objects - 1, least - 1, -1)]
        return Cut(rows=rows, more=least > 0)

    def _index(self, bound: datetime) -> int:
        """The first row stamped at or after the bound."""
        return max(0, -((self._first_at - bound) // STEP))

    def _row(self, number: int) -> bytes:
        template, key = self._models[number % ALIKE]
        row = template.row(VERSION, self._first_at + number * STEP)
        return row.replace(key, object_id(self._lane, number).encode(), 1)
