from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import pytest

from daemon.admin.context import AdminContext
from daemon.instance import InstanceId
from daemon.store.first_account import Credentials
from tests.admin.api import Api
from tests.admin.sources import make_told

ALL = {"contacts", "companies", "addressbook-entries", "opportunities"}


@pytest.fixture
def polled() -> dict[InstanceId, set[str]]:
    return {}


@pytest.fixture
def context(context: AdminContext, polled: dict[InstanceId, set[str]]) -> AdminContext:
    def poll_now(instance_id: InstanceId, names: Collection[str]) -> None:
        polled[instance_id] = set(names)

    return replace(context, poll_now=poll_now)


async def test_an_inbound_webhook_has_the_named_instances_poll_now(
    api: Api, context: AdminContext, polled: dict[InstanceId, set[str]]
) -> None:
    first = await make_told(api, context)
    second = await make_told(api, context, "Second", "code-1")
    await api.call("DELETE", f"{second.path}/resources/contacts/enabled")
    headers = {"Element-Instances": f"{first.id}, {second.id}", "Content-Type": "text/plain"}

    reply = await api.call("POST", "/events/maximizer", b"whatever", headers=headers)

    assert reply.status == 200
    assert polled == {first.id: ALL, second.id: ALL - {"contacts"}}


async def test_with_an_instances_token_no_header_is_needed(
    api: Api,
    context: AdminContext,
    credentials: Credentials,
    polled: dict[InstanceId, set[str]],
) -> None:
    told = await make_told(api, context)

    reply = await api.acting_for(credentials, told.instance["token"]).call(
        "POST", "/events/maximizer"
    )

    assert set(reply.json["instances"]) == {str(told.id)}
    assert polled == {told.id: ALL}


async def test_whoever_is_not_named_rightly_does_not_poll(
    api: Api, foreign: Api, context: AdminContext, polled: dict[InstanceId, set[str]]
) -> None:
    told = await make_told(api, context)
    mine, path = {"Element-Instances": str(told.id)}, "/events/maximizer"

    assert (await api.call("POST", path)).status == 400
    assert (await api.call("POST", path, headers={"Element-Instances": "x"})).status == 400
    assert (await api.call("POST", "/events/none", headers=mine)).status == 404
    assert (await foreign.call("POST", path, headers=mine)).status == 404
    await api.call("DELETE", f"{told.path}/enabled")
    assert (await api.call("POST", path, headers=mine)).status == 403
    assert polled == {}
