"""The page commit: snapshots, events, notifications and progress in one fenced transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from daemon.instance import InstanceId, NotificationId, ResourceId
from daemon.notifications.compose import Draft
from daemon.polling.detection import SnapshotWrite
from daemon.store import leases, outbox, resources, snapshots, sweeps
from daemon.store.database import Connection, Database
from daemon.store.resources import Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class PageCommit:
    """Everything one page brings about. `before` and `after` differ in marks and sequence.

    `ends_sweep` counts one more absence of every object that the sweep's listing did not show.
    """

    instance_id: InstanceId
    lease_token: int
    resource_id: ResourceId
    before: Progress
    after: Progress
    writes: Sequence[SnapshotWrite]
    drafts: Sequence[Draft]
    read_at: datetime
    ends_sweep: bool = False


async def commit(database: Database, page: PageCommit) -> Sequence[Draft]:
    """Write the page, or nothing of it; answers the drafts as stored, waiting ones included.

    A draft whose predecessor was settled in the meantime waits no longer. Raises Fenced (lease lost
    or configuration changed), RevisionMismatch (detect again), DatabaseUnavailable.
    """

    async def work(connection: Connection) -> Sequence[Draft]:
        return await _write(connection, page)

    return await database.run_transaction(work)


async def _write(connection: Connection, page: PageCommit) -> Sequence[Draft]:
    await leases.lock_shared(connection, page.instance_id, page.lease_token)
    drafts = await _without_settled(connection, page.drafts)
    await resources.write_progress(connection, page.resource_id, page.before, page.after)
    await snapshots.write(connection, page.resource_id, page.writes)
    if page.ends_sweep:
        await sweeps.mark_absent(connection, page.resource_id)
    if drafts:
        await outbox.insert_drafts(
            connection, page.instance_id, page.resource_id, page.read_at, drafts
        )
    return drafts


async def _without_settled(connection: Connection, drafts: Sequence[Draft]) -> Sequence[Draft]:
    """Lock the predecessors, look their states up again, and wait only for unfinished ones."""
    awaited: set[NotificationId] = {
        draft.waits_for for draft in drafts if draft.waits_for is not None
    }
    if not awaited:
        return drafts
    unfinished = await outbox.lock_predecessors(connection, awaited)
    return [
        draft if draft.waits_for in unfinished else replace(draft, waits_for=None)
        for draft in drafts
    ]
