"""The outbox: the notifications of a page and their events, stored and in the end purged."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from daemon.instance import InstanceId, NotificationId, ResourceId
from daemon.notifications.compose import Draft
from daemon.store.database import Connection, Database, load_queries

QUERIES = load_queries("outbox")

SEPARATOR = "\x1f"
"""Keeps field names apart on their way into a text array; no field name holds this character."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """How much has not ended yet, and since when the oldest of it has been there."""

    pending: int
    oldest_at: datetime | None


async def reserve_ids(database: Database, count: int) -> Sequence[NotificationId]:
    """Ascending numbers for so many notifications; those not used are lost."""
    rows = await database.fetch(QUERIES["reserve_ids"], count)
    return [NotificationId(row["nextval"]) for row in rows]


async def find_predecessors(
    database: Database | Connection, resource_id: ResourceId, object_ids: Sequence[str]
) -> Mapping[str, NotificationId]:
    """By object id, the unfinished notification of its latest event; free objects are left out."""
    rows = await database.fetch(QUERIES["find_predecessors"], resource_id, object_ids)
    return {row["object_id"]: NotificationId(row["notification_id"]) for row in rows}


async def lock_predecessors(
    connection: Connection, ids: Collection[NotificationId]
) -> set[NotificationId]:
    """Those of them that are still unfinished, and stay so until the transaction ends.

    To be called before the statement that writes their successors: what is settled after that
    statement's view of the database was taken would free them too early to see them.
    """
    rows = await connection.fetch(QUERIES["lock_predecessors"], list(ids))
    return {NotificationId(row["id"]) for row in rows}


async def lock_awaited(
    connection: Connection, resource_id: ResourceId, drafts: Sequence[Draft]
) -> Sequence[Draft]:
    """The drafts, each waiting for nothing but what is unfinished and stays so for now.

    A predecessor that was settled meanwhile is waited for no longer; of one that was split, the
    part that holds the object takes its place.
    """
    locked: set[NotificationId] = set()
    while unsure := [one for one in drafts if one.waits_for not in {None, *locked}]:
        awaited = {one.waits_for for one in unsure if one.waits_for is not None}
        locked |= await lock_predecessors(connection, awaited)
        settled = {one.id: one for one in unsure if one.waits_for not in locked}
        if not settled:
            break
        # A draft that waits holds one event only.
        objects = {one.events[0].object_id for one in settled.values()}
        later = await find_predecessors(connection, resource_id, sorted(objects))
        drafts = [
            replace(one, waits_for=later.get(one.events[0].object_id)) if one.id in settled else one
            for one in drafts
        ]
    return drafts


async def insert_drafts(
    connection: Connection,
    instance_id: InstanceId,
    resource_id: ResourceId,
    page_read_at: datetime,
    drafts: Sequence[Draft],
) -> None:
    """Store the notifications of a page and their events, in one statement."""
    events = [(draft.id, event) for draft in drafts for event in draft.events]
    await connection.execute(
        QUERIES["insert_drafts"],
        instance_id,
        resource_id,
        page_read_at,
        [draft.id for draft in drafts],
        [draft.event_id for draft in drafts],
        [draft.format for draft in drafts],
        [draft.waits_for for draft in drafts],
        [draft.due_at for draft in drafts],
        [len(draft.events) for draft in drafts],
        [draft.body for draft in drafts],
        [event.event_id for _, event in events],
        [event.sequence for _, event in events],
        [notification_id for notification_id, _ in events],
        [event.object_id for _, event in events],
        [event.object_key for _, event in events],
        [event.type for _, event in events],
        [event.revision for _, event in events],
        [event.occurred_at for _, event in events],
        [_joined(event.changed) for _, event in events],
        [event.backfill for _, event in events],
    )


async def measure_backlog(database: Database) -> Backlog:
    """Count what has not ended yet."""
    row = await database.fetchrow(QUERIES["measure_backlog"])
    if row is None:  # an aggregate always answers one row
        return Backlog(pending=0, oldest_at=None)
    return Backlog(pending=row["pending"], oldest_at=row["oldest_at"])


async def purge_finished(database: Database, *, before: datetime, limit: int) -> int:
    """Remove up to `limit` notifications that became final before then; answers how many."""
    status = await database.execute(QUERIES["purge_finished"], before, limit)
    return int(status.rpartition(" ")[2])


def _joined(names: Sequence[str] | None) -> str | None:
    return None if names is None else SEPARATOR.join(names)
