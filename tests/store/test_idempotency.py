"""Idempotency keys: one call, one answer, whatever is repeated or cut off."""

from __future__ import annotations

import pytest

from daemon.errors import Conflict, InvalidInput
from daemon.instance import OrganizationId
from daemon.store.database import Database
from daemon.store.encryption import Keyring
from daemon.store.idempotency import Claim, IdempotencyKeys

OURS, THEIRS = OrganizationId(1), OrganizationId(2)


@pytest.fixture
async def keys(database: Database) -> IdempotencyKeys:
    for number in (OURS, THEIRS):
        await database.execute(
            "insert into organizations (id, name, secret_digest, secret) values ($1, $2, $3, '')",
            number,
            f"organization {number}",
            bytes([number]),
        )
    return IdempotencyKeys(database, Keyring([bytes(32)]))


async def claim(keys: IdempotencyKeys, request: bytes = b"request") -> Claim:
    claimed = await keys.claim(OURS, "key", request)
    assert isinstance(claimed, Claim)
    return claimed


async def finish(database: Database, keys: IdempotencyKeys, claimed: Claim, answer: bytes) -> None:
    async with database.transaction() as connection:
        await keys.finish(connection, claimed, answer)


async def age(database: Database, interval: str) -> None:
    await database.execute(
        f"update idempotency_keys set created_at = now() - interval '{interval}'"
    )


async def test_the_answer_is_repeated_for_a_day(database: Database, keys: IdempotencyKeys) -> None:
    await finish(database, keys, await claim(keys), b"whsec_answer")
    assert await keys.claim(OURS, "key", b"request") == b"whsec_answer"
    stored = await database.fetchval("select answer from idempotency_keys")
    assert b"whsec_" not in stored
    await age(database, "23 hours")
    assert await keys.claim(OURS, "key", b"request") == b"whsec_answer"
    await age(database, "25 hours")
    assert isinstance(await keys.claim(OURS, "key", b"another"), Claim)


async def test_another_request_under_the_key_is_a_conflict(
    database: Database, keys: IdempotencyKeys
) -> None:
    await finish(database, keys, await claim(keys), b"answer")
    with pytest.raises(Conflict, match="another body"):
        await keys.claim(OURS, "key", b"other")
    assert isinstance(await keys.claim(THEIRS, "key", b"other"), Claim)
    assert isinstance(await keys.claim(OURS, "other key", b"other"), Claim)


async def test_a_request_under_way_is_a_conflict_until_it_is_given_up(
    database: Database, keys: IdempotencyKeys
) -> None:
    first = await claim(keys)
    with pytest.raises(Conflict, match="under way"):
        await keys.claim(OURS, "key", b"request")
    await keys.release(first)
    await claim(keys)


async def test_a_request_cut_off_by_a_crash_is_taken_over_and_cannot_answer_any_more(
    database: Database, keys: IdempotencyKeys
) -> None:
    first = await claim(keys)
    await age(database, "10 minutes")
    second = await claim(keys)
    with pytest.raises(Conflict, match="taken over"):
        await finish(database, keys, first, b"first")
    await keys.release(first)
    await finish(database, keys, second, b"second")
    assert await keys.claim(OURS, "key", b"request") == b"second"


async def test_an_answer_is_never_released(database: Database, keys: IdempotencyKeys) -> None:
    claimed = await claim(keys)
    await finish(database, keys, claimed, b"answer")
    await keys.release(claimed)
    assert await keys.claim(OURS, "key", b"request") == b"answer"


async def test_old_keys_are_forgotten_in_small_batches(
    database: Database, keys: IdempotencyKeys
) -> None:
    for number in range(5):
        await keys.claim(OURS, f"old {number}", b"")
    await age(database, "25 hours")
    await keys.claim(OURS, "new", b"")
    assert [await keys.purge(2) for _ in range(4)] == [2, 2, 1, 0]
    assert await database.fetchval("select array_agg(key) from idempotency_keys") == ["new"]


async def test_a_key_is_one_line_of_ascii(keys: IdempotencyKeys) -> None:
    for key in ("", "x" * 256, "a\nb", "ä"):
        with pytest.raises(InvalidInput, match="Idempotency-Key"):
            await keys.claim(OURS, key, b"")
