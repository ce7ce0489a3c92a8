from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any

import orjson
import pytest
import pytest_asyncio
import standardwebhooks

from daemon.address_guard import AddressGuard
from daemon.admin.context import AdminContext
from daemon.delivery.signing import elements_signature
from daemon.settings import DeliverySettings
from tests.admin.api import Api, Heard
from tests.admin.sources import Told, make_told
from tests.delivery.receiver import HANG_UP, Arrival, Receiver


@pytest.fixture
def guard() -> AddressGuard:
    return AddressGuard([ip_network("127.0.0.0/8")])


@pytest.fixture
def delivery() -> DeliverySettings:
    return DeliverySettings()


@pytest.fixture
def context(context: AdminContext, delivery: DeliverySettings) -> AdminContext:
    return replace(context, delivery=delivery)


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as receiver:
        yield receiver


@pytest_asyncio.fixture
async def told(api: Api, context: AdminContext, receiver: Receiver) -> Told:
    more = {
        "event.notification.callback.url": receiver.url(),
        "event.notification.signature.key": "key",
    }
    return await make_told(api, context, **more)


async def set_endpoint(context: AdminContext, told: Told, state: str, **values: Any) -> None:
    await context.database.execute(
        "update endpoints set state = $2, failing_since = $3, counted_since = $3,"
        " disabled_reason = $4, warned = 70, last_error = 'no answer' where instance_id = $1",
        told.id,
        state,
        values.get("since"),
        values.get("reason"),
    )


async def test_an_endpoint_says_how_it_is_doing_and_when_it_will_be_given_up(
    api: Api, context: AdminContext, told: Told
) -> None:
    since = datetime.now(UTC) - timedelta(days=3.6)
    await told.commit("a")
    fine = (await api.get(f"{told.path}/endpoint")).json
    await set_endpoint(context, told, "failing", since=since)

    failing = (await api.get(f"{told.path}/endpoint")).json

    assert (fine["state"], fine["active"], fine["pendingNotifications"]) == ("healthy", True, 1)
    assert fine["disablesAt"] is None
    assert (failing["state"], failing["lastError"]) == ("failing", "no answer")
    assert failing["warningPercent"] == 70
    assert failing["disablesAt"] == f"{since + timedelta(days=5):%Y-%m-%dT%H:%M:%SZ}"


async def test_whoever_asks_for_the_state_of_an_instance_is_told_of_its_callback(
    api: Api, context: AdminContext, told: Told
) -> None:
    fine = (await api.get(f"{told.path}/state")).json
    await set_endpoint(context, told, "disabled", since=datetime.now(UTC), reason="It is gone")

    disabled = (await api.get(f"{told.path}/state")).json

    assert fine["state"] == disabled["state"] == "active"
    assert (fine["endpoint"]["state"], fine["endpoint"]["active"]) == ("healthy", True)
    endpoint = disabled["endpoint"]
    assert (endpoint["state"], endpoint["active"]) == ("disabled", False)
    assert (endpoint["disabledReason"], endpoint["disablesAt"]) == ("It is gone", None)
    assert endpoint["stateSince"] is not None


async def test_an_enabled_endpoint_is_trusted_again_and_its_backlog_is_due_in_order(
    api: Api, context: AdminContext, told: Told, heard: Heard
) -> None:
    numbers = [await told.commit(each) for each in "ab"]
    later = datetime.now(UTC) + timedelta(days=1)
    await context.database.execute(
        "update notifications set state = 'retrying', attempts = 4, due_at = $1", later
    )
    await set_endpoint(context, told, "disabled", reason="gone")
    token = await context.database.fetchval("select token from leases")

    reply = await api.call("POST", f"{told.path}/endpoint/enable")

    assert (reply.json["state"], reply.json["disabledReason"]) == ("healthy", None)
    rows = [await told.row(number) for number in numbers]
    assert [row["attempts"] for row in rows] == [0, 0]
    assert rows[0]["due_at"] < rows[1]["due_at"] < later
    assert heard.changed == [told.id]
    assert await context.database.fetchval("select token from leases") == token + 1


async def test_an_enabled_endpoint_gets_its_backlog_though_a_clock_that_was_ahead_made_it(
    api: Api, context: AdminContext, told: Told
) -> None:
    number = await told.commit("a")
    later = datetime.now(UTC) + timedelta(hours=1)
    await context.database.execute(
        "update notifications set state = 'retrying', page_read_at = $1, due_at = $1", later
    )

    await api.call("POST", f"{told.path}/endpoint/enable")

    assert (await told.row(number))["due_at"] <= datetime.now(UTC)


@pytest.mark.parametrize("state", ["failing", "disabled"])
async def test_a_callback_that_moves_is_a_new_one_and_gets_at_once_what_the_old_one_did_not_take(
    api: Api, context: AdminContext, told: Told, receiver: Receiver, state: str
) -> None:
    number = await told.commit("a")
    later = datetime.now(UTC) + timedelta(days=1)
    await context.database.execute(
        "update notifications set state = 'retrying', attempts = 4, due_at = $1", later
    )
    await set_endpoint(context, told, state, since=datetime.now(UTC), reason="gone")

    for url, expected in ((receiver.url(), state), (receiver.url("/moved"), "healthy")):
        change = {"configuration": {"event.notification.callback.url": url}}
        assert (await api.call("PATCH", told.path, change)).status == 200
        assert (await api.get(f"{told.path}/endpoint")).json["state"] == expected

    row = await told.row(number)
    assert (row["attempts"], row["due_at"] < later) == (0, True)


async def test_a_rotated_secret_is_shown_once_and_the_old_one_signs_along(
    api: Api, context: AdminContext, told: Told, heard: Heard
) -> None:
    reply = await api.call("POST", f"{told.path}/endpoint/rotate-secret")

    configuration = await context.instances.endpoint_configuration(told.source.instance_id)
    assert list(configuration.webhook_secrets) == [reply.json["webhookSecret"]]
    ((old, until),) = configuration.retiring_secrets
    assert old == told.instance["webhookSecret"]
    assert timedelta(hours=23) < until - datetime.now(UTC) <= timedelta(hours=24)
    assert heard.changed == [told.id]
    assert "webhookSecret" not in (await api.get(told.path)).json
    body = {"overlapHours": 0}
    await api.call("POST", f"{told.path}/endpoint/rotate-secret", body)
    configuration = await context.instances.endpoint_configuration(told.source.instance_id)
    assert [secret for secret, _ in configuration.retiring_secrets] == [old]


@pytest.mark.parametrize("hours", [-1, 1000, "24", True], ids=repr)
async def test_an_overlap_that_makes_no_sense_is_refused(
    api: Api, told: Told, hours: object
) -> None:
    body = {"overlapHours": hours}
    reply = await api.call("POST", f"{told.path}/endpoint/rotate-secret", body)

    assert (reply.status, list(reply.faults)) == (400, ["overlapHours"])


@pytest.mark.parametrize("kind", ["openconnectors", "cloudevents", "standard"])
async def test_a_ping_is_signed_as_a_notification_is_and_holds_no_event(
    api: Api, context: AdminContext, receiver: Receiver, kind: str
) -> None:
    more = {
        "event.notification.callback.url": receiver.url(),
        "event.notification.signature.key": "key",
        "event.notification.format": kind,
    }
    told = await make_told(api, context, **more)

    verdict = (await api.call("POST", f"{told.path}/endpoint/ping")).json

    (arrival,) = receiver.arrivals
    webhook = standardwebhooks.Webhook(told.instance["webhookSecret"])
    webhook.verify(arrival.body, arrival.headers)
    signature = arrival.headers["Elements-Webhook-Signature"]
    assert signature == elements_signature("key", arrival.body)
    assert arrival.headers["Elements-Ping"] == "true"
    assert orjson.loads(arrival.body)
    assert (verdict["accepted"], verdict["status"], verdict["tls"]) == (True, 200, None)
    assert (verdict["resolved"], verdict["connected"]) == (True, True)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(500, (True, True, 500), id="status"),
        pytest.param(302, (True, True, 302), id="redirect"),
        pytest.param(HANG_UP, (True, True, None), id="cut off"),
    ],
)
async def test_the_verdict_of_a_ping_says_how_far_it_got(
    api: Api, told: Told, receiver: Receiver, answer: int, expected: tuple[object, ...]
) -> None:
    async def give(_arrival: Arrival) -> int:
        return answer

    receiver.answering = give

    verdict = (await api.call("POST", f"{told.path}/endpoint/ping")).json

    assert not verdict["accepted"]
    assert (verdict["resolved"], verdict["connected"], verdict["status"]) == expected
    assert verdict["milliseconds"] >= 0
    assert verdict["message"].endswith(".")


@pytest.mark.parametrize(
    "delivery", [DeliverySettings(timeout_seconds=0.3, connect_timeout_seconds=0.2)], ids=["hasty"]
)
async def test_the_verdict_tells_a_callback_that_sits_on_its_answer_from_one_that_never_speaks(
    api: Api, told: Told, receiver: Receiver
) -> None:
    async def sit(_arrival: Arrival) -> int:
        await asyncio.Event().wait()
        return 200

    receiver.answering = sit
    slow = (await api.call("POST", f"{told.path}/endpoint/ping")).json
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/"
        change = {"configuration": {"event.notification.callback.url": url}}
        await api.call("PATCH", told.path, change)
        unheard = (await api.call("POST", f"{told.path}/endpoint/ping")).json

    reached = ("resolved", "connected", "tls", "status")
    assert [slow[each] for each in reached] == [True, True, None, None]
    assert [unheard[each] for each in reached] == [None] * 4


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        pytest.param("http://nowhere.invalid", (False, False, None), id="no such name"),
        pytest.param("https://127.0.0.1", (True, True, False), id="no TLS"),
    ],
)
async def test_the_verdict_tells_a_name_from_a_connection_from_tls(
    api: Api, context: AdminContext, receiver: Receiver, origin: str, expected: object
) -> None:
    url = f"{origin}:{receiver.port}/callback"
    told = await make_told(api, context, **{"event.notification.callback.url": url})

    verdict = (await api.call("POST", f"{told.path}/endpoint/ping")).json

    assert (verdict["resolved"], verdict["connected"], verdict["tls"]) == expected
    assert (verdict["status"], verdict["accepted"]) == (None, False)


async def test_a_callback_is_tried_out_before_there_is_an_instance(
    api: Api, receiver: Receiver
) -> None:
    reply = await api.call("POST", "/callbacks/test", {"url": receiver.url()})
    await receiver.stop()
    silent = await api.call("POST", "/callbacks/test", {"url": receiver.url()})

    assert reply.json["status"] == 200
    assert set(reply.json) == {"status", "milliseconds"}
    assert silent.status == 200
    assert silent.json["status"] is None
    assert silent.json["milliseconds"] >= 0
    assert "could not be connected to" in silent.json["error"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        pytest.param({}, "url", id="none"),
        pytest.param({"url": "ftp://example.org"}, "url", id="another scheme"),
        pytest.param({"url": "https://example.org", "x": 1}, "x", id="something else"),
    ],
)
async def test_what_is_no_callback_is_refused(api: Api, body: dict[str, Any], field: str) -> None:
    reply = await api.call("POST", "/callbacks/test", body)

    assert (reply.status, list(reply.faults)) == (400, [field])


async def test_a_private_address_is_not_tried_out(api: Api) -> None:
    reply = await api.call("POST", "/callbacks/test", {"url": "http://10.0.0.1/"})
    assert "allowed_private_networks" in reply.faults["url"]

    assert reply.status == 400
    assert "security.allowed_private_networks" in reply.json["message"]
