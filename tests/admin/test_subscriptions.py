from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from yarl import URL

from daemon.admin.context import AdminContext
from daemon.instance import InstanceId, NotificationState
from tests.admin.api import Api, Heard
from tests.admin.sources import Told, make_told

URL_OF_POLLS = "http://mycoolapp.com"
PATH = "/notifications/subscriptions/deliveries"


@pytest.fixture
def woken() -> list[InstanceId]:
    return []


@pytest.fixture
def context(context: AdminContext, woken: list[InstanceId]) -> AdminContext:
    return replace(context, wake=woken.append)


@pytest.fixture
async def told(api: Api, context: AdminContext) -> Told:
    return await make_told(api, context)


async def numbers(api: Api, where: str, **query: str) -> list[str]:
    reply = await api.get(URL(PATH).with_query(where=where, **query))
    assert reply.status == 200, reply.text
    return [entry["notificationId"] for entry in reply.json]


async def test_an_instance_with_a_callback_is_a_subscription(api: Api, told: Told) -> None:
    (listed,) = (await api.get("/notifications/subscriptions")).json

    assert listed == (await api.get(f"/notifications/subscriptions/{told.id}")).json
    assert (listed["id"], listed["channel"], listed["active"]) == (told.id, "webhook", True)
    assert listed["config"] == {"url": URL_OF_POLLS}
    assert listed["topics"] == [f"instance-{told.id}-maximizer-events"]
    assert (await api.get("/notifications/subscriptions/999")).status == 404
    assert (await api.get("/notifications/subscriptions/x")).status == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param({"channel": "webhook", "topics": ["x"]}, 400, id="no address"),
        pytest.param({"channel": "sms", "config": {"url": "https://a.example"}}, 400, id="sms"),
        pytest.param({"config": {"url": "http://127.0.0.1/"}}, 400, id="private"),
        pytest.param({"config": {"url": "https://a.example"}}, 409, id="well formed"),
    ],
)
async def test_what_cannot_be_created_is_said_in_words(
    api: Api, body: dict[str, Any], status: int
) -> None:
    reply = await api.call("POST", "/notifications/subscriptions", body)

    assert reply.status == status
    assert (status == 400) or ("event.notification.callback.url" in reply.json["message"])


async def test_a_subscription_is_ended_at_its_instance(api: Api, told: Told) -> None:
    reply = await api.call("DELETE", f"/notifications/subscriptions/{told.id}")

    assert reply.status == 409
    assert "event.notification.enabled" in reply.json["message"]


async def test_deliveries_are_found_by_status_and_callback(
    api: Api, told: Told, context: AdminContext
) -> None:
    dead, done, split, retrying, fresh = [str(await told.commit(each)) for each in "abcde"]
    for number, state in (
        (dead, NotificationState.DEAD),
        (done, NotificationState.DELIVERED),
        (split, NotificationState.SPLIT),
    ):
        await told.end(state, int(number))
    await context.database.execute(
        "update notifications set state = 'retrying' where id = $1", int(retrying)
    )
    here = f"channel='webhook' and config.url='{URL_OF_POLLS}'"

    assert await numbers(api, f"{here} and status='queued'") == [dead]
    assert await numbers(api, f"{here} and status='delivered'") == [done]
    assert await numbers(api, "status='retry'") == [retrying]
    assert await numbers(api, "status IN ('created', 'retry')") == [fresh, retrying]
    assert await numbers(api, "state='split'") == [split]
    assert await numbers(api, "") == [fresh, retrying, split, done, dead]
    assert await numbers(api, "channel='email'") == []
    assert await numbers(api, "config.url='http://elsewhere'") == []
    assert await numbers(api, f"subscriptionId={told.id + 1}") == []
    await context.database.execute("update endpoints set state = 'disabled'")
    assert await numbers(api, "status='queued'") == [fresh, retrying, dead]
    assert await numbers(api, "status='created'") == []


@pytest.mark.parametrize(
    "where", ["", "status IN ('created','queued')"], ids=["all", "undelivered"]
)
async def test_pages_of_deliveries_bring_each_once(api: Api, told: Told, where: str) -> None:
    wanted = [str(await told.commit(f"o{number}")) for number in range(5)]
    await told.end(NotificationState.DEAD, int(wanted[2]))

    found, token = list[str](), ""
    for _ in range(3):
        reply = await api.get(
            URL(PATH).with_query(where=where, pageSize=2, **({"nextPage": token} if token else {}))
        )
        found += [entry["notificationId"] for entry in reply.json]
        token = reply.headers.get("Elements-Next-Page-Token", "")

    assert found == wanted[::-1]
    assert not token


@pytest.mark.parametrize(
    "where",
    [
        "status=",
        "status='lost'",
        "state='lost'",
        "colour='red'",
        "status LIKE 'q%'",
        "status='queued' OR status='retry'",
        "subscriptionId='x'",
    ],
)
async def test_a_where_that_cannot_be_answered_is_refused(api: Api, where: str) -> None:
    reply = await api.get(URL(PATH).with_query(where=where))

    assert (reply.status, list(reply.faults)) == (400, ["where"])


async def test_resending_enables_the_callback_and_revives_what_is_dead(
    api: Api, told: Told, context: AdminContext, heard: Heard, woken: list[InstanceId]
) -> None:
    dead = await told.commit("a")
    await told.end(NotificationState.DEAD)
    await context.database.execute("update endpoints set state = 'disabled'")
    where = f"channel='webhook' and status='queued' and config.url='{URL_OF_POLLS}'"

    reply = await api.call("PUT", URL(PATH).with_query(where=where))

    assert reply.json == {"subscriptions": [told.id], "notifications": 1, "events": 1}
    assert (await told.row(dead))["state"] == "pending"
    assert await context.database.fetchval("select state from endpoints") == "healthy"
    assert heard.changed == woken == [told.id]
    other = await api.call("PUT", URL(PATH).with_query(where="config.url='http://elsewhere'"))
    assert other.json["subscriptions"] == []


async def test_the_deliveries_of_one_notification_include_its_parts(
    api: Api, told: Told, context: AdminContext
) -> None:
    whole, part = await told.commit("a"), await told.commit("b")
    await told.end(NotificationState.SPLIT, whole)
    await context.database.execute(
        "update notifications set parent_id = $1 where id = $2", whole, part
    )
    base = f"/notifications/{whole}/subscriptions"

    found = (await api.get(f"{base}/{told.id}/deliveries?hydrate=true")).json

    assert [entry["notificationId"] for entry in found] == [str(whole), str(part)]
    assert [entry["status"] for entry in found] == ["notified", "created"]
    assert found[0]["subscription"]["id"] == told.id
    assert "subscription" not in (await api.get(f"{base}/deliveries")).json[0]
    assert (await api.get(f"{base}/{told.id + 1}/deliveries")).status == 404
