"""Fixtures of all tests: a real PostgreSQL, and a freshly migrated database for each test."""

from __future__ import annotations

import itertools
import logging
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
import structlog

from daemon.store.database import Database
from daemon.store.embedded import EmbeddedPostgres, ServerAddress
from daemon.store.migrations import migrate

TEMPLATE = "template_migrated"
MEMORY, ROOM_BYTES = Path("/dev/shm"), 4 << 30


def pytest_configure() -> None:
    """Let temporary folders, and so all databases, lie in memory where there is room for them."""
    if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM_BYTES:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: tests with processes of their own wait more than they work."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Each of several workers begins with its share of those that may take long, which are known by
    a time limit of their own: nobody is left alone with one in the end."""
    workers = getattr(config, "workerinput", {"workercount": 1})["workercount"]
    if workers == 1:
        return
    long = sorted(filter(limit_seconds, items), key=limit_seconds, reverse=True)
    rest = [item for item in items if not limit_seconds(item)]
    size = -(-len(rest) // workers)
    items[:] = [
        item
        for number in range(workers)
        for item in (*long[number::workers], *rest[number * size : (number + 1) * size])
    ]


def limit_seconds(item: pytest.Item) -> float:
    """The time limit of a test's own, 0 if it has none."""
    marker = item.get_closest_marker("timeout")
    return float(marker.args[0]) if marker else 0.0


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """A test that configures logs, as every command does, leaves none of it to those after it."""
    root = logging.getLogger()
    handlers, level, configuration = root.handlers[:], root.level, structlog.get_config()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**configuration)
    structlog.contextvars.clear_contextvars()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServerAddress]:
    """A server of this test process, with a migrated template to be cloned."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"), durable=False)
    async with server as address:
        async with await Database.open(address.as_arguments(), pool_size=2) as database:
            await database.execute(f"create database {TEMPLATE}")
        template = replace(address, database=TEMPLATE)
        async with await Database.open(template.as_arguments(), pool_size=2) as database:
            await migrate(database)
        yield address


@pytest.fixture(scope="session")
def database_names() -> Iterator[str]:
    return (f"test_{number}" for number in itertools.count())


@pytest_asyncio.fixture
async def database_address(
    postgres: ServerAddress, database_names: Iterator[str]
) -> AsyncIterator[ServerAddress]:
    """The address of a migrated, empty database that only this test uses."""
    name = next(database_names)
    async with await Database.open(postgres.as_arguments(), pool_size=1) as server:
        await server.execute(f"create database {name} template {TEMPLATE} strategy file_copy")
        yield replace(postgres, database=name)
        await server.execute(f"drop database {name} with (force)")


@pytest_asyncio.fixture
async def database(database_address: ServerAddress) -> AsyncIterator[Database]:
    """That database, opened."""
    async with await Database.open(database_address.as_arguments(), pool_size=5) as database:
        yield database
