"""Sweeps in the store: what a complete listing has shown, and which objects it did not show."""

from __future__ import annotations

from collections.abc import Sequence

from daemon.errors import SweepInterrupted
from daemon.instance import ResourceId
from daemon.polling.snapshot import Snapshot
from daemon.store.database import Connection, Database, load_queries
from daemon.store.snapshots import rows_of, snapshot_of

QUERIES = load_queries("sweeps")
CLEARED_AT_ONCE = 5000


async def note_sightings(
    database: Database, resource_id: ResourceId, object_ids: Sequence[str]
) -> int:
    """Remember what a page of the listing has shown; answers how many were new to it."""
    added: int = await database.fetchval(QUERIES["note_sightings"], resource_id, object_ids)
    return added


async def clear_sightings(database: Database, resource_id: ResourceId) -> None:
    """Forget the listing."""
    removed = CLEARED_AT_ONCE
    while removed == CLEARED_AT_ONCE:
        status = await database.execute(QUERIES["clear_sightings"], resource_id, CLEARED_AT_ONCE)
        removed = rows_of(status)


async def mark_absent(
    connection: Connection, resource_id: ResourceId, seen: int, *, lists_others: bool = False
) -> None:
    """Count one more absence for each known object that the complete listing did not show.

    With `lists_others` it went by another filter than the one before, and objects have rather left
    that. Raises SweepInterrupted if fewer objects are remembered than it has shown.
    """
    remembered = await connection.fetchval(QUERIES["count_sightings"], resource_id)
    if remembered < seen:
        raise SweepInterrupted(f"Only {remembered} of {seen} objects of a listing are remembered.")
    await connection.execute(QUERIES["mark_absent"], resource_id, lists_others)


async def list_absent(
    database: Database, resource_id: ResourceId, limit: int
) -> Sequence[Snapshot]:
    """Some of the objects that were absent from two complete sweeps."""
    rows = await database.fetch(QUERIES["list_absent"], resource_id, limit)
    return [snapshot_of(row) for row in rows]


async def count_absent(database: Database, resource_id: ResourceId) -> tuple[int, int]:
    """How many objects the last listing did not show, and how many are known to live."""
    absent: int = await database.fetchval(QUERIES["count_absent"], resource_id)
    living: int = await database.fetchval(QUERIES["count_living"], resource_id)
    return absent, living


async def count_outside(database: Database, resource_id: ResourceId) -> int:
    """How many objects are there, although no listing shows them."""
    count: int = await database.fetchval(QUERIES["count_outside"], resource_id)
    return count


async def list_unlisted(
    database: Database, resource_id: ResourceId, limit: int
) -> Sequence[Snapshot]:
    """Some of the objects that no listing has shown since they were read by id, long ago."""
    rows = await database.fetch(QUERIES["list_unlisted"], resource_id, limit)
    return [snapshot_of(row) for row in rows]


async def mark_unlisted(
    database: Database, resource_id: ResourceId, object_ids: Sequence[str]
) -> None:
    """Objects were read by id: they are there, although no listing shows them."""
    await database.execute(QUERIES["mark_unlisted"], resource_id, object_ids)


async def purge_sightings(database: Database, limit: int) -> int:
    """Remove some sightings of sweeps that are not listing any more; answers how many."""
    return rows_of(await database.execute(QUERIES["purge_sightings"], limit))
