"""The index by modification date: how a read finds its first rows without looking at all."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from datetime import datetime
from itertools import groupby

from daemon.sandbox.records import Record


class StampIndex:
    """Records of one object in the order of their latest stamps."""

    def __init__(self) -> None:
        self._entries: list[tuple[datetime, int]] = []
        self._records: dict[int, Record] = {}

    def add(self, record: Record) -> None:
        insort(self._entries, (record.latest.stamp, record.sequence))
        self._records[record.sequence] = record

    def discard(self, record: Record) -> None:
        """Takes the record out; call it while the version it was added with is still the latest."""
        entry = (record.latest.stamp, record.sequence)
        position = bisect_left(self._entries, entry)
        if position < len(self._entries) and self._entries[position] == entry:
            del self._entries[position]
            del self._records[record.sequence]

    def groups(
        self, low: datetime | None, high: datetime | None, *, descending: bool
    ) -> Iterator[list[Record]]:
        """Groups of equal stamps from low to high inclusive; inside a group by creation."""
        first = 0 if low is None else bisect_left(self._entries, (low, -1))
        last = len(self._entries)
        if high is not None:
            last = bisect_right(self._entries, high, key=lambda entry: entry[0])
        positions = range(last - 1, first - 1, -1) if descending else range(first, last)
        entries = (self._entries[position] for position in positions)
        for _, group in groupby(entries, key=lambda entry: entry[0]):
            records = [self._records[sequence] for _, sequence in group]
            yield records[::-1] if descending else records
