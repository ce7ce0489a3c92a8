"""What owners do to their instances, and that it holds from the answer on."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from daemon.admin.context import AdminContext
from daemon.connectors.connector import Grant
from daemon.errors import Fenced
from daemon.instance import InstanceId, InstanceState
from daemon.store import leases
from daemon.store.credentials import Credentials as StoredCredentials
from tests.admin.api import Api, Heard, body_of, polling_body_of
from tests.admin.provider import Provider

POLLING = "event.poller.configuration"


async def create(api: Api, body: dict[str, Any] | None = None) -> dict[str, Any]:
    reply = await api.call("POST", "/instances", body or polling_body_of())
    assert reply.status == 200, reply.text
    created: dict[str, Any] = reply.json
    return created


async def resources(context: AdminContext) -> dict[str, Any]:
    rows = await context.database.fetch("select * from resources order by position")
    return {row["name"]: row for row in rows}


async def lease_token(context: AdminContext) -> int:
    return int(await context.database.fetchval("select token from leases"))


async def test_patch_merges_the_configuration_and_put_replaces_it(api: Api) -> None:
    created = await create(api, body_of(**{"maximizer.alias": "a", "event.poller.timezone": "UTC"}))
    path = f"/instances/{created['id']}"
    merged = await api.call("PATCH", path, {"configuration": {"maximizer.alias": "b"}})
    assert merged.status == 200, merged.text
    assert merged.json["configuration"] == created["configuration"] | {"maximizer.alias": "b"}
    kept = {
        key: merged.json["configuration"][key]
        for key in ("oauth.api.key", "oauth.api.secret", "oauth.callback.url")
    }
    replaced = await api.call("PUT", path, {"configuration": kept})
    assert replaced.status == 200, replaced.text
    assert replaced.json["configuration"] == kept


async def test_a_null_takes_a_key_out(api: Api) -> None:
    created = await create(api, body_of(**{"maximizer.alias": "a"}))
    reply = await api.call(
        "PATCH", f"/instances/{created['id']}", {"configuration": {"maximizer.alias": None}}
    )
    assert "maximizer.alias" not in reply.json["configuration"]


async def test_a_mask_sent_back_keeps_the_secret(api: Api, context: AdminContext) -> None:
    created = await create(api)
    path = f"/instances/{created['id']}"
    read = (await api.get(path)).json
    reply = await api.call("PUT", path, read | {"name": "Renamed"})
    assert reply.status == 200, reply.text
    account = await context.instances.get_account(InstanceId(created["id"]))
    assert account.configuration["oauth.api.secret"] == "client-secret"
    assert account.configuration["oauth.api.key"] == "client-id"
    assert reply.json["name"] == "Renamed"


async def test_tags_are_replaced_and_what_is_not_mentioned_stays(api: Api) -> None:
    created = await create(api)
    reply = await api.call("PATCH", f"/instances/{created['id']}", {"tags": ["b", "a", "b"]})
    assert reply.json["tags"] == ["b", "a"]
    for key in ("name", "token", "configuration", "createdDate"):
        assert reply.json[key] == created[key]


async def test_a_wrong_change_changes_nothing(api: Api, heard: Heard, provider: Provider) -> None:
    created = await create(api)
    path = f"/instances/{created['id']}"
    before = (await api.get(path)).json
    for body in (
        {"name": ""},
        {"element": {"key": "other"}},
        {"configuration": {"event.poller.refresh_interval": 0}},
        {"configuration": {"oauth.api.secret": None}, "providerData": {"code": "code-9"}},
        {"configuration": {"event.notification.callback.url": "http://192.168.0.1"}},
        {"onFilterChange": "sometimes"},
        {"onFilterChange": ["keep"]},
        {"unknown": 1},
    ):
        reply = await api.call("PATCH", path, body)
        assert reply.status == 400, body
    assert (await api.get(path)).json == before
    assert heard.changed == []
    assert provider.exchanged == ["code-0"]


async def test_a_change_fences_what_began_before_it(
    api: Api, heard: Heard, context: AdminContext
) -> None:
    created = await create(api)
    instance_id = InstanceId(created["id"])
    path = f"/instances/{instance_id}"
    calls: list[tuple[str, str, Any]] = [
        ("PATCH", path, {"name": "Renamed"}),
        ("PUT", f"{path}/enabled", None),
        ("DELETE", f"{path}/enabled", None),
        ("DELETE", path, None),
    ]
    for number, (method, address, body) in enumerate(calls, 1):
        token = await lease_token(context)
        assert (await api.call(method, address, body)).status == 200
        assert heard.changed == [instance_id] * number
        with pytest.raises(Fenced):
            async with context.database.transaction() as connection:
                await leases.lock_shared(connection, instance_id, token)


async def test_a_change_waits_for_the_commit_under_way(api: Api, context: AdminContext) -> None:
    created = await create(api)
    instance_id = InstanceId(created["id"])
    token = await lease_token(context)
    async with asyncio.timeout(20):
        async with context.database.transaction() as connection:
            await leases.lock_shared(connection, instance_id, token)
            change = asyncio.create_task(api.call("DELETE", f"/instances/{instance_id}/enabled"))
            done, _ = await asyncio.wait([change], timeout=0.2)
            assert not done
        assert (await change).json["disabled"] is True


async def test_every_change_raises_the_version_of_every_resource(
    api: Api, context: AdminContext
) -> None:
    created = await create(api)
    await api.call("PATCH", f"/instances/{created['id']}", {"name": "Renamed"})
    assert {row["version"] for row in (await resources(context)).values()} == {2}


async def test_a_resource_left_out_stops_and_comes_back_with_its_cursor(
    api: Api, context: AdminContext
) -> None:
    created = await create(api)
    path = f"/instances/{created['id']}"
    await context.database.execute(
        "update resources set state = 'active', cursor_at = now(), baseline_at = now()"
        " where name in ('contacts', 'companies')"
    )
    cursor = (await resources(context))["contacts"]["cursor_at"]
    await api.call("PATCH", path, {"configuration": {POLLING: {"companies": {}, "leads": {}}}})
    states = {name: row["state"] for name, row in (await resources(context)).items()}
    assert states == {
        "contacts": "stopped",
        "companies": "active",
        "addressbook-entries": "stopped",
        "opportunities": "stopped",
        "leads": "baseline_pending",
    }
    back = {POLLING: {"opportunities": {}, "contacts": {}}}
    await api.call("PATCH", path, {"configuration": back})
    rows = await resources(context)
    assert [name for name in rows if rows[name]["state"] != "stopped"] == [
        "opportunities",
        "contacts",
    ]
    assert (rows["contacts"]["state"], rows["contacts"]["cursor_at"]) == ("active", cursor)
    assert rows["opportunities"]["state"] == "baseline_pending"


async def test_events_switched_off_stop_every_resource(api: Api, context: AdminContext) -> None:
    created = await create(api)
    path = f"/instances/{created['id']}"
    for enabled, state in ((False, "stopped"), (True, "baseline_pending")):
        await api.call("PATCH", path, {"configuration": {"event.notification.enabled": enabled}})
        assert {row["state"] for row in (await resources(context)).values()} == {state}


async def test_a_changed_resource_drops_its_resume_point_and_others_keep_theirs(
    api: Api, context: AdminContext
) -> None:
    created = await create(api)
    await context.database.execute("update resources set resume = '{\"anchor\": null}'::jsonb")
    entries = {"contacts": {"pageSize": 7}, "companies": {}}
    await api.call("PATCH", f"/instances/{created['id']}", {"configuration": {POLLING: entries}})
    rows = await resources(context)
    assert rows["contacts"]["resume"] is None
    assert rows["companies"]["resume"] == {"anchor": None}


async def test_two_changes_at_once_are_both_kept(api: Api) -> None:
    created = await create(api)
    path = f"/instances/{created['id']}"
    changes = [{"maximizer.alias": "b"}, {"filter.response.nulls": False}, {"bulk.x": "1"}]
    async with asyncio.timeout(20):
        replies = await asyncio.gather(
            *(api.call("PATCH", path, {"configuration": change}) for change in changes)
        )
    assert [reply.status for reply in replies] == [200] * 3
    configuration = (await api.get(path)).json["configuration"]
    for change in changes:
        assert change.items() <= configuration.items()


async def test_new_consent_ends_needs_reauth(
    api: Api, context: AdminContext, provider: Provider
) -> None:
    created = await create(api)
    instance_id = InstanceId(created["id"])
    path = f"/instances/{instance_id}"
    await context.instances.set_state(instance_id, InstanceState.NEEDS_REAUTH, "token refused")
    read = (await api.get(path)).json
    assert (read["state"], read["stateReason"], read["valid"]) == (
        "needs_reauth",
        "token refused",
        False,
    )
    reply = await api.call("PATCH", path, {"providerData": {"code": "code-1"}})
    assert reply.status == 200, reply.text
    assert (reply.json["state"], reply.json["valid"]) == ("active", True)
    assert provider.exchanged == ["code-0", "code-1"]
    stored = await StoredCredentials(context.database, context.keyring).load(instance_id)
    assert stored.generation == 2
    assert stored.grant == Grant(access_token="a-code-1", refresh_token="r-code-1")


async def test_another_client_secret_lets_the_provider_be_asked_again(
    api: Api, context: AdminContext
) -> None:
    created = await create(api)
    path = f"/instances/{created['id']}"
    await context.instances.set_state(
        InstanceId(created["id"]), InstanceState.NEEDS_REAUTH, "client refused"
    )
    same = await api.call("PATCH", path, {"name": "Renamed"})
    assert same.json["state"] == "needs_reauth"
    other = await api.call("PATCH", path, {"configuration": {"oauth.api.secret": "new"}})
    assert other.json["state"] == "active"


async def test_a_refused_consent_changes_nothing(api: Api, context: AdminContext) -> None:
    created = await create(api)
    path = f"/instances/{created['id']}"
    before = (await api.get(path)).json
    reply = await api.call("PUT", path, {"name": "No", "providerData": {"code": "unknown"}})
    assert (reply.status, reply.json["providerMessage"]) == (
        400,
        "invalid_grant: the code is unknown",
    )
    assert (await api.get(path)).json == before


async def test_disabling_and_enabling(api: Api, context: AdminContext) -> None:
    created = await create(api)
    path = f"/instances/{created['id']}"
    for _ in range(2):
        disabled = (await api.call("DELETE", f"{path}/enabled")).json
        assert (disabled["state"], disabled["disabled"]) == ("disabled", True)
    for _ in range(2):
        enabled = (await api.call("PUT", f"{path}/enabled")).json
        assert (enabled["state"], enabled["disabled"]) == ("active", False)
    assert len(await resources(context)) == 4


async def test_enabling_does_not_hide_that_consent_is_missing(
    api: Api, context: AdminContext
) -> None:
    created = await create(api)
    await context.instances.set_state(
        InstanceId(created["id"]), InstanceState.NEEDS_REAUTH, "token refused"
    )
    reply = await api.call("PUT", f"/instances/{created['id']}/enabled")
    assert reply.json["state"] == "needs_reauth"


async def test_a_deleted_instance_is_gone_with_its_secrets(api: Api, context: AdminContext) -> None:
    created = await create(api)
    path = f"/instances/{created['id']}"
    reply = await api.call("DELETE", path)
    assert (reply.status, reply.json) == (200, {})
    calls: list[tuple[str, str, Any]] = [
        ("GET", path, None),
        ("PATCH", path, {"name": "x"}),
        ("PUT", path, {"name": "x"}),
        ("DELETE", path, None),
        ("PUT", f"{path}/enabled", None),
        ("GET", f"{path}/state", None),
        ("GET", f"{path}/configuration", None),
    ]
    for method, address, body in calls:
        assert (await api.call(method, address, body)).status == 404, (method, address)
    assert (await api.get("/instances")).json == []
    row = await context.database.fetchrow("select * from instances")
    assert row is not None
    assert (row["secrets"], row["credentials"], row["token"], row["webhook_secret"]) == (
        None,
        None,
        b"",
        b"",
    )
    assert await context.database.fetchval("select count(*) from leases") == 0


async def test_the_configuration_item_by_item(api: Api) -> None:
    created = await create(api)
    path = f"/instances/{created['id']}/configuration"
    items = {item["key"]: item for item in (await api.get(path)).json}
    assert items["event.notification.enabled"]["propertyValue"] == "true"
    assert items["event.poller.refresh_interval"]["propertyValue"] == "15"
    assert items["oauth.api.secret"]["propertyValue"] == "********"
    assert items["maximizer.datacenter"]["propertyValue"] == "caw"
    assert "maximizer.alias" not in items
    item = items["event.notification.enabled"]
    assert (await api.get(f"{path}/{item['id']}")).json == item
    assert (await api.get(f"{path}/event.notification.enabled")).json == item
    assert (await api.get(f"{path}/maximizer.alias")).json["propertyValue"] is None
    assert (await api.get(f"{path}/12345")).status == 404
    changed = await api.call("PATCH", f"{path}/{item['id']}", item | {"propertyValue": "false"})
    assert changed.json == item | {"propertyValue": "false"}
    assert (await api.get(f"/instances/{created['id']}")).json["eventsEnabled"] is False


async def test_a_wrong_configuration_item_is_refused(api: Api) -> None:
    created = await create(api)
    path = f"/instances/{created['id']}/configuration/event.poller.refresh_interval"
    for body, field in (
        ({}, "propertyValue"),
        ({"propertyValue": "x", "key": "other"}, "key"),
        ({"propertyValue": "0"}, "event.poller.refresh_interval"),
    ):
        reply = await api.call("PATCH", path, body)
        assert reply.status == 400
        assert field in reply.faults
