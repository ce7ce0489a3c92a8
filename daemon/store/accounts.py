"""Accounts: organizations, their users, and the secrets that prove who calls."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import argon2

from daemon.errors import Conflict, Fault, InvalidInput, NotFound
from daemon.instance import OrganizationId, UserId
from daemon.store.database import Connection, Database, Row, load_queries
from daemon.store.encryption import Keyring
from daemon.store.first_account import (
    Credentials,
    invent_credentials,
    new_secret,
    tell_first_account,
)

QUERIES = load_queries("accounts")
FIRST_START_LOCK = 0x6669727374  # "first"
FIRST_ORGANIZATION = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person or program that may call, and the organization whose things it sees."""

    id: UserId
    organization_id: OrganizationId
    username: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedUser:
    """One row of `pollhook user list`."""

    id: UserId
    username: str
    organization: str
    created_at: datetime


class Accounts:
    """The accounts in the database."""

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        hasher: argon2.PasswordHasher | None = None,
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._hasher = hasher or argon2.PasswordHasher()

    async def check_keyring(self) -> None:
        """Raises UndecryptableSecret if a key that stored secrets need is missing."""
        rows = await self._database.fetch(QUERIES["list_key_ids"])
        self._keyring.check(row["key_id"] for row in rows)

    async def ensure_first(self, data_dir: Path) -> Path | None:
        """On an empty database: one organization and one user. Answers where their secrets are.

        The file comes first and the rows follow: after a crash in between, the next start finds the
        file and makes the very account it describes. Raises InvalidInput if the file is unreadable.
        """
        if await self._database.fetchval(QUERIES["any_user"]):
            return None
        async with self._database.transaction() as connection:
            await connection.execute(QUERIES["lock_accounts"], FIRST_START_LOCK)
            if await connection.fetchval(QUERIES["any_user"]):
                return None
            path, told = await asyncio.to_thread(tell_first_account, data_dir)
            organization_id = await self._insert_organization(
                connection, FIRST_ORGANIZATION, told.organization_secret
            )
            await self._insert_user(connection, organization_id, told)
        return path

    async def add_user(self, username: str, organization: str | None = None) -> Credentials:
        """A new user, in the first organization or in the one named, made if need be.

        Raises Conflict if the name is taken, InvalidInput if it is empty.
        """
        _check_name("username", username)
        if organization is not None:
            _check_name("organization", organization)
        async with self._database.transaction() as connection:
            await connection.execute(QUERIES["lock_accounts"], FIRST_START_LOCK)
            organization_id, secret = await self._join(connection, organization)
            told = invent_credentials(username, secret)
            await self._insert_user(connection, organization_id, told)
        return told

    async def get_first(self, connection: Connection) -> User:
        """The user of the first start, or whoever was added first. Raises NotFound."""
        row = await connection.fetchrow(QUERIES["find_first_user"])
        if row is None:
            raise NotFound("There is no user yet.")
        return _user(row)

    async def list_users(self) -> Sequence[ListedUser]:
        """Everybody, oldest first."""
        return [
            ListedUser(
                id=UserId(row["id"]),
                username=row["username"],
                organization=row["organization"],
                created_at=row["created_at"],
            )
            for row in await self._database.fetch(QUERIES["list_users"])
        ]

    async def rotate(self, username: str) -> Credentials:
        """A new password and user secret; the old ones stop working. Raises NotFound."""
        row = await self._database.fetchrow(QUERIES["find_by_username"], username)
        if row is None:
            raise NotFound(f"There is no user {username}.")
        user = _user(row)
        _, organization_secret = await self.get_secrets(user.id)
        told = invent_credentials(username, organization_secret)
        await self._database.execute(
            QUERIES["replace_user_secrets"],
            user.id,
            await asyncio.to_thread(self._hasher.hash, told.password),
            digest(told.user_secret),
            self._seal("users", user.id, told.user_secret),
        )
        return told

    async def get_secrets(self, user_id: UserId) -> tuple[str, str]:
        """The user's secret and the organization's, in clear. Raises NotFound."""
        row = await self._database.fetchrow(QUERIES["get_secrets"], user_id)
        if row is None:
            raise NotFound(f"There is no user {user_id}.")
        return (
            self._open("users", user_id, row["user_secret"]),
            self._open("organizations", row["organization_id"], row["organization_secret"]),
        )

    async def find_by_secrets(
        self, user_secret: str, organization_secret: str | None
    ) -> User | None:
        """Who holds these secrets; without the organization's, the user's alone decides."""
        wanted = digest(user_secret)
        row = await self._database.fetchrow(QUERIES["find_by_secret"], wanted)
        if row is None or not hmac.compare_digest(row["secret_digest"], wanted):
            return None
        if organization_secret is not None and not hmac.compare_digest(
            row["organization_digest"], digest(organization_secret)
        ):
            return None
        return _user(row)

    async def find_by_password(self, username: str, password: str) -> User | None:
        """Who signs in; an unknown name takes as long as a wrong password."""
        row = await self._database.fetchrow(QUERIES["find_by_username"], username)
        stored = row["password_hash"] if row else await asyncio.to_thread(self._hasher.hash, "")
        right = await asyncio.to_thread(self._verify, stored, password)
        return _user(row) if row is not None and right else None

    def _verify(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except argon2.exceptions.VerificationError:
            return False

    async def _join(
        self, connection: Connection, organization: str | None
    ) -> tuple[OrganizationId, str]:
        row = (
            await connection.fetchrow(QUERIES["find_first_organization"])
            if organization is None
            else await connection.fetchrow(QUERIES["find_organization"], organization)
        )
        if row is not None:
            return OrganizationId(row["id"]), self._open("organizations", row["id"], row["secret"])
        secret = new_secret()
        name = organization or FIRST_ORGANIZATION
        return await self._insert_organization(connection, name, secret), secret

    async def _insert_organization(
        self, connection: Connection, name: str, secret: str
    ) -> OrganizationId:
        identifier = await connection.fetchval(QUERIES["next_organization_id"])
        sealed = self._seal("organizations", identifier, secret)
        await connection.execute(
            QUERIES["insert_organization"], identifier, name, digest(secret), sealed
        )
        return OrganizationId(identifier)

    async def _insert_user(
        self, connection: Connection, organization_id: OrganizationId, told: Credentials
    ) -> None:
        identifier = await connection.fetchval(QUERIES["next_user_id"])
        inserted = await connection.fetchval(
            QUERIES["insert_user"],
            identifier,
            organization_id,
            told.username,
            await asyncio.to_thread(self._hasher.hash, told.password),
            digest(told.user_secret),
            self._seal("users", identifier, told.user_secret),
        )
        if inserted is None:
            raise Conflict(f"There is already a user {told.username}.")

    def _seal(self, table: str, identifier: int, secret: str) -> bytes:
        return self._keyring.seal(secret.encode(), context=f"{table}.secret:{identifier}")

    def _open(self, table: str, identifier: int, sealed: bytes) -> str:
        return self._keyring.open(sealed, context=f"{table}.secret:{identifier}").decode()


def digest(secret: str) -> bytes:
    """What a secret is looked up by. It has 256 random bits, so a fast hash gives nothing away."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _user(row: Row) -> User:
    return User(
        id=UserId(row["id"]),
        organization_id=OrganizationId(row["organization_id"]),
        username=row["username"],
    )


def _check_name(name: str, value: str) -> None:
    if not value.strip() or not value.isprintable() or len(value) > 255:
        raise InvalidInput([Fault(field=name, message="has to be 1 to 255 printable characters")])
