"""Lease rows: which daemon may write for an instance, and the fence that proves it."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from daemon.errors import Fenced
from daemon.instance import InstanceId
from daemon.store.database import Connection, Database, load_queries

QUERIES = load_queries("leases")


async def beat(database: Database, owner: UUID, seconds: float) -> None:
    """Keep the leases of this daemon for another `seconds`."""
    await database.execute(QUERIES["beat"], owner, seconds)


async def acquire(database: Database, owner: UUID, *, alone: bool) -> None:
    """Take what nobody alive holds; with `alone`, everything.

    `alone` may be true only where no other daemon can be alive, as with the embedded database,
    whose directory is locked by its one daemon.
    """
    await database.execute(QUERIES["acquire"], owner, alone)


async def own(database: Database, owner: UUID) -> Mapping[InstanceId, int]:
    """The leases of this owner, with their tokens as they are now."""
    rows = await database.fetch(QUERIES["own"], owner)
    return {InstanceId(row["instance_id"]): row["token"] for row in rows}


async def release(database: Database, owner: UUID) -> None:
    """Give everything back."""
    await database.execute(QUERIES["release"], owner)


async def forget_dead(database: Database) -> None:
    """Remove the heartbeats of daemons that have long been gone."""
    await database.execute(QUERIES["forget_dead"])


async def create(connection: Connection, instance_id: InstanceId, owner: UUID) -> None:
    """The lease of a new instance, held from the start by the daemon that creates it."""
    await connection.execute(QUERIES["create"], instance_id, owner)


async def remove(connection: Connection, instance_id: InstanceId) -> None:
    """End all writing for an instance; what began before waits or is fenced."""
    await connection.execute(QUERIES["remove"], instance_id)


async def lock_shared(connection: Connection, instance_id: InstanceId, token: int) -> None:
    """Hold the fence until the transaction ends. Raises Fenced if the lease is no longer ours."""
    if not await connection.fetchval(QUERIES["lock_shared"], instance_id, token):
        raise Fenced(f"The lease of instance {instance_id} is no longer held under token {token}.")


async def lock_change(connection: Connection, instance_id: InstanceId) -> int | None:
    """Fence all work begun before this change; answers the new token, None without such a row."""
    token: int | None = await connection.fetchval(QUERIES["lock_change"], instance_id)
    return token
