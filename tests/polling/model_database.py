"""What survives a kill in the model: a journal whose commits are atomic, and a memory of sweeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from daemon.errors import SweepInterrupted
from daemon.instance import EventType, ResourceState
from daemon.notifications.change import Change
from daemon.polling.detection import Detected
from daemon.polling.slow_pass import SlowPass, Work, backfill_until
from daemon.polling.snapshot import Snapshot
from daemon.polling.window import Marks
from tests.polling.model import World

RECHECKED_AFTER = 4
"""So many sweeps after it was read by id, an object that no listing shows is looked at again."""


@dataclass(slots=True)
class Database:
    """The rows of one resource; `all_known_at` is when everything had been swept once."""

    world: World
    marks: Marks = field(default_factory=Marks)
    state: ResourceState = ResourceState.BASELINE_PENDING
    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    told: list[Change] = field(default_factory=list)
    work: Work = field(default_factory=dict)
    revision_floor: int = 0
    writes: int = 0
    sightings: set[str] = field(default_factory=set)
    absent: dict[str, int] = field(default_factory=dict)
    baseline_ended_at: datetime | None = None
    known_from: datetime | None = None
    all_known_at: datetime | None = None
    backfilled_until: datetime | None = None

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
        self._write(detected, marks, state, work)
        self.world.maybe_kill()

    def move(self, marks: Marks) -> None:
        self.marks = marks

    async def end_sweep(
        self, detected: Detected, marks: Marks, work: Work, *, listed: SlowPass
    ) -> None:
        self.world.maybe_kill()
        if len(self.sightings) < listed.seen:
            raise SweepInterrupted("lost")
        self._write(detected, marks, None, work)
        self._count_absences(lists_others=listed.lists_others)
        self.all_known_at = self.all_known_at or self.world.now
        self.world.maybe_kill()

    async def note_sightings(self, object_ids: Sequence[str]) -> int:
        before = len(self.sightings)
        self.sightings.update(object_ids)
        added = len(self.sightings) - before
        self.world.maybe_kill()
        return added

    async def clear_sightings(self) -> None:
        self.sightings.clear()

    async def count_absent(self) -> tuple[int, int]:
        living = self._living()
        return sum(self.absent.get(key, 0) >= 1 for key in living), len(living)

    async def count_outside(self) -> int:
        return sum(self.absent.get(key, 0) < 0 for key in self._living())

    async def list_absent(self, limit: int) -> Sequence[Snapshot]:
        return [
            snapshot for key, snapshot in self._living().items() if self.absent.get(key, 0) >= 2
        ][:limit]

    async def list_unlisted(self, limit: int) -> Sequence[Snapshot]:
        return [
            snapshot
            for key, snapshot in self._living().items()
            if self.absent.get(key, 0) <= -RECHECKED_AFTER
        ][:limit]

    async def mark_unlisted(self, object_ids: Sequence[str]) -> None:
        self.absent.update(dict.fromkeys(object_ids, -1))

    def _write(
        self, detected: Detected, marks: Marks, state: ResourceState | None, work: Work | None
    ) -> None:
        for write in detected.writes:
            before = self.snapshots.get(write.snapshot.object_id)
            assert (before and before.revision) == write.expected_revision
            self.snapshots[write.snapshot.object_id] = write.snapshot
            self.absent[write.snapshot.object_id] = 0
        self.writes += len(detected.writes)
        for change in detected.changes:
            self._check_deletion(change)
        self.told.extend(detected.changes)
        self._note_known(marks, state, work)
        self.marks = marks
        self.state = self.state if state is None else state
        self.work = self.work if work is None else work

    def _check_deletion(self, change: Change) -> None:
        if change.type is EventType.DELETED:
            shown = self.world.things[change.object_id].shown(self.world.now)
            assert shown is None, f"{change.object_id} is there, and told as deleted"

    def _note_known(self, marks: Marks, state: ResourceState | None, work: Work | None) -> None:
        if state is not None and self.state is not state:
            self.baseline_ended_at = self.world.now
            self.known_from = marks.known_from
            self.backfilled_until = backfill_until(work or {})

    def _living(self) -> dict[str, Snapshot]:
        return {key: each for key, each in self.snapshots.items() if not each.deleted}

    def _count_absences(self, *, lists_others: bool) -> None:
        for key in self._living():
            count = self.absent.get(key, 0)
            if key in self.sightings:
                self.absent[key] = 0
            elif count >= 0 and lists_others:
                self.absent[key] = 1 - RECHECKED_AFTER
            else:
                self.absent[key] = count + (1 if count >= 0 else -1)
