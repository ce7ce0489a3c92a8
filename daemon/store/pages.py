"""The page commit: snapshots, events, notifications and progress in one fenced transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from daemon.instance import InstanceId, ResourceId
from daemon.notifications.compose import Draft
from daemon.polling.snapshot import SnapshotWrite
from daemon.store import leases, outbox, resources, snapshots, sweeps
from daemon.store.database import Connection, Database
from daemon.store.resources import Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class PageCommit:
    """Everything one page brings about. `before` and `after` differ in marks and sequence.

    `swept` ends a sweep: it is how many objects its listing has shown, and every other one was
    absent once more; if it `lists_others` than the one before, they have rather left the filter.
    """

    instance_id: InstanceId
    lease_token: int
    resource_id: ResourceId
    before: Progress
    after: Progress
    writes: Sequence[SnapshotWrite]
    drafts: Sequence[Draft]
    read_at: datetime
    swept: int | None = None
    lists_others: bool = False


async def commit(database: Database, page: PageCommit) -> Sequence[Draft]:
    """Write the page, or nothing of it; answers the drafts as stored, waiting ones included.

    A draft whose predecessor was settled in the meantime waits no longer. Raises Fenced (lease lost
    or configuration changed), RevisionMismatch (detect again), SweepInterrupted (list again),
    DatabaseUnavailable.
    """

    async def work(connection: Connection) -> Sequence[Draft]:
        return await _write(connection, page)

    return await database.run_transaction(work)


async def _write(connection: Connection, page: PageCommit) -> Sequence[Draft]:
    await leases.lock_shared(connection, page.instance_id, page.lease_token)
    drafts = await outbox.lock_awaited(connection, page.resource_id, page.drafts)
    await resources.write_progress(connection, page.resource_id, page.before, page.after)
    await snapshots.write(connection, page.resource_id, page.writes)
    if page.swept is not None:
        await sweeps.mark_absent(
            connection, page.resource_id, page.swept, lists_others=page.lists_others
        )
    if drafts:
        await outbox.insert_drafts(
            connection, page.instance_id, page.resource_id, page.read_at, drafts
        )
    return drafts
