"""Accounts: who exists after the first start, and who is let in."""

from __future__ import annotations

import asyncio
import stat
import threading
from pathlib import Path
from typing import Literal

import argon2
import orjson
import pytest

from daemon.errors import Conflict, InvalidInput, NotFound, UndecryptableSecret
from daemon.store.accounts import Accounts
from daemon.store.database import Database
from daemon.store.encryption import Keyring
from daemon.store.first_account import Credentials, tell_first_account

KEYRING = Keyring([bytes(32)])
QUICK_HASHER = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture
def accounts(database: Database) -> Accounts:
    return Accounts(database, KEYRING, QUICK_HASHER)


async def test_the_first_start_makes_one_account_and_tells_it_in_a_private_file(
    accounts: Accounts, tmp_path: Path
) -> None:
    path = await accounts.ensure_first(tmp_path)
    assert path == tmp_path / "credentials.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    told = orjson.loads(path.read_bytes())
    assert list(told) == ["username", "password", "userSecret", "organizationSecret"]
    user = await accounts.find_by_secrets(told["userSecret"], told["organizationSecret"])
    assert user is not None
    assert await accounts.find_by_password(told["username"], told["password"]) == user


async def test_a_later_start_makes_no_other_account(accounts: Accounts, tmp_path: Path) -> None:
    await accounts.ensure_first(tmp_path)
    told = (tmp_path / "credentials.json").read_bytes()
    assert await accounts.ensure_first(tmp_path) is None
    assert (tmp_path / "credentials.json").read_bytes() == told
    assert len(await accounts.list_users()) == 1


async def test_two_first_starts_at_once_make_one_account(
    accounts: Accounts, tmp_path: Path
) -> None:
    async with asyncio.timeout(20):
        await asyncio.gather(*(accounts.ensure_first(tmp_path) for _ in range(4)))
    assert len(await accounts.list_users()) == 1
    told = orjson.loads((tmp_path / "credentials.json").read_bytes())
    assert await accounts.find_by_secrets(told["userSecret"], told["organizationSecret"])


async def test_a_crash_between_file_and_rows_neither_loses_nor_duplicates(
    accounts: Accounts, tmp_path: Path
) -> None:
    _, told = tell_first_account(tmp_path)
    await accounts.ensure_first(tmp_path)
    assert await accounts.find_by_secrets(told.user_secret, told.organization_secret)
    assert len(await accounts.list_users()) == 1


async def test_a_file_that_tells_no_account_is_refused_with_the_way_out(
    accounts: Accounts, tmp_path: Path
) -> None:
    for content in ("", "[]", "{}", '{"username": 1}'):
        (tmp_path / "credentials.json").write_text(content)
        with pytest.raises(InvalidInput, match="remove the file"):
            await accounts.ensure_first(tmp_path)
    assert await accounts.list_users() == []


async def test_no_secret_stands_in_the_database_in_clear(
    accounts: Accounts, database: Database
) -> None:
    told = await accounts.add_user("anna")
    rows = await database.fetch("select u, o from users u join organizations o on true")
    text = repr([tuple(row) for row in rows])
    for secret in (told.password, told.user_secret, told.organization_secret):
        assert secret not in text


async def test_a_wrong_secret_lets_nobody_in(accounts: Accounts) -> None:
    ours = await accounts.add_user("anna", "ours")
    theirs = await accounts.add_user("otto", "theirs")
    assert await accounts.find_by_secrets(ours.user_secret, ours.organization_secret)
    for user_secret, organization_secret in (
        (ours.user_secret, "wrong"),
        (ours.user_secret, ""),
        (ours.user_secret, theirs.organization_secret),
        ("wrong", ours.organization_secret),
        ("\udcff", ours.organization_secret),
        ("", ""),
        (ours.organization_secret, ours.organization_secret),
    ):
        assert await accounts.find_by_secrets(user_secret, organization_secret) is None


async def test_users_of_one_organization_share_its_secret(accounts: Accounts) -> None:
    first = await accounts.add_user("anna", "ours")
    second = await accounts.add_user("berta", "ours")
    assert first.organization_secret == second.organization_secret
    assert first.user_secret != second.user_secret
    assert [(user.username, user.organization) for user in await accounts.list_users()] == [
        ("anna", "ours"),
        ("berta", "ours"),
    ]


async def test_a_user_without_organization_joins_the_first_one(
    accounts: Accounts, tmp_path: Path
) -> None:
    await accounts.ensure_first(tmp_path)
    told = await accounts.add_user("anna")
    first = orjson.loads((tmp_path / "credentials.json").read_bytes())
    assert told.organization_secret == first["organizationSecret"]


async def test_a_name_is_taken_once(accounts: Accounts) -> None:
    await accounts.add_user("anna", "ours")
    with pytest.raises(Conflict, match="anna"):
        await accounts.add_user("anna", "theirs")
    assert [user.organization for user in await accounts.list_users()] == ["ours"]


async def test_a_name_that_is_none_is_refused(accounts: Accounts) -> None:
    for name in ("", "  ", "a\nb", "x" * 256):
        with pytest.raises(InvalidInput, match="username"):
            await accounts.add_user(name)
    with pytest.raises(InvalidInput, match="organization"):
        await accounts.add_user("anna", "")


async def test_rotation_ends_the_old_secrets(accounts: Accounts) -> None:
    old = await accounts.add_user("anna")
    new = await accounts.rotate("anna")
    assert new.organization_secret == old.organization_secret
    assert await accounts.find_by_secrets(old.user_secret, old.organization_secret) is None
    assert await accounts.find_by_password("anna", old.password) is None
    user = await accounts.find_by_secrets(new.user_secret, new.organization_secret)
    assert user is not None
    assert await accounts.find_by_password("anna", new.password) == user
    assert await accounts.get_secrets(user.id) == (new.user_secret, new.organization_secret)


async def test_rotation_of_nobody_is_an_error(accounts: Accounts) -> None:
    with pytest.raises(NotFound, match="nobody"):
        await accounts.rotate("nobody")


async def test_a_wrong_password_or_name_lets_nobody_in(accounts: Accounts) -> None:
    told = await accounts.add_user("anna")
    assert await accounts.find_by_password("anna", "wrong") is None
    assert await accounts.find_by_password("otto", told.password) is None


class WatchedHasher(argon2.PasswordHasher):
    """Notes which thread each hash and each comparison runs in."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.threads: list[int] = []

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        self.threads.append(threading.get_ident())
        return super().hash(password, salt=salt)

    def verify(  # the names are those of argon2
        self,
        hash: str | bytes,  # noqa: A002
        password: str | bytes,
    ) -> Literal[True]:
        self.threads.append(threading.get_ident())
        return super().verify(hash, password)


async def test_no_password_is_hashed_in_the_thread_of_the_loop(
    database: Database, tmp_path: Path
) -> None:
    hasher = WatchedHasher()
    accounts = Accounts(database, KEYRING, hasher)
    await accounts.ensure_first(tmp_path)
    told = await accounts.add_user("ada")
    assert await accounts.find_by_password("ada", told.password)
    assert await accounts.find_by_password("ada", "wrong") is None
    assert await accounts.find_by_password("nobody", "wrong") is None
    await accounts.rotate("ada")

    assert len(hasher.threads) == 7  # two users made, four times compared or pretended to, rotated
    assert threading.get_ident() not in hasher.threads


async def test_a_key_set_that_lacks_a_used_key_is_refused(
    accounts: Accounts, database: Database
) -> None:
    await accounts.add_user("anna")
    await accounts.check_keyring()
    with pytest.raises(UndecryptableSecret, match="encryption_keys_file"):
        await Accounts(database, Keyring([bytes(31) + b"\x01"])).check_keyring()
    await Accounts(database, Keyring([bytes(31) + b"\x01", bytes(32)])).check_keyring()


def test_secrets_do_not_show_when_credentials_are_printed() -> None:
    told = Credentials(
        username="anna", password="pass-x", user_secret="user-x", organization_secret="org-x"
    )
    assert "-x" not in repr(told)
