from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from aiohttp.test_utils import TestClient, TestServer

from daemon.sandbox import crm as crm_app
from daemon.sandbox.clock import Clock
from daemon.sandbox.service import Options
from tests.connectors.maximizer.stage import Stage, stage
from tests.sandbox.clients import Crm

NOON = datetime(2026, 6, 1, 12, 0, 0, tzinfo=UTC)


@pytest.fixture
def clock() -> Clock:
    return Clock(frozen_at=NOON)


@pytest.fixture
async def crm(clock: Clock) -> AsyncIterator[Crm]:
    """A stand-in without records, without a rate limit, on a clock that stands still."""
    app = crm_app.create_app(Options(seed=None, faults={"rate_limit_calls": 0}), clock)
    async with TestClient(TestServer(app)) as http:
        yield Crm(http)


@pytest.fixture
async def maximizer(crm: Crm) -> AsyncIterator[Stage]:
    configuration = {"maximizer.personal.access.token": crm.service.personal_access_token}
    async with stage(crm, configuration) as opened:
        yield opened
