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
from daemon.polling.detection import Detected, Snapshot
from daemon.polling.means import PollingMeans
from daemon.polling.window import Marks
from daemon.store import outbox, pages, snapshots
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

    @property
    def marks(self) -> Marks:
        return self.progress.marks

    @property
    def state(self) -> ResourceState:
        return self.progress.state

    async def known(self, object_ids: Sequence[str]) -> Mapping[str, Snapshot]:
        if not object_ids:
            return {}
        return await snapshots.find_known(self._database, self._target.resource_id, object_ids)

    def move(self, marks: Marks) -> None:
        self.progress = replace(self.progress, marks=marks)

    async def commit(
        self, detected: Detected, marks: Marks, state: ResourceState, polled_at: datetime
    ) -> None:
        instance_id = self._target.instance.id
        lease = self._means.leases.holds(instance_id)
        if lease is None:
            raise Fenced(f"The lease of instance {instance_id} is not held.")
        drafts = await self._compose(detected, polled_at)
        after = replace(
            self.progress,
            marks=marks,
            state=state,
            next_sequence=self.progress.next_sequence + len(detected.changes),
        )
        page = PageCommit(
            instance_id=instance_id,
            lease_token=lease.token,
            resource_id=self._target.resource_id,
            before=self.progress,
            after=after,
            writes=detected.writes,
            drafts=drafts,
            read_at=self._means.now(),
        )
        await self._write(page)
        self.progress = after

    async def _write(self, page: PageCommit) -> None:
        """Commit and hand over. Cut off in between, delivery finds in the table what there is."""
        committed: Sequence[Draft] = ()
        try:
            committed = await pages.commit(self._database, page)
        finally:
            if page.drafts:
                self._means.wake(page.instance_id, ready_from(committed, page.read_at))

    async def _compose(self, detected: Detected, polled_at: datetime) -> Sequence[Draft]:
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
        return compose(
            self._context(polled_at, self._means.now()),
            changes,
            first_sequence=self.progress.next_sequence,
            predecessors=predecessors,
            ids=ids,
        )
