"""Reading: which records of one object go on the page that was asked for."""

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Any

from daemon.sandbox.criteria import Criteria, Test
from daemon.sandbox.ordering import Order, Seen, in_order
from daemon.sandbox.records import Record, View
from daemon.sandbox.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """The faults that strike a read, as far as they choose or order its rows."""

    shuffle: random.Random | None = None
    shuffle_ties_only: bool = False
    cap: int | None = None
    hides: Callable[[Record], bool] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The records of one page with the version each was seen in, and whether more follow."""

    rows: list[Seen]
    has_more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """All that one Read of one object depends on."""

    store: Store
    view: View
    criteria: Criteria
    query: Mapping[str, Any]
    order: Order
    trouble: Trouble

    def page(self, size: int) -> Page:
        """The page asked for, at most that long. Raises Refusal for a query it cannot ask."""
        rows: Iterator[Seen] = self._rows(self.criteria.compile(self.query))
        if self.trouble.cap is not None:
            rows = islice(rows, self.trouble.cap)
        wanted = list(islice(rows, self.order.offset, self.order.offset + size + 1))
        return Page(rows=wanted[:size], has_more=len(wanted) > size)

    def _rows(self, test: Test) -> Iterator[Seen]:
        object_name = self.criteria.object_type.name
        if not self._can_use_index():
            everything = self._matching(self.store.records(object_name), test)
            return iter(self._shuffled(in_order(everything, self.order, self.criteria)))
        bounds = self.criteria.bounds(self.query)
        descending = self.order.fields[0][1]
        groups = self.store.ordered(object_name, bounds.low, bounds.high, descending=descending)
        return (
            row
            for group in groups
            for row in in_order(self._matching(group, test), self.order, self.criteria)
        )

    def _can_use_index(self) -> bool:
        """Whether the index by modification date already gives the order, or its first field."""
        fields = self.order.fields
        return (
            bool(fields)
            and fields[0][0] == "LastModifyDate"
            and self.criteria.frame.stamps is None
            and self.trouble.shuffle is None
            and self.store.is_settled(self.criteria.object_type.name, self.view)
        )

    def _matching(self, records: Iterable[Record], test: Test) -> Iterator[Seen]:
        hides = self.trouble.hides
        for record in records:
            version = record.seen(self.view)
            if version is None or not test(version.fields):
                continue
            if hides is None or not hides(record):
                yield record, version

    def _shuffled(self, rows: list[Seen]) -> list[Seen]:
        shuffle = self.trouble.shuffle
        if shuffle is None:
            return rows
        if not self.trouble.shuffle_ties_only:
            return shuffle.sample(rows, len(rows))
        names = [name for name, _ in self.order.fields]
        mixed: list[Seen] = []
        for _, tie in groupby(rows, key=lambda row: [row[1].fields.get(name) for name in names]):
            group = list(tie)
            mixed += shuffle.sample(group, len(group))
        return mixed
