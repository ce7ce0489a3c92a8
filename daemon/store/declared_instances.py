"""Instances that the configuration file declared, as the rows know them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from daemon.instance import InstanceId, InstanceState, OrganizationId
from daemon.store.database import Connection, Database, load_queries

QUERIES = load_queries("declared_instances")
LOCK_KEY = 0x6465636C617265  # "declare"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredRow:
    """A declared instance; `seed` is the digest of the credentials last taken from the file."""

    id: InstanceId
    organization_id: OrganizationId
    seed: bytes | None = field(repr=False)
    state: InstanceState


async def lock(connection: Connection) -> None:
    """Wait for others who apply a file, until the transaction ends."""
    await connection.execute(QUERIES["lock"], LOCK_KEY)


async def list_declared(source: Connection | Database) -> Mapping[str, DeclaredRow]:
    """By the name they are declared under, in the order of their ids."""
    return {
        row["declared_name"]: DeclaredRow(
            id=InstanceId(row["id"]),
            organization_id=OrganizationId(row["organization_id"]),
            seed=row["declared_seed"],
            state=InstanceState(row["state"]),
        )
        for row in await source.fetch(QUERIES["list"])
    }


async def mark(
    connection: Connection, instance_id: InstanceId, name: str, seed: bytes | None
) -> None:
    """Note that the file declares it, and the digest of the credentials that were applied."""
    await connection.execute(QUERIES["mark"], instance_id, name, seed)
