"""The journal: one resource's memory in the store, and the hand-over of its notifications."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from daemon.delivery.ready import ready_from
from daemon.errors import Fenced
from daemon.instance import NotificationId, PollTarget, ResourceState
from daemon.notifications.compose import Draft, compose
from daemon.notifications.context import Context
from daemon.polling.detection import Detected
from daemon.polling.means import PollingMeans
from daemon.polling.slow_pass import SlowPass, Work
from daemon.polling.snapshot import Snapshot
from daemon.polling.verdict import Probes
from daemon.polling.window import Marks
from daemon.store import outbox, pages, snapshots, sweeps
from daemon.store.pages import PageCommit
from daemon.store.resources import Progress


class Journal:
    """The Journal of one polling task. It is the only writer of its resource."""

    def __init__(
        self,
        means: PollingMeans,
        target: PollTarget,
        progress: Progress,
        context: Callable[[datetime, datetime], Context],
    ) -> None:
        self._means = means
        self._database = means.database
        self._target = target
        self._context = context
        self.progress = progress
        self.polled_at = means.now()
        self.writes = 0

    @property
    def marks(self) -> Marks:
        return self.progress.marks

    @property
    def state(self) -> ResourceState:
        return self.progress.state

    @property
    def work(self) -> Work:
        return self.progress.work

    @property
    def revision_floor(self) -> int:
        return self.progress.revision_floor

    async def known(self, object_ids: Sequence[str]) -> Mapping[str, Snapshot]:
        if not object_ids:
            return {}
        return await snapshots.find_known(self._database, self._target.resource_id, object_ids)

    def move(self, marks: Marks) -> None:
        self.progress = replace(self.progress, marks=marks)

    async def commit(
        self,
        detected: Detected,
        marks: Marks,
        *,
        state: ResourceState | None = None,
        work: Work | None = None,
    ) -> None:
        await self._commit(detected, self._after(detected, marks, state, work))

    async def end_sweep(
        self, detected: Detected, marks: Marks, work: Work, *, listed: SlowPass
    ) -> None:
        await self._commit(detected, self._after(detected, marks, None, work), listed)

    async def note_sightings(self, object_ids: Sequence[str]) -> int:
        return await sweeps.note_sightings(self._database, self._target.resource_id, object_ids)

    async def clear_sightings(self) -> None:
        await sweeps.clear_sightings(self._database, self._target.resource_id)

    async def count_absent(self) -> tuple[int, int]:
        return await sweeps.count_absent(self._database, self._target.resource_id)

    async def count_outside(self) -> int:
        return await sweeps.count_outside(self._database, self._target.resource_id)

    async def list_absent(self, limit: int) -> Sequence[Snapshot]:
        return await sweeps.list_absent(self._database, self._target.resource_id, limit)

    async def list_unlisted(self, limit: int) -> Sequence[Snapshot]:
        return await sweeps.list_unlisted(self._database, self._target.resource_id, limit)

    async def mark_unlisted(self, object_ids: Sequence[str]) -> None:
        await sweeps.mark_unlisted(self._database, self._target.resource_id, object_ids)

    def note_probes(self, probes: Probes) -> None:
        """Remember what was probed; written down with the next outcome."""
        self.progress = replace(self.progress, probes=probes)

    def observe(self, seen: Sequence[float], late: Sequence[float]) -> None:
        """Count how late versions showed up; written down with the next outcome."""
        lateness = self.progress.lateness.observed(seen, late)
        self.progress = replace(self.progress, lateness=lateness)

    def _after(
        self,
        detected: Detected,
        marks: Marks,
        state: ResourceState | None,
        work: Work | None,
    ) -> Progress:
        before = self.progress
        return replace(
            before,
            marks=marks,
            state=before.state if state is None else state,
            work=before.work if work is None else work,
            next_sequence=before.next_sequence + len(detected.changes),
        )

    async def _commit(
        self, detected: Detected, after: Progress, listed: SlowPass | None = None
    ) -> None:
        instance_id = self._target.instance.id
        lease = self._means.leases.holds(instance_id)
        if lease is None:
            raise Fenced(f"The lease of instance {instance_id} is not held.")
        page = PageCommit(
            instance_id=instance_id,
            lease_token=lease.token,
            resource_id=self._target.resource_id,
            before=self.progress,
            after=after,
            writes=detected.writes,
            drafts=await self._compose(detected),
            read_at=self._means.now(),
            swept=None if listed is None else listed.seen,
            lists_others=listed is not None and listed.lists_others,
        )
        await self._write(page)
        self.writes += len(page.writes)
        self.progress = after

    async def _write(self, page: PageCommit) -> None:
        """Commit and hand over. Cut off in between, delivery finds in the table what there is."""
        committed: Sequence[Draft] = ()
        try:
            committed = await pages.commit(self._database, page)
        finally:
            if page.drafts:
                self._means.wake(page.instance_id, ready_from(committed, page.read_at))

    async def _compose(self, detected: Detected) -> Sequence[Draft]:
        changes = detected.changes
        if not changes:
            return ()
        met_before = [change.object_id for change in changes if change.revision > 1]
        predecessors: Mapping[str, NotificationId] = {}
        if met_before:
            predecessors = await outbox.find_predecessors(
                self._database, self._target.resource_id, met_before
            )
        ids: Iterator[NotificationId] = iter(await outbox.reserve_ids(self._database, len(changes)))
        context = self._context(self.polled_at, self._means.now())
        return compose(
            replace(context, page=detected.page),
            changes,
            first_sequence=self.progress.next_sequence,
            predecessors=predecessors,
            ids=ids,
        )
