"""Rekeying: everything ends up under the first key, whatever happens on the way."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from uuid import uuid4

import argon2
import pytest

from daemon.connectors.connector import Grant
from daemon.errors import UndecryptableSecret
from daemon.instance import InstanceId
from daemon.store import instance_changes as rows
from daemon.store.accounts import Accounts, User
from daemon.store.credentials import Credentials
from daemon.store.database import Database
from daemon.store.encryption import Keyring, open_keyring
from daemon.store.idempotency import Claim, IdempotencyKeys
from daemon.store.instances import Instances
from daemon.store.key_file import KeyFile
from daemon.store.rekeying import rekey

OLD, NEW = bytes(range(32)), bytes(range(32, 64))
BEFORE, BETWEEN, AFTER = Keyring([OLD]), Keyring([NEW, OLD]), Keyring([NEW])
HASHER = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PLACES = 7
"""A secret in each: organization, user, and of the instance four; an answer to be repeated."""


class Stored:
    """A row in every table that holds secrets."""

    def __init__(self, database: Database, user: User, instance_id: InstanceId) -> None:
        self.database = database
        self.user = user
        self.instance_id = instance_id

    async def read(self, keyring: Keyring) -> list[object]:
        """Every secret in clear. Raises UndecryptableSecret."""
        owned = await Instances(self.database, keyring).get(
            self.user.organization_id, self.instance_id
        )
        stored = await Credentials(self.database, keyring).load(self.instance_id)
        assert stored.grant is not None
        return [
            *await Accounts(self.database, keyring, HASHER).get_secrets(self.user.id),
            owned.secrets,
            owned.token,
            stored.grant.refresh_token,
            (
                await Instances(self.database, keyring).endpoint_configuration(self.instance_id)
            ).webhook_secrets,
            await IdempotencyKeys(self.database, keyring).claim(
                self.user.organization_id, "k: 1", b"asked"
            ),
        ]


async def fill(database: Database, keyring: Keyring, name: str = "ann") -> Stored:
    accounts = Accounts(database, keyring, HASHER)
    told = await accounts.add_user(name, f"org of {name}")
    user = await accounts.find_by_secrets(told.user_secret, told.organization_secret)
    assert user is not None
    new = rows.NewInstance(
        organization_id=user.organization_id,
        user_id=user.id,
        element_key="maximizer",
        name=name,
        tags=(),
        configuration={"event.notification.callback.url": "https://app.example/"},
        secrets={"oauth.api.secret": "s"},
        token=f"token of {name}",
        webhook_secret="whsec_1",
        grant=Grant(access_token="a", refresh_token=f"r {name}"),
        lease_owner=uuid4(),
    )
    keys = IdempotencyKeys(database, keyring)
    claim = await keys.claim(user.organization_id, "k: 1", b"asked")
    assert isinstance(claim, Claim)
    async with database.transaction() as connection:
        instance_id = await rows.create(connection, keyring, new)
        await keys.finish(connection, claim, b"answered")
    return Stored(database, user, instance_id)


async def test_everything_is_sealed_anew_and_the_old_key_is_no_longer_needed(
    database: Database,
) -> None:
    stored = await fill(database, BEFORE)
    told = await stored.read(BEFORE)
    with pytest.raises(UndecryptableSecret):
        await stored.read(AFTER)
    assert await rekey(database, BETWEEN) == PLACES
    assert await stored.read(AFTER) == told
    await Accounts(database, AFTER, HASHER).check_keyring()
    assert await rekey(database, BETWEEN) == 0


async def test_cut_off_at_any_moment_it_leaves_everything_readable_and_goes_on(
    database: Database,
) -> None:
    stored = [await fill(database, BEFORE, f"user {number}") for number in range(2)]
    told = [await each.read(BEFORE) for each in stored]
    done = 0
    for _ in range(100):
        task = asyncio.create_task(rekey(database, BETWEEN, batch=1))
        await asyncio.sleep(0.02)
        if task.done():
            done += await task
            break
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [await each.read(BETWEEN) for each in stored] == told
    assert await rekey(database, BETWEEN, batch=2) + done <= PLACES * len(stored)
    assert [await each.read(AFTER) for each in stored] == told


async def test_what_is_replaced_meanwhile_keeps_its_newer_value(database: Database) -> None:
    stored = await fill(database, BEFORE)
    credentials = Credentials(database, BEFORE)

    class Meddling(Database):
        """Renews the tokens between the reading and the writing."""

        async def run_transaction(self, work):  # type: ignore[no-untyped-def]
            await credentials.store(stored.instance_id, 1, Grant(access_token="b"))
            return await super().run_transaction(work)

    meddling = Meddling()
    meddling._connected = database._connected
    assert await rekey(meddling, BETWEEN) == PLACES
    renewed = (await Credentials(database, AFTER).load(stored.instance_id)).grant
    assert renewed is not None
    assert renewed.access_token == "b"


async def test_a_value_that_no_key_opens_is_named_and_the_others_are_done(
    database: Database,
) -> None:
    whole, torn = await fill(database, BEFORE), await fill(database, BEFORE, "bob")
    await database.execute(
        "update instances set token = token || '\\x00'::bytea where id = $1", torn.instance_id
    )
    with pytest.raises(
        UndecryptableSecret, match=rf"1 stored secrets .*instances\.token:{torn.instance_id}"
    ):
        await rekey(database, BETWEEN)
    assert len(await whole.read(AFTER)) == PLACES


def test_a_key_added_while_the_daemon_runs_holds_at_once(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    keyring = open_keyring(path)
    old = keyring.seal(b"old", context="a")
    KeyFile(path).add_fresh()
    assert path.stat().st_mode & 0o777 == 0o600
    elsewhere = open_keyring(path)
    assert keyring.open(elsewhere.seal(b"new", context="a"), context="a") == b"new"
    assert keyring.seal(b"x", context="a")[1:9] == elsewhere.current_id != old[1:9]

    path.write_text("half a k")  # as a program that writes in place leaves it for a moment
    assert keyring.seal(b"x", context="a")[1:9] == elsewhere.current_id
    path.write_text(base64.b64encode(NEW).decode())
    assert keyring.current_id == AFTER.current_id
    assert keyring.open(old, context="a") == b"old"
