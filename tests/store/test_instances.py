"""Instance rows: what is stored, who finds it, which states may follow, what is cleared away."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest

from daemon.connectors.connector import Grant
from daemon.delivery.endpoint import EndpointConfiguration
from daemon.errors import Fenced, InstanceDisabled, NotFound, UndecryptableSecret
from daemon.instance import INSTANCE_TRANSITIONS, InstanceId, InstanceState, OrganizationId, UserId
from daemon.store import instance_changes, leases
from daemon.store.accounts import Accounts, digest
from daemon.store.database import Connection, Database
from daemon.store.encryption import Keyring
from daemon.store.instance_changes import NewInstance, purge_deleted
from daemon.store.instance_resources import list_resources, write_resources
from daemon.store.instances import InstanceFilter, Instances

KEYRING = Keyring([bytes(32)])
CONFIGURATION: dict[str, Any] = {
    "event.notification.callback.url": "https://our.example/hook",
    "event.notification.basic.username": "anna",
}
SECRETS: dict[str, Any] = {
    "event.notification.signature.key": "secret-signature",
    "event.notification.callback.headers": {"X-Key": "secret-header"},
    "event.notification.basic.password": "secret-password",
}


@pytest.fixture
def instances(database: Database) -> Instances:
    return Instances(database, KEYRING)


async def make_owner(database: Database, number: int = 1) -> tuple[OrganizationId, UserId]:
    organization_id = await database.fetchval(
        "insert into organizations (name, secret_digest, secret) values ($1, $2, '') returning id",
        f"organization {number}",
        bytes([number]),
    )
    user_id = await database.fetchval(
        "insert into users (organization_id, username, password_hash, secret_digest, secret)"
        " values ($1, $2, '', $3, '') returning id",
        organization_id,
        f"user {number}",
        bytes([number]),
    )
    return OrganizationId(organization_id), UserId(user_id)


async def make_instance(
    database: Database, owner: tuple[OrganizationId, UserId], **parts: Any
) -> InstanceId:
    new = NewInstance(
        **{
            "organization_id": owner[0],
            "user_id": owner[1],
            "element_key": "maximizer",
            "name": "First",
            "tags": ["a"],
            "configuration": CONFIGURATION,
            "secrets": SECRETS,
            "token": f"secret-token-{uuid.uuid4()}",
            "webhook_secret": "whsec_c2VjcmV0LXdlYmhvb2s=",
            "grant": Grant(access_token="secret-access", refresh_token="secret-refresh"),
            "lease_owner": uuid.UUID(int=1),
            **parts,
        }
    )
    async with database.transaction() as connection:
        return await instance_changes.create(connection, KEYRING, new)


async def test_no_secret_stands_in_the_database_in_clear(
    database: Database, instances: Instances
) -> None:
    owner = await make_owner(database)
    instance_id = await make_instance(database, owner)
    row = await database.fetchrow("select * from instances")
    assert row is not None
    assert b"secret-" not in b" ".join(value for value in row.values() if isinstance(value, bytes))
    assert "secret-" not in str(row["configuration"])
    owned = await instances.get(owner[0], instance_id)
    assert owned.secrets == SECRETS
    assert owned.values == CONFIGURATION | SECRETS
    assert "secret-" not in repr(owned)


async def test_a_secret_moved_to_another_instance_does_not_open(
    database: Database, instances: Instances
) -> None:
    owner = await make_owner(database)
    first = await make_instance(database, owner)
    second = await make_instance(database, owner)
    await database.execute(
        "update instances set secrets = (select secrets from instances where id = $1)"
        " where id = $2",
        first,
        second,
    )
    with pytest.raises(UndecryptableSecret):
        await instances.get_account(second)
    assert (await instances.get_account(first)).configuration == CONFIGURATION | SECRETS


async def test_a_keyring_without_the_instances_key_is_refused(database: Database) -> None:
    await make_instance(database, await make_owner(database))
    await Accounts(database, KEYRING).check_keyring()
    with pytest.raises(UndecryptableSecret):
        await Accounts(database, Keyring([bytes(31) + b"\x01"])).check_keyring()


async def test_an_instance_is_found_by_its_own_organization_only(
    database: Database, instances: Instances
) -> None:
    ours, theirs = await make_owner(database, 1), await make_owner(database, 2)
    instance_id = await make_instance(database, ours, token="the-token")
    assert await instances.find_by_token(ours[0], "the-token") == instance_id
    assert await instances.find_by_token(theirs[0], "the-token") is None
    assert await instances.find_by_token(ours[0], "another") is None
    with pytest.raises(NotFound):
        await instances.get(theirs[0], instance_id)
    assert await instances.list_page(theirs[0], InstanceFilter(), limit=9, offset=0) == ([], 0)


async def test_the_endpoint_gets_everything_that_sending_needs(
    database: Database, instances: Instances
) -> None:
    owner = await make_owner(database)
    instance_id = await make_instance(database, owner)
    assert await instances.endpoint_configuration(instance_id) == EndpointConfiguration(
        url="https://our.example/hook",
        headers={"X-Key": "secret-header"},
        basic_username="anna",
        basic_password="secret-password",
        signature_key="secret-signature",
        webhook_secrets=["whsec_c2VjcmV0LXdlYmhvb2s="],
    )
    await instances.set_state(instance_id, InstanceState.DISABLED, None)
    with pytest.raises(InstanceDisabled):
        await instances.endpoint_configuration(instance_id)
    quiet = await make_instance(database, owner, configuration={}, secrets={})
    with pytest.raises(NotFound, match="callback URL"):
        await instances.endpoint_configuration(quiet)
    with pytest.raises(NotFound):
        await instances.endpoint_configuration(InstanceId(999))
    with pytest.raises(NotFound):
        await instances.get_account(InstanceId(999))


async def test_states_change_along_the_allowed_transitions_only(
    database: Database, instances: Instances
) -> None:
    instance_id = await make_instance(database, await make_owner(database))
    for before in InstanceState:
        for after in InstanceState:
            await database.execute("update instances set state = $1, state_reason = 'old'", before)
            changed = await instances.set_state(instance_id, after, "new")
            row = await database.fetchrow("select state, state_reason from instances")
            allowed = after in INSTANCE_TRANSITIONS[before] or after is before
            assert changed is allowed, (before, after)
            assert row is not None
            expected = (after, "new") if allowed else (before, "old")
            assert (row["state"], row["state_reason"]) == expected


async def test_a_repeated_state_writes_nothing(database: Database, instances: Instances) -> None:
    instance_id = await make_instance(database, await make_owner(database))
    await instances.set_state(instance_id, InstanceState.DEGRADED, "slow")
    since = await database.fetchval("select state_since from instances")
    assert not await instances.set_state(instance_id, InstanceState.DEGRADED, "slow")
    assert await instances.set_state(instance_id, InstanceState.DEGRADED, "slower")
    assert await database.fetchval("select state_since from instances") == since
    assert await instances.set_state(instance_id, InstanceState.ACTIVE, None)
    assert await database.fetchval("select state_since from instances") > since


async def test_a_change_holds_off_another_and_neither_deadlocks_with_commits(
    database: Database,
) -> None:
    owner = await make_owner(database)
    instance_id = await make_instance(database, owner)

    async def change(connection: Connection) -> None:
        await instance_changes.lock(connection, owner[0], instance_id)
        await write_resources(connection, instance_id, {"contacts": {}})

    async def commit(connection: Connection) -> None:
        token = await connection.fetchval("select token from leases")
        try:
            await leases.lock_shared(connection, instance_id, token)
        except Fenced:
            return
        await connection.execute("update instances set state_reason = 'x'")

    before = await database.fetchval("select token from leases")
    async with asyncio.timeout(30):
        await asyncio.gather(
            *(database.run_transaction(work) for _ in range(10) for work in (change, commit))
        )
    assert [resource.name for resource in await list_resources(database, instance_id)] == [
        "contacts"
    ]
    assert await database.fetchval("select token from leases") == before + 10


async def test_an_instance_without_lease_cannot_be_changed(database: Database) -> None:
    owner = await make_owner(database)
    instance_id = await make_instance(database, owner)
    await database.execute("delete from leases")
    for wanted in (instance_id, InstanceId(999)):
        with pytest.raises(NotFound):
            async with database.transaction() as connection:
                await instance_changes.lock(connection, owner[0], wanted)


async def fill(database: Database, instance_id: InstanceId, notifications: int) -> None:
    async with database.transaction() as connection:
        await write_resources(connection, instance_id, {"contacts": {}})
    resource_id = await database.fetchval(
        "select id from resources where instance_id = $1", instance_id
    )
    await database.execute(
        "insert into snapshots (resource_id, object_id, object_key, content_hash, revision,"
        " projection) select $1, n::text, n::text, '', 1, 1 from generate_series(1, 5) n",
        resource_id,
    )
    await database.execute(
        "insert into notifications (id, instance_id, resource_id, event_id, format, events, body,"
        " page_read_at) select nextval('notification_ids'), $1, $2,"
        " lpad((random() * 1e15)::bigint::text, 20, '0'), 'openconnectors', 1, '', now()"
        " from generate_series(1, $3)",
        instance_id,
        resource_id,
        notifications,
    )
    await database.execute(
        "update notifications set waits_for = (select min(id) from notifications"
        " where instance_id = $1) where id = (select max(id) from notifications)",
        instance_id,
    )


async def test_what_a_deleted_instance_leaves_is_cleared_away_in_small_batches(
    database: Database,
) -> None:
    owner = await make_owner(database)
    doomed, kept = await make_instance(database, owner), await make_instance(database, owner)
    for instance_id in (doomed, kept):
        await fill(database, instance_id, 7)
    assert await purge_deleted(database, 3) == 0
    async with database.transaction() as connection:
        await instance_changes.delete(connection, doomed)
    sizes = []
    while size := await purge_deleted(database, 3):
        sizes.append(size)
        assert len(sizes) < 20
    assert sizes == [3, 3, 1, 3, 2]
    states = await database.fetch(
        "select instance_id, state, count(*), count(waits_for) as waiting from notifications"
        " group by instance_id, state order by instance_id"
    )
    assert [tuple(row) for row in states] == [
        (doomed, "cancelled", 7, 0),
        (kept, "pending", 7, 1),
    ]
    await database.execute("delete from notifications where instance_id = $1", doomed)
    assert await purge_deleted(database, 3) == 1
    assert await database.fetchval("select array_agg(id) from instances") == [kept]
    assert await database.fetchval("select count(*) from snapshots") == 5


async def test_with_many_instances_every_query_keeps_to_an_index(
    database: Database, instances: Instances
) -> None:
    organization_id, user_id = await make_owner(database)
    await database.execute(
        "insert into instances (organization_id, user_id, element_key, name, token_digest, token,"
        " webhook_secret, deleted_at) select $1, $2, 'maximizer', 'number ' || n,"
        " int8send(n), '', '', case when n % 1000 = 0 then now() end"
        " from generate_series(1, 10000) n",
        organization_id,
        user_id,
    )
    async with database.transaction() as connection:
        await connection.execute("analyze instances")
    for query, arguments, index in (
        ("get", (1, 1), "instances_"),
        ("exists", (1, 1), "instances_"),
        ("lock", (1, 1), "instances_"),
        ("get_configuration", (1,), "instances_pkey"),
        ("get_endpoint", (1,), "instances_pkey"),
        ("set_state", (1, "active", "x", ["degraded"]), "instances_pkey"),
        ("find_by_token", (digest("x"), 1), "instances_token_digest_key"),
        ("list_page", (1, [], "", 100, 0), "instances_"),
        ("cancel_notifications", (100,), "instances_deleted"),
        ("delete_snapshots", (100,), "instances_deleted"),
        ("delete_instances", (100,), "instances_deleted"),
    ):
        plan = await database.fetch(f"explain {instance_changes.QUERIES[query]}", *arguments)
        text = "\n".join(row[0] for row in plan)
        assert index in text, f"{query}\n{text}"
        assert "Seq Scan on instances" not in text, f"{query}\n{text}"
    page, total = await instances.list_page(
        organization_id, InstanceFilter(text="NUMBER 999"), limit=5, offset=50
    )
    assert (page, total) == ([], 11)
