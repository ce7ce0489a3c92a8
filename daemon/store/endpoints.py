"""The endpoints as people see and change them: how each is doing, its secrets, who keeps what."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from daemon.errors import NotFound
from daemon.instance import EndpointState, InstanceId, InstanceState, OrganizationId
from daemon.store.database import Connection, Database, Row, load_queries
from daemon.store.encryption import Keyring
from daemon.store.instance_secrets import open_column, seal_column
from daemon.store.recorded import Scope
from daemon.store.webhook_secrets import WebhookSecrets, secrets_from_json

QUERIES = load_queries("endpoints")


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One callback and how it is doing; `waiting` and `dead` count its notifications."""

    instance_id: InstanceId
    instance_name: str
    instance_state: InstanceState
    element_key: str
    url: str
    enabled: bool
    created_at: datetime
    updated_at: datetime
    state: EndpointState
    failures: int
    failing_since: datetime | None
    next_probe_at: datetime | None
    last_error: str | None
    last_success_at: datetime | None
    disabled_reason: str | None
    waiting: int
    dead: int

    @property
    def is_sent_to(self) -> bool:
        """Whether anything is sent there at present."""
        on = self.enabled and self.instance_state is not InstanceState.DISABLED
        return on and self.state is not EndpointState.DISABLED


async def list_endpoints(database: Database, scope: Scope) -> Sequence[Endpoint]:
    """Those of all instances that have a callback URL."""
    rows = await database.fetch(QUERIES["list_endpoints"], scope.organization_id, scope.instance_id)
    return [_endpoint(row) for row in rows]


async def get_endpoint(database: Database, scope: Scope) -> Endpoint:
    """That of one instance. Raises NotFound if there is no such instance, or no callback URL."""
    for endpoint in await list_endpoints(database, scope):
        return endpoint
    raise NotFound(f"No instance with a callback URL found with id {scope.instance_id}.")


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
        state=EndpointState(row["state"]),
        failures=row["failures"],
        failing_since=row["failing_since"],
        next_probe_at=row["next_probe_at"],
        last_error=row["last_error"],
        last_success_at=row["last_success_at"],
        disabled_reason=row["disabled_reason"],
        waiting=row["waiting"],
        dead=row["dead"],
    )
