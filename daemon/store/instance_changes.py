"""Changes of instance rows by people: made, altered, switched, deleted, all under the lease."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from daemon.connectors.connector import Grant
from daemon.errors import NotFound
from daemon.instance import InstanceId, OrganizationId, UserId
from daemon.store import credentials, endpoints, leases
from daemon.store.accounts import digest
from daemon.store.database import Connection, Database, load_queries
from daemon.store.encryption import Keyring
from daemon.store.instance_secrets import seal_column

QUERIES = load_queries("instances")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewInstance:
    """Everything of an instance that is decided before it has an id.

    `lease_owner` is the daemon that makes it and polls it first.
    """

    organization_id: OrganizationId
    user_id: UserId
    element_key: str
    name: str
    tags: Sequence[str]
    configuration: Mapping[str, Any]
    secrets: Mapping[str, Any] = field(repr=False)
    token: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    grant: Grant | None = field(repr=False)
    lease_owner: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Alteration:
    """The parts of an instance that its owner may alter, as they are to be.

    `reauthorizes` ends `needs_reauth` without new tokens: another way in was configured.
    """

    name: str
    tags: Sequence[str]
    configuration: Mapping[str, Any]
    secrets: Mapping[str, Any] = field(repr=False)
    grant: Grant | None = field(repr=False)
    reauthorizes: bool = False


async def create(connection: Connection, keyring: Keyring, new: NewInstance) -> InstanceId:
    """The instance with its endpoint and its lease, held by the daemon that makes it."""
    instance_id = InstanceId(await connection.fetchval(QUERIES["next_id"]))
    await connection.execute(
        QUERIES["insert_instance"],
        instance_id,
        new.organization_id,
        new.user_id,
        new.element_key,
        new.name,
        list(new.tags),
        new.configuration,
        seal_column(keyring, "secrets", instance_id, new.secrets),
        digest(new.token),
        seal_column(keyring, "token", instance_id, new.token),
        seal_column(keyring, "webhook_secret", instance_id, [new.webhook_secret]),
        new.grant and credentials.seal(keyring, instance_id, new.grant),
        1 if new.grant else 0,
        new.grant and new.grant.refresh_at,
        new.grant and new.grant.expires_at,
    )
    await connection.execute(QUERIES["insert_endpoint"], instance_id)
    await leases.create(connection, instance_id, new.lease_owner)
    return instance_id


async def lock(
    connection: Connection, organization_id: OrganizationId, instance_id: InstanceId
) -> None:
    """Wait for running commits, fence what began before, and hold the row until the end.

    Raises NotFound, for an instance of another organization too.
    """
    found = await connection.fetchval(QUERIES["exists"], instance_id, organization_id)
    # The lease row first, as every commit does: two orders would deadlock.
    if not found or await leases.lock_change(connection, instance_id) is None:
        raise NotFound(f"No instance found with id {instance_id}.")
    if not await connection.fetchval(QUERIES["lock"], instance_id, organization_id):
        raise NotFound(f"No instance found with id {instance_id}.")


async def alter(
    connection: Connection, keyring: Keyring, instance_id: InstanceId, alteration: Alteration
) -> None:
    """Write what its owner altered; new tokens begin a new generation and end `needs_reauth`.

    A callback at another address is a new one: the trouble of the old one is over, and what waits
    for its retry is due at once.
    """
    configuration = alteration.configuration
    if await connection.fetchval(QUERIES["is_called_elsewhere"], instance_id, configuration):
        await endpoints.enable(connection, instance_id)
    await connection.execute(
        QUERIES["update_instance"],
        instance_id,
        alteration.name,
        list(alteration.tags),
        configuration,
        seal_column(keyring, "secrets", instance_id, alteration.secrets),
    )
    if alteration.grant is not None:
        await connection.execute(
            QUERIES["replace_credentials"],
            instance_id,
            credentials.seal(keyring, instance_id, alteration.grant),
            alteration.grant.refresh_at,
            alteration.grant.expires_at,
        )
    if alteration.grant is not None or alteration.reauthorizes:
        await connection.execute(QUERIES["reauthorize"], instance_id)


async def switch(connection: Connection, instance_id: InstanceId, *, on: bool) -> None:
    """Enable or disable; an instance that is in such a state already stays as it is."""
    await connection.execute(QUERIES["enable" if on else "disable"], instance_id)


async def delete(connection: Connection, instance_id: InstanceId) -> None:
    """Gone for everybody, its secrets at once; `purge_deleted` clears away what it leaves."""
    await leases.remove(connection, instance_id)
    await connection.execute(QUERIES["mark_deleted"], instance_id)


async def purge_deleted(database: Database, limit: int) -> int:
    """One small batch of clearing away after deleted instances; 0 when nothing is left to do.

    Pending notifications are cancelled, then snapshots go, and at last the row, once the retention
    has taken its notifications.
    """
    for step in ("cancel_notifications", "delete_snapshots", "delete_instances"):
        status = await database.execute(QUERIES[step], limit)
        if rows := int(status.rpartition(" ")[2]):
            return rows
    return 0
