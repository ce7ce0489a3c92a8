"""Fields that a tenant does not have are refused where the tenant can be asked beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from daemon.admin.context import AdminContext
from daemon.connectors.connector import Account
from daemon.connectors.facts import FieldFacts
from daemon.errors import ProviderUnavailable
from tests.admin.api import Api, Heard, polling_body_of
from tests.admin.provider import Provider

POLLING = "event.poller.configuration"
WRONG: dict[str, Any] = {"contacts": {"idField": "Kye"}, "companies": {}}
CHOSEN: dict[str, Any] = {POLLING: WRONG}
PLACE = f"{POLLING}.contacts.idField"


def body_with(polled: Mapping[str, Any], **configuration: Any) -> dict[str, Any]:
    token = {"maximizer.personal.access.token": "pat", **configuration}
    return polling_body_of(**{POLLING: polled, **token}) | {"providerData": None}


async def test_a_field_that_a_tenant_lacks_is_named_before_anything_is_stored(
    api: Api, context: AdminContext
) -> None:
    reply = await api.call("POST", "/instances", body_with(WRONG))
    assert (reply.status, list(reply.faults)) == (400, [PLACE])
    assert "did you mean 'Key'?" in reply.faults[PLACE]
    assert await context.database.fetchval("select count(*) from instances") == 0


async def test_a_field_that_cannot_be_searched_by_is_named(api: Api, provider: Provider) -> None:
    provider.schema = {**provider.schema, "Other": FieldFacts(queryable=False)}
    polled = {"contacts": {"idField": "Other"}}
    reply = await api.call("POST", "/instances", body_with(polled))
    assert "cannot be searched by 'Other'" in reply.faults[PLACE]


async def test_after_a_code_was_spent_the_instance_is_kept(api: Api, context: AdminContext) -> None:
    reply = await api.call("POST", "/instances", polling_body_of(**CHOSEN))
    assert reply.status == 200, reply.text
    assert await context.database.fetchval("select count(*) from instances") == 1


async def test_an_alteration_is_refused_for_what_it_alters_only(
    api: Api, provider: Provider, heard: Heard
) -> None:
    created = await api.call("POST", "/instances", polling_body_of(**CHOSEN))
    path = f"/instances/{created.json['id']}"
    assert (await api.call("PATCH", path, {"name": "Renamed"})).status == 200
    polled = {"contacts": {"idField": "Kye"}, "companies": {"idField": "Nmae"}}
    reply = await api.call("PATCH", path, {"configuration": {POLLING: polled}})
    assert list(reply.faults) == [f"{POLLING}.companies.idField"]
    assert len(heard.changed) == 1
    provider.schema = {**provider.schema, "Nmae": FieldFacts()}
    reply = await api.call("PATCH", path, {"configuration": {POLLING: polled}})
    assert reply.status == 200, reply.text


@pytest.mark.parametrize("outcome", ["error", "silence"])
async def test_a_provider_that_cannot_be_asked_refuses_nothing(
    api: Api, provider: Provider, monkeypatch: pytest.MonkeyPatch, outcome: str
) -> None:
    async def describe(account: Account, resource: str) -> Mapping[str, FieldFacts]:
        if outcome == "silence":
            raise TimeoutError
        raise ProviderUnavailable("down")

    async def read(*_: object) -> None:
        raise ProviderUnavailable("down")

    monkeypatch.setattr(provider, "describe", describe)
    monkeypatch.setattr(provider, "read", read)
    reply = await api.call("POST", "/instances", body_with(WRONG))
    assert reply.status == 200, reply.text
