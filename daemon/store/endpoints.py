"""The endpoints as people see and change them: how each is doing, its secrets, who keeps what."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from daemon.delivery.endpoint import EndpointStatus
from daemon.errors import NotFound
from daemon.instance import EndpointState, InstanceId, InstanceState, OrganizationId
from daemon.store.database import Connection, Database, Row, load_queries
from daemon.store.encryption import Keyring
from daemon.store.endpoint_statuses import status_from_row
from daemon.store.instance_secrets import open_column, seal_column
from daemon.store.recorded import Scope
from daemon.store.webhook_secrets import WebhookSecrets, secrets_from_json

QUERIES = load_queries("endpoints")


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One callback and how it is doing; `state_since` is None where nobody knows."""

    instance_id: InstanceId
    instance_name: str
    instance_state: InstanceState
    element_key: str
    url: str
    enabled: bool
    created_at: datetime
    updated_at: datetime
    status: EndpointStatus
    state_since: datetime | None

    @property
    def is_sent_to(self) -> bool:
        """Whether anything is sent there at present."""
        on = self.enabled and self.instance_state is not InstanceState.DISABLED
        return on and self.status.state is not EndpointState.DISABLED


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """How many of an endpoint's notifications wait, and how many were given up."""

    waiting: int
    dead: int


async def list_endpoints(database: Database, scope: Scope) -> Sequence[Endpoint]:
    """Those of all instances that have a callback URL."""
    rows = await database.fetch(QUERIES["list_endpoints"], scope.organization_id, scope.instance_id)
    return [_endpoint(row) for row in rows]


async def find_endpoint(database: Database, scope: Scope) -> Endpoint | None:
    """That of one instance, if there is such an instance with a callback URL."""
    return next(iter(await list_endpoints(database, scope)), None)


async def get_endpoint(database: Database, scope: Scope) -> Endpoint:
    """The same; raises NotFound if there is none."""
    endpoint = await find_endpoint(database, scope)
    if endpoint is None:
        raise NotFound(f"No instance with a callback URL found with id {scope.instance_id}.")
    return endpoint


async def measure_backlog(database: Database, instance_id: InstanceId) -> Backlog:
    """What has not arrived at the endpoint of an instance."""
    row = await database.fetchrow(QUERIES["measure_backlog"], instance_id)
    return Backlog(waiting=row["waiting"], dead=row["dead"]) if row else Backlog(waiting=0, dead=0)


async def count_by_state(database: Database) -> Mapping[EndpointState, int]:
    """How many callbacks that are in use there are in each state, over all organizations."""
    rows = await database.fetch(QUERIES["count_by_state"])
    counts = {EndpointState(row["state"]): row["endpoints"] for row in rows}
    return dict.fromkeys(EndpointState, 0) | counts


async def enable(connection: Connection, instance_id: InstanceId) -> None:
    """Trust it again, and send what is kept for it in order; under the lock of its instance."""
    await connection.execute(QUERIES["enable"], instance_id)
    await connection.execute(QUERIES["bring_forward"], instance_id)


async def change_secrets(
    connection: Connection,
    keyring: Keyring,
    instance_id: InstanceId,
    change: Callable[[WebhookSecrets], WebhookSecrets],
) -> None:
    """Have other secrets sign from now on; under the same lock."""
    sealed = await connection.fetchval(QUERIES["get_secrets"], instance_id)
    secrets = change(open_secrets(keyring, instance_id, sealed))
    stored = seal_column(keyring, "webhook_secret", instance_id, secrets.as_json())
    await connection.execute(QUERIES["set_secrets"], instance_id, stored)


def open_secrets(keyring: Keyring, instance_id: InstanceId, sealed: bytes) -> WebhookSecrets:
    """What the column holds. Raises UndecryptableSecret."""
    return secrets_from_json(open_column(keyring, "webhook_secret", instance_id, sealed))


async def get_settings(database: Database, organization_id: OrganizationId) -> Mapping[str, Any]:
    """An organization's settings that differ from the defaults."""
    settings: Mapping[str, Any] = await database.fetchval(QUERIES["get_settings"], organization_id)
    return settings


async def merge_settings(
    database: Database, organization_id: OrganizationId, changed: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Change some; answers all."""
    settings: Mapping[str, Any] = await database.fetchval(
        QUERIES["merge_settings"], organization_id, dict(changed)
    )
    return settings


async def list_instance_ids(
    database: Database, organization_id: OrganizationId
) -> Sequence[InstanceId]:
    """Whom a changed setting concerns."""
    rows = await database.fetch(QUERIES["list_instance_ids"], organization_id)
    return [InstanceId(row["id"]) for row in rows]


def _endpoint(row: Row) -> Endpoint:
    return Endpoint(
        instance_id=InstanceId(row["instance_id"]),
        instance_name=row["name"],
        instance_state=InstanceState(row["instance_state"]),
        element_key=row["element_key"],
        url=row["url"],
        enabled=row["enabled"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        status=status_from_row(row),
        state_since=row["state_since"],
    )
