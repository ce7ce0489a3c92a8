"""The tokens an instance holds, sealed: read, renewed by one caller at a time, compared and set."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from daemon.connectors.connector import Grant
from daemon.errors import NotFound
from daemon.instance import InstanceId
from daemon.store.database import Database, Row, load_queries
from daemon.store.encryption import Keyring
from daemon.store.instance_secrets import open_column, seal_column

QUERIES = load_queries("credentials")
COLUMN = "credentials"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCredentials:
    """What is stored: `grant` is None if there never was one; `locked` is how long another caller
    may still be renewing it."""

    generation: int
    grant: Grant | None = field(repr=False)
    locked: timedelta


def seal(keyring: Keyring, instance_id: InstanceId, grant: Grant) -> bytes:
    """What `instances.credentials` stores for a grant; its instants have columns."""
    tokens = {"access_token": grant.access_token, "refresh_token": grant.refresh_token}
    return seal_column(keyring, COLUMN, instance_id, tokens)


class Credentials:
    """The credentials columns of the instances. Every call raises DatabaseUnavailable."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._keyring = keyring

    async def load(self, instance_id: InstanceId) -> StoredCredentials:
        """What is stored now. Raises NotFound if the instance is gone."""
        row = await self._database.fetchrow(QUERIES["load"], instance_id)
        if row is None:
            raise NotFound(f"No instance found with id {instance_id}.")
        grant = self._open(instance_id, row)
        return StoredCredentials(
            generation=row["credentials_generation"],
            grant=grant,
            locked=timedelta(seconds=row["locked_seconds"]),
        )

    async def lock(
        self, instance_id: InstanceId, generation: int, duration: timedelta
    ) -> datetime | None:
        """Take the renewal of this generation; until when, None if another has it or it is over."""
        seconds = duration.total_seconds()
        until: datetime | None = await self._database.fetchval(
            QUERIES["lock"], instance_id, generation, seconds
        )
        return until

    async def unlock(self, instance_id: InstanceId, until: datetime) -> None:
        """Give back the renewal that was taken until then: it failed in a way that may pass."""
        await self._database.execute(QUERIES["unlock"], instance_id, until)

    async def store(self, instance_id: InstanceId, generation: int, grant: Grant) -> int | None:
        """Replace the tokens of this generation; the new one, None if others were faster."""
        new: int | None = await self._database.fetchval(
            QUERIES["store"],
            instance_id,
            generation,
            seal(self._keyring, instance_id, grant),
            grant.refresh_at,
            grant.expires_at,
        )
        return new

    async def refuse(self, instance_id: InstanceId, generation: int, reason: str) -> None:
        """Put the instance into `needs_reauth`, unless it has newer tokens by now."""
        await self._database.execute(QUERIES["refuse"], instance_id, generation, reason)

    def _open(self, instance_id: InstanceId, row: Row) -> Grant | None:
        if row["credentials"] is None:
            return None
        tokens = open_column(self._keyring, COLUMN, instance_id, row["credentials"])
        return Grant(
            access_token=tokens["access_token"],
            refresh_token=tokens["refresh_token"],
            refresh_at=row["credentials_refresh_at"],
            expires_at=row["credentials_expires_at"],
        )
