"""Sweeps in the store: what a complete listing has shown, and which objects it did not show."""

from __future__ import annotations

from collections.abc import Sequence

from daemon.instance import ResourceId
from daemon.polling.detection import Snapshot
from daemon.store.database import Connection, Database, load_queries
from daemon.store.snapshots import snapshot_of

QUERIES = load_queries("sweeps")
CLEARED_AT_ONCE = 5000


async def note_sightings(
    database: Database, resource_id: ResourceId, object_ids: Sequence[str]
) -> int:
    """Remember what a page of the listing has shown; answers how many were new to it."""
    added: int = await database.fetchval(QUERIES["note_sightings"], resource_id, object_ids)
    return added


async def count_sightings(database: Database, resource_id: ResourceId) -> int:
    """How many objects the listing has shown so far."""
    count: int = await database.fetchval(QUERIES["count_sightings"], resource_id)
    return count


async def clear_sightings(database: Database, resource_id: ResourceId) -> None:
    """Forget the listing."""
    status = "DELETE 1"
    while status != "DELETE 0":
        status = await database.execute(QUERIES["clear_sightings"], resource_id, CLEARED_AT_ONCE)


async def mark_absent(connection: Connection, resource_id: ResourceId) -> None:
    """Count one more absence for each known object that the complete listing did not show."""
    await connection.execute(QUERIES["mark_absent"], resource_id)


async def list_absent(
    database: Database, resource_id: ResourceId, limit: int
) -> Sequence[Snapshot]:
    """Some of the objects that were absent from two complete sweeps."""
    rows = await database.fetch(QUERIES["list_absent"], resource_id, limit)
    return [snapshot_of(row) for row in rows]


async def count_absent(database: Database, resource_id: ResourceId) -> tuple[int, int]:
    """How many objects were absent twice, and how many are known to live."""
    absent: int = await database.fetchval(QUERIES["count_absent"], resource_id)
    living: int = await database.fetchval(QUERIES["count_living"], resource_id)
    return absent, living


async def mark_present(database: Database, resource_id: ResourceId, object_id: str) -> None:
    """An object that was read by id is there after all."""
    await database.execute(QUERIES["mark_present"], resource_id, object_id)
