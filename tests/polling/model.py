"""A seeded model of a provider, its edits, its misbehaviour and a poller that is killed at random.

Everything runs in one thread on a model clock; no store, network or asyncio is used.
"""

from __future__ import annotations

import random
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from daemon.instance import EventType, ResourceState
from daemon.notifications.change import Change
from daemon.polling.detection import Detected, Sighting, Snapshot
from daemon.polling.noticing import Manner
from daemon.polling.poller import Poller
from daemon.polling.slow_pass import Work
from daemon.polling.source import Reading
from daemon.polling.window import Margins, Marks, Row, floor

EPOCH = datetime(2026, 3, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
FAR_FUTURE = datetime(2099, 1, 1, tzinfo=UTC)


class Killed(Exception):
    """The poller's process died here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    number: int
    stamp: datetime
    visible_at: datetime


@dataclass(slots=True, kw_only=True)
class Thing:
    id: str
    created: datetime
    versions: list[Version] = field(default_factory=list)

    def shown(self, now: datetime) -> Version | None:
        visible = [version for version in self.versions if version.visible_at <= now]
        return visible[-1] if visible else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What this provider does to its pollers."""

    zone: timedelta = timedelta(0)
    late_by: timedelta = timedelta(0)
    page_size: int = 4
    pace: float = 1.0
    shuffled: bool = False
    bulk_edits: bool = True
    edits_between_pages: bool = True
    kills: float = 0.05
    clock_jumps: bool = False
    far_future: bool = False


class World:
    """The provider with its clock; also the Source that a poller reads."""

    def __init__(self, seed: int, traits: Traits) -> None:
        self.random = random.Random(seed)
        self.traits = traits
        self.now = EPOCH + timedelta(seconds=self.random.random() * 10**6)
        self.our_skew = timedelta(0)
        self.things: dict[str, Thing] = {}
        self.quiet = False

    def our_clock(self) -> datetime:
        return self.now + self.our_skew

    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds * (1 if self.quiet else self.traits.pace))

    def stamp(self) -> datetime:
        return floor(self.now + self.traits.zone, SECOND)

    def edit(self, thing: Thing | None = None, stamp: datetime | None = None) -> None:
        """Create an object, or give one a new version; it may become visible only later."""
        stamp = stamp or self.stamp()
        if thing is None:
            thing = Thing(id=f"{len(self.things):05d}", created=stamp)
            self.things[thing.id] = thing
        visible_at = self.now + self.traits.late_by * self.random.random()
        if thing.versions:
            visible_at = max(visible_at, thing.versions[-1].visible_at)
        number = len(thing.versions) + 1
        thing.versions.append(Version(number=number, stamp=stamp, visible_at=visible_at))

    def edit_at_random(self) -> None:
        """One edit, or a bulk of them under one stamp, now and then."""
        dice = self.random.random()
        known = list(self.things.values())
        if dice < 0.05 and self.traits.bulk_edits:
            for thing in self.random.sample(known, min(len(known), 3 * self.traits.page_size)):
                self.edit(thing)
        elif dice < 0.07 and self.traits.far_future and known:
            self.edit(self.random.choice(known), FAR_FUTURE)
        elif dice < 0.4 or not known:
            self.edit()
        else:
            self.edit(self.random.choice(known))

    async def newest(self, before: datetime | None = None) -> Reading:
        rows = [self._pair(thing) for thing in self._visible()]
        rows = [pair for pair in rows if before is None or (pair[0].stamp or before) < before]
        rows.sort(key=lambda pair: pair[0].stamp or EPOCH, reverse=True)
        return self._reading(rows[:1], next_key=None, complete=True)

    async def is_empty(self) -> bool:
        return not self._visible()

    async def page(
        self, bound: datetime | None, page_key: str | None, *, background: bool = False
    ) -> Reading:
        self._happen()
        rows = [self._pair(thing) for thing in self._visible()]
        rows = [pair for pair in rows if bound is None or (pair[0].stamp or bound) >= bound]
        rows.sort(key=lambda pair: (pair[0].stamp or EPOCH, pair[1].object_id))
        if self.traits.shuffled:
            random.Random(int(self.now.timestamp()) // 60).shuffle(rows)
        start = int(page_key or 0)
        end = start + self.traits.page_size
        complete = len(rows) < end
        return self._reading(
            rows[start:end], next_key=None if complete else str(end), complete=complete
        )

    async def one(self, object_key: str, *, background: bool = False) -> Sighting | None:
        thing = self.things[object_key]
        return self._pair(thing)[1] if thing.shown(self.now) else None

    def _happen(self) -> None:
        """A question takes time; meanwhile people edit, and the poller may be killed."""
        self.pass_time(self.random.random())
        if self.quiet:
            return
        if self.traits.edits_between_pages and self.random.random() < 0.2:
            self.edit_at_random()
        self.maybe_kill()

    def maybe_kill(self) -> None:
        if not self.quiet and self.random.random() < self.traits.kills:
            raise Killed

    def _visible(self) -> list[Thing]:
        return [thing for thing in self.things.values() if thing.shown(self.now)]

    def _pair(self, thing: Thing) -> tuple[Row, Sighting]:
        version = thing.shown(self.now)
        assert version is not None
        content = f"{version.number}".encode()
        sighting = Sighting(
            object_id=thing.id,
            object_key=thing.id,
            stamp=version.stamp,
            created=thing.created,
            content_hash=content,
            raw={"version": version.number},
            digests=lambda: content,
            changed_fields=lambda _: None,
        )
        return Row(identity=thing.id, stamp=version.stamp), sighting

    def _reading(
        self, rows: Sequence[tuple[Row, Sighting]], *, next_key: str | None, complete: bool
    ) -> Reading:
        return Reading(
            rows=[row for row, _ in rows],
            sightings=[sighting for _, sighting in rows],
            next_key=next_key,
            complete=complete,
            provider_time=floor(self.now, SECOND) - SECOND,
        )


@dataclass(slots=True)
class Database:
    """What survives a kill: a Journal whose commits are atomic."""

    world: World
    marks: Marks = field(default_factory=Marks)
    state: ResourceState = ResourceState.BASELINE_PENDING
    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    told: list[Change] = field(default_factory=list)
    work: Work = field(default_factory=dict)
    revision_floor: int = 0

    async def known(self, object_ids: Sequence[str]) -> Mapping[str, Snapshot]:
        return {key: self.snapshots[key] for key in object_ids if key in self.snapshots}

    async def commit(
        self,
        detected: Detected,
        marks: Marks,
        *,
        state: ResourceState | None = None,
        work: Work | None = None,
    ) -> None:
        self.world.maybe_kill()
        for write in detected.writes:
            before = self.snapshots.get(write.snapshot.object_id)
            assert (before and before.revision) == write.expected_revision
            self.snapshots[write.snapshot.object_id] = write.snapshot
        self.told.extend(detected.changes)
        self.marks = marks
        self.state = self.state if state is None else state
        self.work = self.work if work is None else work
        self.world.maybe_kill()

    def move(self, marks: Marks) -> None:
        self.marks = marks


def run(seed: int, traits: Traits, overlap: timedelta = timedelta(seconds=120)) -> Database:
    """One life of a resource: edits, polls and kills, then silence until all has been read."""
    world = World(seed, traits)
    for _ in range(world.random.randrange(12)):
        world.edit_at_random()
        world.pass_time(world.random.random() * 40)
    database = Database(world)
    poller = _start(database, overlap)
    for _ in range(40):
        for _ in range(world.random.randrange(4)):
            world.edit_at_random()
            world.pass_time(world.random.random() * 3)
        if traits.clock_jumps and world.random.random() < 0.1:
            world.our_skew = timedelta(hours=world.random.choice((-1, 0, 1)))
        poller = _poll(poller, database, overlap)
        world.pass_time(world.random.random() * 90)
    world.quiet = True
    for _ in range(4):
        world.pass_time(traits.late_by.total_seconds() + 5)
        poller = _poll(poller, database, overlap)
    return database


def check(database: Database) -> None:
    """The promises: nothing lost, nothing twice, in order, CREATED once, revisions without gap."""
    baseline = database.marks.baseline_at
    assert baseline is not None
    for thing in database.world.things.values():
        told = [change for change in database.told if change.object_id == thing.id]
        versions = [dict(change.raw or {})["version"] for change in told]
        assert versions == sorted(set(versions)), f"{thing.id}: repeated or disordered {versions}"
        snapshot = database.snapshots.get(thing.id)
        assert snapshot is not None or _old(thing, database), f"{thing.id} was never seen"
        if snapshot is not None:
            last = str(thing.versions[-1].number).encode()
            assert snapshot.content_hash == last, f"{thing.id}: its last version was not seen"
        assert [change.revision for change in told] == list(range(1, len(told) + 1))
        _check_kinds(thing, told, baseline)


def _check_kinds(thing: Thing, told: Sequence[Change], baseline: datetime) -> None:
    kinds = [change.type for change in told]
    assert EventType.CREATED not in kinds[1:], f"{thing.id}: created again"
    if thing.created > baseline + 2 * SECOND:
        assert kinds[:1] == [EventType.CREATED], f"{thing.id}: creation not told {kinds}"


def _old(thing: Thing, database: Database) -> bool:
    """Never changed since before anything was read."""
    known_from = database.marks.known_from
    return known_from is not None and thing.versions[-1].stamp < known_from


def _start(database: Database, overlap: timedelta) -> Poller:
    margins = Margins(
        overlap=overlap,
        poll_delay=timedelta(0),
        settle_lag=timedelta(0),
        granularity=SECOND,
        zone_configured=False,
    )
    manner = Manner(margins=margins, tolerance=timedelta(0), projection=1)
    return Poller(database.world, database, manner, database.world.our_clock)


def _poll(poller: Poller, database: Database, overlap: timedelta) -> Poller:
    """Poll; if that kills the process, a new one begins with what was committed."""
    try:
        _drive(poller.poll_once())
    except Killed:
        return _start(database, overlap)
    return poller


def _drive(work: Coroutine[Any, Any, object]) -> None:
    """Run a coroutine that never waits for anything."""
    try:
        work.send(None)
    except StopIteration:
        return
    raise AssertionError("the model waited for something")
