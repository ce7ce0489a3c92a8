"""POST /instances: what it takes, what it refuses, and what is left when it fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from daemon.admin.context import AdminContext
from daemon.connectors.connector import Grant
from daemon.errors import (
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
)
from daemon.instance import InstanceId
from daemon.store.credentials import Credentials as StoredCredentials
from tests.admin.api import Api, Heard, body_of, polling_body_of
from tests.admin.provider import Provider

PATTERN = "yyyy-MM-dd'T'HH:mm:ssXXX"


async def count_instances(context: AdminContext) -> int:
    return int(await context.database.fetchval("select count(*) from instances"))


async def test_the_body_of_the_original_works_verbatim(
    api: Api, heard: Heard, context: AdminContext
) -> None:
    reply = await api.call("POST", "/elements/api-v2/instances", polling_body_of())
    assert reply.status == 200, reply.text
    instance_id = reply.json["id"]
    assert heard.created == [instance_id]
    state = (await api.get(f"/instances/{instance_id}/state")).json
    assert [(entry["name"], entry["state"]) for entry in state["resources"]] == [
        ("contacts", "baseline pending"),
        ("companies", "baseline pending"),
        ("addressbook-entries", "baseline pending"),
        ("opportunities", "baseline pending"),
    ]
    lease = await context.database.fetchrow("select * from leases")
    assert lease is not None
    assert (lease["instance_id"], lease["owner"]) == (instance_id, context.lease_owner)
    assert await context.database.fetchval("select instance_id from endpoints") == instance_id


async def test_the_answer_is_the_object_of_the_original(api: Api) -> None:
    created = (await api.call("POST", "/instances", body_of("Instance via API"))).json
    assert isinstance(created["id"], int)
    assert created["name"] == "Instance via API"
    assert created["createdDate"].endswith("Z")
    assert len(created["createdDate"]) == len("2017-11-30T21:53:35Z")
    assert created["element"]["key"] == "maximizer"
    assert created["element"]["authentication"] == {"type": "oauth2"}
    assert created["elementId"] == created["element"]["id"] == 5127
    assert created["tags"] == ["Docs"]
    assert (created["valid"], created["disabled"]) == (True, False)
    assert created["eventsEnabled"] is False
    assert created["externalAuthentication"] == "none"
    assert set(created["user"]) == {"id", "emailAddress", "firstName", "lastName"}
    assert created["state"] == "active"
    for key in (
        "provisionInteractions",
        "maxCacheSize",
        "cacheTimeToLive",
        "traceLoggingEnabled",
        "cachingEnabled",
    ):
        assert key in created


async def test_secrets_come_back_masked_and_the_webhook_secret_once(api: Api) -> None:
    reply = await api.call("POST", "/instances", body_of())
    created = reply.json
    assert created["configuration"] == {
        "oauth.callback.url": "https://our.example/callback",
        "oauth.api.key": "********",
        "oauth.api.secret": "********",
    }
    assert "providerData" not in created
    assert "client-secret" not in reply.text
    assert created["webhookSecret"].startswith("whsec_")
    read = await api.get(f"/instances/{created['id']}")
    assert "webhookSecret" not in read.json
    assert read.json["token"] == created["token"]


async def test_texts_and_natural_types_mean_the_same(api: Api) -> None:
    natural: dict[str, Any] = {
        "event.notification.enabled": True,
        "event.poller.refresh_interval": 0.5,
        "filter.response.nulls": False,
    }
    texts = {
        "event.notification.enabled": "true",
        "event.poller.refresh_interval": "0.5",
        "filter.response.nulls": "False",
    }
    configurations = []
    for number, values in enumerate((natural, texts)):
        body = polling_body_of("Polls", f"code-{number}", **values)
        configurations.append((await api.call("POST", "/instances", body)).json["configuration"])
    assert configurations[0] == configurations[1]


async def test_a_polling_configuration_may_be_an_escaped_text(api: Api) -> None:
    text = '{"contacts": {"pageSize": "50"}}'
    body = polling_body_of(**{"event.poller.configuration": text})
    created = (await api.call("POST", "/instances", body)).json
    assert created["configuration"]["event.poller.configuration"] == text
    state = (await api.get(f"/instances/{created['id']}/state")).json
    assert [entry["name"] for entry in state["resources"]] == ["contacts"]


async def test_without_a_polling_configuration_the_defaults_are_polled(api: Api) -> None:
    body = polling_body_of(**{"event.poller.configuration": None})
    created = (await api.call("POST", "/instances", body)).json
    state = (await api.get(f"/instances/{created['id']}/state")).json
    assert len(state["resources"]) == 4


async def test_without_events_nothing_is_polled(api: Api, context: AdminContext) -> None:
    for number, enabled in enumerate(("false", False, None)):
        body = polling_body_of("Quiet", f"code-{number}", **{"event.notification.enabled": enabled})
        assert (await api.call("POST", "/instances", body)).status == 200
    assert await context.database.fetchval("select count(*) from resources") == 0


async def test_the_element_may_be_named_in_every_way(api: Api) -> None:
    ways: list[tuple[str, object]] = [
        ("/instances", {"key": "maximizer"}),
        ("/instances", {"id": 5127}),
        ("/instances", "maximizer"),
        ("/instances", 5127),
        ("/elements/maximizer/instances", None),
        ("/elements/5127/instances", {"key": "anything"}),
        ("/elements/api-v2/elements/5127/instances", None),
    ]
    for number, (path, element) in enumerate(ways):
        body = body_of(code=f"code-{number}") | {"element": element}
        reply = await api.call("POST", path, body)
        assert reply.json["element"]["key"] == "maximizer", (path, element, reply.text)


async def test_all_faults_are_told_at_once_and_the_code_is_not_spent(
    api: Api, provider: Provider, context: AdminContext
) -> None:
    body = {
        "element": {"key": "maximizr"},
        "providerData": {"code": ""},
        "tags": [1],
        "name": " ",
        "configuratoin": {},
    }
    reply = await api.call("POST", "/instances", body)
    assert reply.status == 400
    assert set(reply.faults) == {
        "element",
        "providerData.code",
        "tags",
        "name",
        "configuratoin",
    }
    assert "did you mean configuration?" in reply.faults["configuratoin"]
    configuration = {
        "event.notification.enabled": "maybe",
        "event.notification.format": "xml",
        "event.notification.calback.url": "https://example.com",
        "event.notification.callback.url": "ftp://example.com",
        "event.poller.refresh_interval": "0",
        "event.poller.timezone": "Mars/Phobos",
        "event.notification.callback.headers": {"Host": "x"},
        "oauth.api.secret": "********",
        "oauth.callback.url": None,
        "maximizer.alias": ["a"],
    }
    reply = await api.call("POST", "/instances", body_of(**configuration))
    assert reply.status == 400
    assert set(reply.faults) == set(configuration)
    assert "event.notification.callback.url" in reply.faults["event.notification.calback.url"]
    assert "1 s" in reply.faults["event.poller.refresh_interval"]
    for field in configuration:
        assert field in reply.json["message"]
    assert provider.exchanged == []
    assert await count_instances(context) == 0


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"event.notification.callback.url": None}, "event.notification.callback.url", "is needed"),
    ({"event.poller.configuration": {}}, "event.poller.configuration", "no resource"),
    (
        {"event.poller.configuration": {"contacts": {"firstRun": "from:2999-01-31T00:00:00Z"}}},
        "event.poller.configuration.contacts.firstRun",
        "begins in the future",
    ),
    (
        {"event.poller.configuration": {"contacts": {"idField": ""}}},
        "event.poller.configuration.contacts.idField",
        "",
    ),
    (
        {"event.poller.configuration": {"contacts": {"url": "https://elsewhere.example"}}},
        "event.poller.configuration.contacts.url",
        "hub",
    ),
    (
        {"event.poller.configuration": {"notes": {}}},
        "event.poller.configuration.notes",
        "notes have no date of change",
    ),
    ({"event.poller.configuration": "{not json"}, "event.poller.configuration", "JSON"),
    (
        {"event.poller.configuration": {"contacts": {"ignoreFields": ["a\x00b"]}}},
        "event.poller.configuration",
        "NUL",
    ),
    ({"event.notification.signature.key": "a\x00b"}, "event.notification.signature.key", "NUL"),
    ({"event.poller.refresh_interval": -1}, "event.poller.refresh_interval", "floor"),
    ({"event.poller.refresh_interval": "soon"}, "event.poller.refresh_interval", "number"),
    ({"event.vendor.type": "webhook"}, "event.vendor.type", "polling"),
    (
        {"event.notification.basic.password": "x"},
        "event.notification.basic.username",
        "is needed",
    ),
]


async def test_a_wrong_configuration_is_refused_at_its_field(api: Api, provider: Provider) -> None:
    for configuration, field, words in WRONG:
        reply = await api.call("POST", "/instances", polling_body_of(**configuration))
        assert reply.status == 400, configuration
        assert words in reply.faults.get(field, ""), (configuration, reply.text)
        assert field in reply.faults
    assert provider.exchanged == []


async def test_a_private_callback_address_is_refused_with_the_setting_that_allows_it(
    api: Api, provider: Provider
) -> None:
    for address in (
        "http://127.0.0.1:9000/x",
        "http://0x7f000001/",
        "https://[::1]/",
        "http://10.1/",
    ):
        body = polling_body_of(**{"event.notification.callback.url": address})
        reply = await api.call("POST", "/instances", body)
        assert reply.status == 400
        message = reply.faults["event.notification.callback.url"]
        assert "security.allowed_private_networks" in message
    assert provider.exchanged == []


async def test_keys_without_effect_are_accepted(api: Api) -> None:
    ignored: dict[str, Any] = {
        "bulk.query.field_name": "x",
        "bulk.add.metadata": True,
        "event.poller.urls": "contacts|companies",
        "event.objects": "Contact",
        "event.metadata": {"all": {"polling": ["created"]}},
    }
    reply = await api.call("POST", "/instances", body_of(**ignored))
    assert reply.status == 200, reply.text


async def test_a_refused_code_is_answered_in_the_providers_words_and_stores_nothing(
    api: Api, context: AdminContext
) -> None:
    reply = await api.call("POST", "/instances", body_of(code="unknown"))
    assert reply.status == 400
    assert reply.json["providerMessage"] == "invalid_grant: the code is unknown"
    assert list(reply.faults) == ["providerData.code"]
    assert reply.json["message"].startswith("providerData.code: ")
    assert await count_instances(context) == 0


async def test_a_provider_in_trouble_is_told_from_a_refusal(
    api: Api, provider: Provider, context: AdminContext
) -> None:
    words = "502 Bad Gateway"
    troubles: list[tuple[ProviderError, int, str | None]] = [
        (ProviderUnavailable("It is down", provider_message=words), 502, None),
        (ProviderTimeout("It is too slow", provider_message=words), 504, None),
        (
            RateLimited("Busy", retry_after=timedelta(seconds=7), provider_message=words),
            429,
            "7",
        ),
    ]
    for trouble, status, retry_after in troubles:
        provider.trouble = trouble
        reply = await api.call("POST", "/instances", body_of())
        assert (reply.status, reply.json["providerMessage"]) == (status, words)
        assert reply.headers.get("Retry-After") == retry_after
    assert await count_instances(context) == 0


def as_configuration(token: str) -> dict[str, Any]:
    return body_of(**{"oauth.user.refresh_token": token}) | {"providerData": None}


def as_provider_data(token: str) -> dict[str, Any]:
    return body_of() | {"providerData": {"refresh_token": token}}


@pytest.mark.parametrize("make", [as_configuration, as_provider_data])
async def test_a_refresh_token_takes_the_place_of_a_code(
    api: Api, provider: Provider, context: AdminContext, make: Callable[[str], dict[str, Any]]
) -> None:
    provider.codes["r-1"] = Grant(access_token="a-2", refresh_token="r-2")
    reply = await api.call("POST", "/instances", make("r-1"))
    assert reply.status == 200, reply.text
    assert provider.exchanged == ["r-1"]
    stored = await StoredCredentials(context.database, context.keyring).load(
        InstanceId(reply.json["id"])
    )
    assert stored.generation == 1
    assert stored.grant == Grant(access_token="a-2", refresh_token="r-2")
    account = await context.instances.get_account(InstanceId(reply.json["id"]))
    assert "r-1" not in str(account.configuration)
    assert "oauth.user.refresh_token" not in reply.json["configuration"]


async def test_a_personal_access_token_needs_no_consent(api: Api, provider: Provider) -> None:
    body = {
        "element": "maximizer",
        "name": "By token",
        "configuration": {"maximizer.personal.access.token": "pat"},
    }
    reply = await api.call("POST", "/instances", body)
    assert reply.status == 200, reply.text
    assert reply.json["configuration"] == {"maximizer.personal.access.token": "********"}
    assert provider.exchanged == []
    revoked = {"configuration": {"maximizer.personal.access.token": "revoked"}}
    refused = await api.call("POST", "/instances", body | revoked)
    assert (refused.status, refused.json["providerMessage"]) == (400, "revoked")
    assert list(refused.faults) == ["maximizer.personal.access.token"]
    altered = await api.call("PATCH", f"/instances/{reply.json['id']}", revoked)
    assert (altered.status, altered.json["providerMessage"]) == (400, "revoked")
    assert (await api.get(f"/instances/{reply.json['id']}")).json["state"] == "active"


@pytest.mark.parametrize(
    "failure", [ProviderUnavailable("down"), RuntimeError("a bug")], ids=["provider", "bug"]
)
async def test_a_baseline_that_fails_keeps_the_instance(
    api: Api, heard: Heard, failure: Exception
) -> None:
    async def fail(_: InstanceId) -> None:
        raise failure

    heard.on_created = fail
    reply = await api.call("POST", "/instances", polling_body_of())
    assert reply.status == 200
    assert (await api.get(f"/instances/{reply.json['id']}")).status == 200


async def test_a_call_repeated_under_its_key_gets_the_first_answer_again(
    api: Api, provider: Provider, context: AdminContext
) -> None:
    headers = {"Idempotency-Key": "once"}
    first = await api.call("POST", "/instances", body_of(), headers=headers)
    again = await api.call("POST", "/instances", body_of(), headers=headers)
    assert (first.status, again.status) == (200, 200)
    assert again.text == first.text
    assert again.json["webhookSecret"].startswith("whsec_")
    assert provider.exchanged == ["code-0"]
    assert await count_instances(context) == 1


async def test_a_key_is_not_reused_for_another_call(
    api: Api, foreign: Api, context: AdminContext
) -> None:
    headers = {"Idempotency-Key": "once"}
    await api.call("POST", "/instances", body_of(), headers=headers)
    other = await api.call("POST", "/instances", body_of("Other", "code-1"), headers=headers)
    assert other.status == 409
    assert "Idempotency-Key" in other.json["message"]
    theirs = await foreign.call("POST", "/instances", body_of(code="code-2"), headers=headers)
    assert theirs.status == 200
    assert await count_instances(context) == 2


async def test_a_call_under_way_is_not_made_twice(
    api: Api, heard: Heard, provider: Provider, context: AdminContext
) -> None:
    headers = {"Idempotency-Key": "once"}
    async with asyncio.timeout(20):
        replies = await asyncio.gather(
            *(api.call("POST", "/instances", body_of(), headers=headers) for _ in range(5))
        )
    assert sorted({reply.status for reply in replies}) in ([200], [200, 409])
    assert len({reply.text for reply in replies if reply.status == 200}) == 1
    assert provider.exchanged == ["code-0"]
    assert await count_instances(context) == 1


async def test_a_call_that_failed_may_be_made_again_under_its_key(
    api: Api, provider: Provider
) -> None:
    headers = {"Idempotency-Key": "once"}
    provider.trouble = ProviderUnavailable("down")
    assert (await api.call("POST", "/instances", body_of(), headers=headers)).status == 502
    provider.trouble = None
    assert (await api.call("POST", "/instances", body_of(), headers=headers)).status == 200


@pytest.mark.parametrize("key", ["", "x" * 256], ids=["empty", "long"])
async def test_a_key_that_is_none_is_refused(api: Api, key: str) -> None:
    reply = await api.call("POST", "/instances", body_of(), headers={"Idempotency-Key": key})
    assert reply.status == 400
    assert "Idempotency-Key" in reply.faults
