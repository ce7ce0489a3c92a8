"""Commands beside the daemon: each opens the database itself, whether the daemon runs or not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from daemon.settings import Settings
from daemon.store.accounts import Accounts
from daemon.store.encryption import open_keyring
from daemon.store.key_file import KeyFile
from daemon.store.migrations import migrate
from daemon.store.opening import open_current_database, open_database
from daemon.store.rekeying import rekey


async def migrate_schema(settings: Settings) -> Sequence[str]:
    """Bring the schema up to date; the names of what was applied. Raises SchemaTooNew."""
    async with open_database(settings) as database:
        applied = await migrate(database)
    return [f"{migration.number:04d}_{migration.name}" for migration in applied]


async def add_user(
    settings: Settings, username: str, organization: str | None
) -> Mapping[str, str]:
    """A new account and its secrets, which are told this once. Raises Conflict, InvalidInput."""
    async with _open_accounts(settings) as accounts:
        return (await accounts.add_user(username, organization)).as_json()


async def list_users(settings: Settings) -> Sequence[Mapping[str, str]]:
    """Every account, oldest first, without its secrets."""
    async with _open_accounts(settings) as accounts:
        users = await accounts.list_users()
    return [
        {
            "username": user.username,
            "organization": user.organization,
            "createdDate": user.created_at.isoformat(timespec="seconds"),
        }
        for user in users
    ]


async def rotate_user(settings: Settings, username: str) -> Mapping[str, str]:
    """New secrets for an account; the old ones stop working. Raises NotFound."""
    async with _open_accounts(settings) as accounts:
        return (await accounts.rotate(username)).as_json()


async def rekey_secrets(settings: Settings, *, new_key: bool) -> str:
    """Everything stored sealed anew under the first key, or a new one; says what was done.

    Raises UndecryptableSecret if there are secrets that no key opens.
    """
    path = settings.security.encryption_keys_file
    async with open_current_database(settings) as database:
        keyring = open_keyring(path)
        await Accounts(database, keyring).check_keyring()
        if new_key:
            KeyFile(path).add_fresh()
        done = await rekey(database, keyring)
    rest = "; the others in it may be taken out" if len(KeyFile(path).read()) > 1 else ""
    return f"encrypted {done} secrets anew: all are under the first key of {path}{rest}"


@asynccontextmanager
async def _open_accounts(settings: Settings) -> AsyncIterator[Accounts]:
    async with open_current_database(settings) as database:
        accounts = Accounts(database, open_keyring(settings.security.encryption_keys_file))
        await accounts.check_keyring()
        yield accounts
