from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from daemon.store.database import Database
from tests.delivery.receiver import Receiver
from tests.delivery.workshop import Source, Workshop, make_source, open_workshop


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as receiver:
        yield receiver


@pytest_asyncio.fixture
async def workshop(database: Database) -> AsyncIterator[Workshop]:
    async with open_workshop(database) as workshop:
        yield workshop


@pytest_asyncio.fixture
async def source(database: Database, workshop: Workshop, receiver: Receiver) -> Source:
    """An instance of ours whose callback is the receiver."""
    source = await make_source(database)
    workshop.point(source, receiver.url())
    await workshop.leases.run_once()
    return source
