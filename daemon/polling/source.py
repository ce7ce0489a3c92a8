"""What a poll reads from and writes to: the Source and Journal protocols and their nouns."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from daemon.instance import EventType, ResourceState
from daemon.polling.detection import Detected
from daemon.polling.provider_clock import Look
from daemon.polling.sighting import Sighting
from daemon.polling.slow_pass import SlowPass, Work
from daemon.polling.snapshot import Snapshot
from daemon.polling.window import Marks, Row

MOST_SAMPLES = 10_000
"""So many instants of one poll are kept for what is measured; the latest, if there are more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One page as read: `rows` are all its rows in order, `sightings` those with a usable id.

    `clock_skew` is how far the provider's clock was ahead of ours, None if it did not say.
    `likeness` is what the source knows the page again by, None if it cannot; `alike` says that it
    is the known page of the question, whose sightings are left out.
    """

    rows: Sequence[Row]
    sightings: Sequence[Sighting]
    next_key: str | None
    complete: bool
    provider_time: datetime
    clock_skew: timedelta | None = None
    likeness: object = None
    alike: bool = False

    def look(self, now: datetime) -> Look:
        """What it says of the provider's clock, at a time of ours."""
        told, reckoned = self.clock_skew, self.provider_time - now
        skew = reckoned if told is None else told
        return Look(provider_time=self.provider_time, skew=skew)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPage:
    """A page on which there was nothing new: so many objects `suppressed`, none of them doubtful.

    It says so for as long as no snapshot is written: `writes` is the journal's count of them.
    """

    likeness: object
    rows: Sequence[Row]
    suppressed: int
    writes: int


class Source(Protocol):
    """Where the records of one resource come from. Every method raises ProviderError."""

    @property
    def searches_by_stamp(self) -> bool:
        """Whether pages are asked for by stamp, so that they come oldest first."""

    async def newest(self, before: datetime | None = None) -> Reading:
        """The newest rows that match the resource's filter (stamped before), newest first."""

    async def is_empty(self) -> bool:
        """Whether the resource has no row at all, whatever the filter."""

    async def page(
        self,
        bound: datetime | None,
        page_key: str | None,
        *,
        background: bool = False,
        known: KnownPage | None = None,
    ) -> Reading:
        """The rows stamped at or after the bound, oldest first.

        What reads in the background leaves a reserve of the rate budget to others. If the page is
        just as the known one was, it comes `alike`; a source may always read it instead.
        """

    async def one(self, object_key: str, *, background: bool = False) -> Sighting | None:
        """One object as it is now, None if it is not shown."""

    async def some(
        self, object_keys: Sequence[str], *, background: bool = False
    ) -> Sequence[Sighting]:
        """Objects asked for together, as they are now. One that is not among them may be there."""


class Journal(Protocol):
    """What is remembered of one resource, and the only way to write it."""

    @property
    def marks(self) -> Marks: ...

    @property
    def state(self) -> ResourceState: ...

    @property
    def work(self) -> Work:
        """The slow passes with their progress."""

    @property
    def revision_floor(self) -> int:
        """The revision from which unknown objects go on."""

    @property
    def writes(self) -> int:
        """How many snapshots were written so far."""

    async def known(self, object_ids: Sequence[str]) -> Mapping[str, Snapshot]:
        """The snapshots of these objects."""

    async def commit(
        self,
        detected: Detected,
        marks: Marks,
        *,
        state: ResourceState | None = None,
        work: Work | None = None,
    ) -> None:
        """Write one page whole; state and work stay as they are unless given.

        Raises Fenced, RevisionMismatch, DatabaseUnavailable.
        """

    def move(self, marks: Marks) -> None:
        """Remember marks that changed without a change of any object; written down later."""


class SweepJournal(Journal, Protocol):
    """What sweeps need besides: a memory of what their listing has shown."""

    async def note_sightings(self, object_ids: Sequence[str]) -> int:
        """Remember what a page has shown; answers how many were new to this listing."""

    async def clear_sightings(self) -> None:
        """Forget the listing."""

    async def end_sweep(
        self, detected: Detected, marks: Marks, work: Work, *, listed: SlowPass
    ) -> None:
        """Commit the last page, and one more absence of every object the listing did not show.

        Raises SweepInterrupted, having written nothing, if fewer objects of the listing are still
        remembered than it has seen.
        """

    async def count_absent(self) -> tuple[int, int]:
        """How many objects the last listing did not show, and how many are known to live."""

    async def count_outside(self) -> int:
        """How many objects are there, although no listing shows them."""

    async def list_absent(self, limit: int) -> Sequence[Snapshot]:
        """Some of the objects that two listings in a row did not show."""

    async def list_unlisted(self, limit: int) -> Sequence[Snapshot]:
        """Some objects that are there although no listing shows them, not looked at for long."""

    async def mark_unlisted(self, object_ids: Sequence[str]) -> None:
        """Absent objects were read by id: they are there, although no listing shows them."""


class Clock(Protocol):
    """Our own clock: for reports, never for marks."""

    def __call__(self) -> datetime: ...


@dataclass(slots=True, kw_only=True)
class Tally:
    """What one poll saw: counts of pages and rows, and the stamps of the versions it told.

    `late` has, for versions that the walk before should have shown, the seconds from their stamp to
    that walk. `missed` counts what only a slow pass found, `braked` the sweeps that stopped,
    `undated` the rows without a stamp that can be read.
    """

    pages: int = 0
    seen: int = 0
    new: int = 0
    changed: int = 0
    suppressed: int = 0
    unidentified: int = 0
    undated: int = 0
    told: int = 0
    missed: int = 0
    braked: int = 0
    kinds: Counter[EventType] = field(default_factory=Counter)
    first_seen: deque[datetime] = field(default_factory=lambda: deque(maxlen=MOST_SAMPLES))
    late: deque[float] = field(default_factory=lambda: deque(maxlen=MOST_SAMPLES))

    def add(
        self, reading: Reading, detected: Detected, *, walked_at: datetime | None = None
    ) -> None:
        """Count a page; `walked_at` is the provider's time of the walk before this one."""
        self.pages += 1
        self.seen += len(reading.rows)
        self.unidentified += sum(row.identity is None for row in reading.rows)
        self.undated += sum(row.stamp is None for row in reading.rows)
        self.add_changes(detected, walked_at=walked_at)

    def add_changes(self, detected: Detected, *, walked_at: datetime | None = None) -> None:
        """Count what was detected."""
        self.new += detected.new
        self.changed += detected.changed
        self.suppressed += detected.suppressed
        self.told += len(detected.changes)
        self.kinds.update(change.type for change in detected.changes)
        stamps = detected.told_stamps
        self.first_seen.extend(stamps)
        if walked_at is not None:
            late = ((walked_at - stamp).total_seconds() for stamp in stamps)
            self.late.extend(seconds for seconds in late if seconds > 0)
