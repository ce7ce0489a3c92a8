from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime, timedelta

import pytest

from daemon.connectors.connector import Grant
from daemon.errors import NotFound, UndecryptableSecret
from daemon.instance import InstanceId
from daemon.store.credentials import Credentials, seal
from daemon.store.database import Database
from daemon.store.encryption import Keyring
from tests.store.credential_rows import insert_instance

LOCK = timedelta(seconds=15)
REFRESH_AT = datetime(2026, 11, 24, 5, 0, tzinfo=UTC)
FIRST = Grant(access_token="A1", refresh_token="R1", refresh_at=REFRESH_AT)
SECOND = Grant(access_token="A2", refresh_token="R2")


@pytest.fixture
def keyring() -> Keyring:
    return Keyring([os.urandom(32)])


@pytest.fixture
def credentials(database: Database, keyring: Keyring) -> Credentials:
    return Credentials(database, keyring)


async def test_tokens_come_back_as_they_were_stored(
    database: Database, keyring: Keyring, credentials: Credentials
) -> None:
    instance_id = await insert_instance(database, keyring, FIRST)
    stored = await credentials.load(instance_id)
    assert (stored.generation, stored.grant, stored.locked) == (1, FIRST, timedelta(0))


async def test_tokens_are_not_stored_in_clear(database: Database, keyring: Keyring) -> None:
    instance_id = await insert_instance(database, keyring, FIRST)
    sealed = await database.fetchval("select credentials from instances where id = $1", instance_id)
    assert b"A1" not in sealed
    assert b"R1" not in sealed


async def test_tokens_moved_to_another_instance_do_not_open(
    database: Database, keyring: Keyring, credentials: Credentials
) -> None:
    instance_id = await insert_instance(database, keyring, FIRST)
    await database.execute(
        "update instances set credentials = $2 where id = $1",
        instance_id,
        seal(keyring, InstanceId(instance_id + 1), FIRST),
    )
    with pytest.raises(UndecryptableSecret):
        await credentials.load(instance_id)


async def test_an_instance_without_tokens_says_so(
    database: Database, keyring: Keyring, credentials: Credentials
) -> None:
    instance_id = await insert_instance(database, keyring, None)
    assert (await credentials.load(instance_id)).grant is None


async def test_a_deleted_instance_has_no_tokens(
    database: Database, keyring: Keyring, credentials: Credentials
) -> None:
    instance_id = await insert_instance(database, keyring, FIRST)
    await database.execute("update instances set deleted_at = now() where id = $1", instance_id)
    with pytest.raises(NotFound):
        await credentials.load(instance_id)
    assert await credentials.lock(instance_id, 1, LOCK) is None
    assert await credentials.store(instance_id, 1, SECOND) is None


async def test_only_one_of_many_callers_takes_the_renewal(
    database: Database, keyring: Keyring, credentials: Credentials
) -> None:
    instance_id = await insert_instance(database, keyring, FIRST)
    taken = await asyncio.gather(*(credentials.lock(instance_id, 1, LOCK) for _ in range(8)))
    assert len([until for until in taken if until is not None]) == 1
    locked = (await credentials.load(instance_id)).locked
    assert timedelta(seconds=10) < locked <= LOCK


async def test_a_renewal_that_was_never_finished_can_be_taken_when_its_time_is_over(
    database: Database, keyring: Keyring, credentials: Credentials
) -> None:
    instance_id = await insert_instance(database, keyring, FIRST)
    assert await credentials.lock(instance_id, 1, timedelta(seconds=-1)) is not None
    assert (await credentials.load(instance_id)).locked == timedelta(0)
    assert await credentials.lock(instance_id, 1, LOCK) is not None


async def test_a_renewal_given_back_late_does_not_end_the_one_taken_since(
    database: Database, keyring: Keyring, credentials: Credentials
) -> None:
    instance_id = await insert_instance(database, keyring, FIRST)
    late = await credentials.lock(instance_id, 1, timedelta(seconds=-1))
    current = await credentials.lock(instance_id, 1, LOCK)
    assert late is not None
    assert current is not None
    await credentials.unlock(instance_id, late)
    assert await credentials.lock(instance_id, 1, LOCK) is None
    await credentials.unlock(instance_id, current)
    assert await credentials.lock(instance_id, 1, LOCK) is not None


async def test_the_renewal_of_an_older_generation_cannot_be_taken(
    database: Database, keyring: Keyring, credentials: Credentials
) -> None:
    instance_id = await insert_instance(database, keyring, FIRST)
    assert await credentials.store(instance_id, 1, SECOND) == 2
    assert await credentials.lock(instance_id, 1, LOCK) is None


async def test_of_two_pairs_for_one_generation_the_first_stays(
    database: Database, keyring: Keyring, credentials: Credentials
) -> None:
    instance_id = await insert_instance(database, keyring, FIRST)
    await credentials.lock(instance_id, 1, LOCK)
    assert await credentials.store(instance_id, 1, SECOND) == 2
    assert await credentials.store(instance_id, 1, Grant(access_token="A3")) is None
    stored = await credentials.load(instance_id)
    assert (stored.generation, stored.grant, stored.locked) == (2, SECOND, timedelta(0))


async def state_of(database: Database, instance_id: InstanceId) -> tuple[str, str | None]:
    row = await database.fetchrow(
        "select state, state_reason from instances where id = $1", instance_id
    )
    assert row is not None
    return row["state"], row["state_reason"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("active", "needs_reauth"),
        ("degraded", "needs_reauth"),
        ("disabled", "disabled"),
    ],
)
async def test_a_refusal_stops_an_instance_that_was_running(
    database: Database, keyring: Keyring, credentials: Credentials, before: str, after: str
) -> None:
    instance_id = await insert_instance(database, keyring, FIRST)
    await database.execute("update instances set state = $2 where id = $1", instance_id, before)
    await credentials.refuse(instance_id, 1, "invalid_grant")
    assert (await state_of(database, instance_id))[0] == after


async def test_a_refusal_of_tokens_that_were_replaced_since_changes_nothing(
    database: Database, keyring: Keyring, credentials: Credentials
) -> None:
    instance_id = await insert_instance(database, keyring, FIRST)
    await credentials.store(instance_id, 1, SECOND)
    await credentials.refuse(instance_id, 1, "invalid_grant")
    assert await state_of(database, instance_id) == ("active", None)


async def test_new_tokens_end_the_need_for_consent(
    database: Database, keyring: Keyring, credentials: Credentials
) -> None:
    instance_id = await insert_instance(database, keyring, FIRST)
    await credentials.refuse(instance_id, 1, "invalid_grant")
    assert await state_of(database, instance_id) == ("needs_reauth", "invalid_grant")
    await credentials.store(instance_id, 1, SECOND)
    assert await state_of(database, instance_id) == ("active", None)
