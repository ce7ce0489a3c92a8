"""The way in at the real connector: consent page, grant code, instance, against the stand-in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest_asyncio

from daemon.address_guard import AddressGuard
from daemon.connectors.connector import Connector
from daemon.connectors.registry import open_connectors
from daemon.metrics import Metrics
from daemon.outbound import Outbound
from daemon.sandbox import crm
from daemon.sandbox.serving import serving
from daemon.settings import ConnectorsSettings
from daemon.store.credentials import Credentials
from daemon.store.database import Database
from tests.admin.api import Api, polling_body_of
from tests.admin.conftest import KEYRING

CALLBACK = "https://our.example/callback"


@pytest_asyncio.fixture
async def crm_url() -> AsyncIterator[str]:
    async with serving(crm.create_app(), "127.0.0.1", 0) as url:
        yield url


@pytest_asyncio.fixture
async def connectors(database: Database, crm_url: str) -> AsyncIterator[Mapping[str, Connector]]:
    settings = ConnectorsSettings.model_validate(
        {
            "maximizer": {
                "authorize_url": f"{crm_url}/oauth2/{{alias}}/authorize",
                "token_url": f"{crm_url}/oauth2/{{alias}}/token",
                "api_url": f"{crm_url}/octopus",
            }
        }
    )
    guard = AddressGuard()
    credentials = Credentials(database, KEYRING)
    async with (
        Outbound(guard) as outbound,
        open_connectors(settings, outbound, guard, credentials, Metrics(version="1")) as opened,
    ):
        yield opened


async def consent(api: Api) -> str:
    """The code that the provider sends back after a person has agreed."""
    query = (
        f"apiKey=sandbox-client&apiSecret=x&callbackUrl={CALLBACK}&maximizer.alias=Acme&state=mine"
    )
    url = (await api.get(f"/elements/maximizer/oauth/url?{query}")).json["oauthUrl"]
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{url}&auto=allow", allow_redirects=False) as response,
    ):
        answer = parse_qs(urlsplit(response.headers["Location"]).query)
    assert answer["state"] == ["mine"]
    return answer["code"][0]


def body_with(code: str, **configuration: Any) -> dict[str, Any]:
    return polling_body_of(
        code=code,
        **{
            "oauth.callback.url": CALLBACK,
            "oauth.api.key": "sandbox-client",
            "oauth.api.secret": "sandbox-secret",
            "maximizer.alias": "Acme",
            **configuration,
        },
    )


async def test_consent_becomes_an_instance_once(api: Api) -> None:
    code = await consent(api)
    reply = await api.call("POST", "/instances", body_with(code))
    assert reply.status == 200, reply.text
    assert reply.json["element"]["key"] == "maximizer"
    state = (await api.get(f"/instances/{reply.json['id']}/state")).json
    assert state["credentials"]["generation"] == 1
    assert state["rateBudget"]["callsLeft"] == 30
    assert len(state["resources"]) == 4
    again = await api.call("POST", "/instances", body_with(code))
    assert again.status == 400
    assert "invalid_grant" in again.json["providerMessage"]
    assert code not in again.text


async def test_a_missing_alias_is_named_before_the_code_is_spent(api: Api) -> None:
    code = await consent(api)
    without = await api.call("POST", "/instances", body_with(code, **{"maximizer.alias": None}))
    assert without.status == 400
    assert list(without.faults) == ["maximizer.alias"]
    assert (await api.call("POST", "/instances", body_with(code))).status == 200


async def test_the_default_polling_configuration_of_the_element_is_accepted(api: Api) -> None:
    keys = (await api.get("/elements/maximizer/configuration")).json
    text = next(key for key in keys if key["key"] == "event.poller.configuration")["defaultValue"]
    body = body_with(await consent(api), **{"event.poller.configuration": text})
    assert (await api.call("POST", "/instances", body)).status == 200
