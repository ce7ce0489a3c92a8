"""The real connector in front of the CRM stand-in, for tests of the admin server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from aiohttp.test_utils import TestClient, TestServer

from daemon.address_guard import AddressGuard
from daemon.connectors.connector import Connector
from daemon.connectors.registry import open_connectors
from daemon.metrics import Metrics
from daemon.outbound import Outbound
from daemon.sandbox import crm as crm_app
from daemon.sandbox.clock import Clock
from daemon.sandbox.service import Options
from daemon.settings import ConnectorsSettings
from daemon.store.credentials import Credentials
from daemon.store.database import Database
from tests.admin.api import polling_body_of
from tests.admin.conftest import KEYRING
from tests.sandbox.clients import Crm

NOON = datetime(2026, 6, 1, 12, 0, 0, tzinfo=UTC)


@asynccontextmanager
async def standing_in(clock: Clock) -> AsyncIterator[Crm]:
    """An empty CRM whose clock is the test's."""
    app = crm_app.create_app(Options(seed=None, faults={"rate_limit_calls": 0}), clock)
    async with TestClient(TestServer(app)) as http:
        yield Crm(http)


def addresses_of(crm: Crm) -> dict[str, Any]:
    """The section `connectors` of the settings that leads to that CRM."""
    base = str(crm.http.make_url("")).rstrip("/")
    return {
        "maximizer": {
            "authorize_url": f"{base}/OAuth2/{{alias}}/Authorize",
            "token_url": f"{base}/oauth2/{{alias}}/token",
            "api_url": f"{base}/octopus",
            "rate_limit": "10000/1s",
        }
    }


@asynccontextmanager
async def connected(crm: Crm, database: Database) -> AsyncIterator[Mapping[str, Connector]]:
    """The connectors, with Maximizer's addresses leading to that CRM."""
    settings = ConnectorsSettings.model_validate(addresses_of(crm))
    guard, credentials = AddressGuard(), Credentials(database, KEYRING)
    async with (
        Outbound(guard) as outbound,
        open_connectors(settings, outbound, guard, credentials, Metrics(version="1")) as opened,
    ):
        yield opened


def body_with_token(crm: Crm, **configuration: Any) -> dict[str, Any]:
    """A body that needs no consent: it has the CRM's personal access token."""
    token = crm.service.personal_access_token
    body = polling_body_of(**{"maximizer.personal.access.token": token, **configuration})
    return body | {"providerData": None}
