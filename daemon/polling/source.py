"""What a poll reads from and writes to: the Source and Journal protocols and their nouns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from daemon.instance import EventType, ResourceState
from daemon.polling.detection import Detected, Sighting, Snapshot
from daemon.polling.window import Marks, Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One page as read: `rows` are all its rows in order, `sightings` those with a usable id."""

    rows: Sequence[Row]
    sightings: Sequence[Sighting]
    next_key: str | None
    complete: bool
    provider_time: datetime


class Source(Protocol):
    """Where the records of one resource come from. Every method raises ProviderError."""

    async def newest(self, before: datetime | None = None) -> Reading:
        """The newest rows that match the resource's filter (stamped before), newest first."""

    async def is_empty(self) -> bool:
        """Whether the resource has no row at all, whatever the filter."""

    async def page(self, bound: datetime | None, page_key: str | None) -> Reading:
        """The rows stamped at or after the bound, oldest first."""

    async def one(self, object_key: str) -> Sighting | None:
        """One object as it is now, None if it is not shown."""


class Journal(Protocol):
    """What is remembered of one resource, and the only way to write it."""

    @property
    def marks(self) -> Marks: ...

    @property
    def state(self) -> ResourceState: ...

    async def known(self, object_ids: Sequence[str]) -> Mapping[str, Snapshot]:
        """The snapshots of these objects."""

    async def commit(
        self, detected: Detected, marks: Marks, state: ResourceState, polled_at: datetime
    ) -> None:
        """Write one page whole. Raises Fenced, RevisionMismatch, DatabaseUnavailable."""

    def move(self, marks: Marks) -> None:
        """Remember marks that changed without a change of any object; written down later."""


class Clock(Protocol):
    """Our own clock: for reports, never for marks."""

    def __call__(self) -> datetime: ...


@dataclass(slots=True, kw_only=True)
class Tally:
    """What one poll saw: counts of pages and rows, and the stamps of the versions it told."""

    pages: int = 0
    seen: int = 0
    new: int = 0
    changed: int = 0
    suppressed: int = 0
    unidentified: int = 0
    told: int = 0
    kinds: Counter[EventType] = field(default_factory=Counter)
    first_seen: list[datetime] = field(default_factory=list)

    def add(self, reading: Reading, detected: Detected) -> None:
        self.pages += 1
        self.seen += len(reading.rows)
        self.unidentified += len(reading.rows) - len(reading.sightings)
        self.new += detected.new
        self.changed += detected.changed
        self.suppressed += detected.suppressed
        self.told += len(detected.changes)
        self.kinds.update(change.type for change in detected.changes)
        self.first_seen.extend(
            write.snapshot.stamp
            for write in detected.writes
            if write.snapshot.stamp is not None
            and write.snapshot.revision > (write.expected_revision or 0)
        )
