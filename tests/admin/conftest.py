"""The admin server on a real database, with a provider that tests can see through."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any

import argon2
import pytest
import pytest_asyncio
from aiohttp.test_utils import TestClient, TestServer

from daemon.address_guard import AddressGuard
from daemon.admin.context import AdminContext
from daemon.admin.server import create_application
from daemon.connectors.connector import Connector, Grant
from daemon.metrics import Metrics
from daemon.outbound import Outbound
from daemon.settings import DeliverySettings, PollingSettings
from daemon.store.accounts import Accounts
from daemon.store.database import Database
from daemon.store.encryption import Keyring
from daemon.store.first_account import Credentials
from daemon.store.idempotency import IdempotencyKeys
from daemon.store.instances import Instances
from tests.admin.api import Api, Heard, platform
from tests.admin.provider import Provider

KEYRING = Keyring([bytes(32)])
QUICK_HASHER = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture
def provider() -> Provider:
    codes = [f"code-{number}" for number in range(20)]
    return Provider(
        codes={code: Grant(access_token=f"a-{code}", refresh_token=f"r-{code}") for code in codes}
    )


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def connectors(provider: Provider) -> Mapping[str, Connector]:
    return {"maximizer": provider}


@pytest.fixture
def guard() -> AddressGuard:
    return AddressGuard()


@pytest_asyncio.fixture
async def outbound(guard: AddressGuard) -> AsyncIterator[Outbound]:
    async with Outbound(guard) as outbound:
        yield outbound


@pytest.fixture
def context(
    database: Database,
    connectors: Mapping[str, Connector],
    guard: AddressGuard,
    outbound: Outbound,
    heard: Heard,
) -> AdminContext:
    return AdminContext(
        database=database,
        keyring=KEYRING,
        accounts=Accounts(database, KEYRING, QUICK_HASHER),
        instances=Instances(database, KEYRING),
        idempotency=IdempotencyKeys(database, KEYRING),
        connectors=connectors,
        guard=guard,
        outbound=outbound,
        polling=PollingSettings(),
        delivery=DeliverySettings(),
        lease_owner=uuid.uuid4(),
        on_created=heard.hear_created,
        on_changed=heard.hear_changed,
        on_polls_awaited=heard.hear_polls_awaited,
        on_endpoint_changed=heard.hear_endpoint_changed,
        readiness={},
        metrics=Metrics(version="1.2.3"),
        started_at=datetime.now(UTC),
    )


@pytest_asyncio.fixture
async def credentials(context: AdminContext) -> Credentials:
    return await context.accounts.add_user("anna", "ours")


@pytest_asyncio.fixture
async def stranger(context: AdminContext) -> Credentials:
    return await context.accounts.add_user("otto", "theirs")


@pytest_asyncio.fixture
async def client(context: AdminContext) -> AsyncIterator[TestClient[Any, Any]]:
    async with TestClient(TestServer(create_application(context))) as client:
        yield client


@pytest.fixture
def api(client: TestClient[Any, Any], credentials: Credentials) -> Api:
    return Api(client=client, authorization=platform(credentials))


@pytest.fixture
def nobody(client: TestClient[Any, Any]) -> Api:
    return Api(client=client, authorization=None)


@pytest.fixture
def foreign(client: TestClient[Any, Any], stranger: Credentials) -> Api:
    return Api(client=client, authorization=platform(stranger))
