"""Instance rows as people, pollers and senders see them: found, listed, counted, opened."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from daemon import configuration_keys as keys
from daemon.connectors.connector import Account
from daemon.delivery.endpoint import EndpointConfiguration
from daemon.errors import InstanceDisabled, NotFound
from daemon.instance import (
    INSTANCE_TRANSITIONS,
    Instance,
    InstanceId,
    InstanceState,
    OrganizationId,
    UserId,
)
from daemon.store.accounts import digest
from daemon.store.database import Connection, Database, Row, load_queries
from daemon.store.encryption import Keyring
from daemon.store.instance_secrets import open_column
from daemon.store.webhook_secrets import secrets_from_json

QUERIES = load_queries("instances")
LATE_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The user who made an instance."""

    id: UserId
    email_address: str
    first_name: str
    last_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedInstance:
    """An instance with what only its owner may see; `secrets` are those of its configuration."""

    instance: Instance
    owner: Owner
    token: str = field(repr=False)
    secrets: Mapping[str, Any] = field(repr=False)
    credentials_generation: int
    credentials_refresh_at: datetime | None
    credentials_expires_at: datetime | None = None
    declared_name: str | None = None

    @property
    def values(self) -> Mapping[str, Any]:
        """The whole configuration in clear; never log or answer it."""
        return {**self.instance.configuration, **self.secrets}


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceFilter:
    """Which instances of an organization: those with all the tags and the text in their name."""

    tags: Sequence[str] = ()
    text: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it lets everything through."""
        return not self.tags and not self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What all instances together have to do: a part of the health summary."""

    instances: Mapping[InstanceState, int]
    polls_due: int
    polls_late: int
    oldest_unfinished_at: datetime | None


class Instances:
    """The living instances in the database; deleted ones are as if they had never been."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._keyring = keyring

    async def get(
        self,
        organization_id: OrganizationId,
        instance_id: InstanceId,
        connection: Connection | None = None,
    ) -> OwnedInstance:
        """One instance of an organization. Raises NotFound, for a foreign one too."""
        row = await (connection or self._database).fetchrow(
            QUERIES["get"], instance_id, organization_id
        )
        if row is None:
            raise NotFound(f"No instance found with id {instance_id}.")
        return self._owned(row)

    async def find_by_token(self, organization_id: OrganizationId, token: str) -> InstanceId | None:
        """The instance that an Element token of this organization means."""
        wanted = digest(token)
        row = await self._database.fetchrow(QUERIES["find_by_token"], wanted, organization_id)
        if row is None or not hmac.compare_digest(row["token_digest"], wanted):
            return None
        return InstanceId(row["id"])

    async def list_page(
        self, organization_id: OrganizationId, wanted: InstanceFilter, *, limit: int, offset: int
    ) -> tuple[Sequence[OwnedInstance], int]:
        """Some of the instances that pass the filter, by id, and how many there are in all."""
        conditions = (organization_id, list(wanted.tags), wanted.text)
        rows = await self._database.fetch(QUERIES["list_page"], *conditions, limit, offset)
        total = await self._database.fetchval(QUERIES["count_matching"], *conditions)
        return [self._owned(row) for row in rows], total

    async def set_state(
        self, instance_id: InstanceId, state: InstanceState, reason: str | None
    ) -> bool:
        """Along the allowed transitions, or a new reason for the same state; False if neither."""
        sources = [before for before, after in INSTANCE_TRANSITIONS.items() if state in after]
        changed = await self._database.fetchval(
            QUERIES["set_state"], instance_id, state, reason, sources
        )
        return changed is not None

    async def count_by_state(self) -> Mapping[InstanceState, int]:
        """How many instances there are in each state, over all organizations."""
        rows = await self._database.fetch(QUERIES["count_by_state"])
        counts = {InstanceState(row["state"]): row["instances"] for row in rows}
        return dict.fromkeys(InstanceState, 0) | counts

    async def measure_workload(self) -> Workload:
        """States, polls and the oldest unfinished notification, over all organizations."""
        polls = await self._database.fetchrow(QUERIES["count_polls"], LATE_SECONDS)
        return Workload(
            instances=await self.count_by_state(),
            polls_due=polls["due"] if polls else 0,
            polls_late=polls["late"] if polls else 0,
            oldest_unfinished_at=await self._database.fetchval(QUERIES["oldest_unfinished"]),
        )

    async def get_account(self, instance_id: InstanceId) -> Account:
        """The configuration with its secrets, for the connector. Raises NotFound."""
        row = await self._database.fetchrow(QUERIES["get_configuration"], instance_id)
        if row is None:
            raise NotFound(f"No instance found with id {instance_id}.")
        secrets = self._secrets(instance_id, row["secrets"])
        return Account(instance_id=instance_id, configuration={**row["configuration"], **secrets})

    async def endpoint_configuration(self, instance_id: InstanceId) -> EndpointConfiguration:
        """Where and how to send. Raises NotFound, InstanceDisabled (nothing is to be sent now)."""
        row = await self._database.fetchrow(QUERIES["get_endpoint"], instance_id)
        values = (
            {**row["configuration"], **self._secrets(instance_id, row["secrets"])} if row else {}
        )
        if row is None or keys.CALLBACK_URL not in values:
            raise NotFound(f"Instance {instance_id} has no callback URL.")
        if row["state"] == InstanceState.DISABLED:
            raise InstanceDisabled(f"Instance {instance_id} is disabled.")
        secrets = secrets_from_json(
            open_column(self._keyring, "webhook_secret", instance_id, row["webhook_secret"])
        )
        return EndpointConfiguration(
            url=values[keys.CALLBACK_URL],
            headers=values.get(keys.CALLBACK_HEADERS, {}),
            basic_username=values.get(keys.BASIC_USERNAME),
            basic_password=values.get(keys.BASIC_PASSWORD),
            signature_key=values.get(keys.SIGNATURE_KEY),
            webhook_secrets=[secrets.current],
            retiring_secrets=secrets.retiring,
            queues_failures=row["queues_failures"],
            retry_schedule_seconds=values.get(keys.RETRY_SCHEDULE),
        )

    def _owned(self, row: Row) -> OwnedInstance:
        instance_id = InstanceId(row["id"])
        return OwnedInstance(
            instance=_instance(row),
            owner=Owner(
                id=UserId(row["user_id"]),
                email_address=row["email_address"],
                first_name=row["first_name"],
                last_name=row["last_name"],
            ),
            token=open_column(self._keyring, "token", instance_id, row["token"]),
            secrets=self._secrets(instance_id, row["secrets"]),
            credentials_generation=row["credentials_generation"],
            credentials_refresh_at=row["credentials_refresh_at"],
            credentials_expires_at=row["credentials_expires_at"],
            declared_name=row["declared_name"],
        )

    def _secrets(self, instance_id: InstanceId, sealed: bytes | None) -> Mapping[str, Any]:
        if sealed is None:
            return {}
        secrets: Mapping[str, Any] = open_column(self._keyring, "secrets", instance_id, sealed)
        return secrets


def _instance(row: Row) -> Instance:
    return Instance(
        id=InstanceId(row["id"]),
        organization_id=OrganizationId(row["organization_id"]),
        user_id=UserId(row["user_id"]),
        element_key=row["element_key"],
        name=row["name"],
        tags=tuple(row["tags"]),
        state=InstanceState(row["state"]),
        state_reason=row["state_reason"],
        state_since=row["state_since"],
        configuration=row["configuration"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
