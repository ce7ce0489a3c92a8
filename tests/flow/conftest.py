"""Fixtures of the flow tests: stand-ins and daemons, each a process of its own."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from daemon.store.embedded import ServerAddress
from tests.flow.external import External, dsn_of
from tests.flow.pollhook import Pollhook
from tests.flow.standins import Provider, Receiver


@pytest_asyncio.fixture
async def standins(tmp_path: Path) -> AsyncIterator[tuple[Provider, Receiver]]:
    """Both begin at the same time, which is what takes longest in many of these tests."""
    both = Provider(tmp_path), Receiver(tmp_path)
    async with AsyncExitStack() as stack:
        for standin in both:
            stack.push_async_callback(standin.close)
        await asyncio.gather(*(standin.start() for standin in both))
        yield both


@pytest.fixture
def provider(standins: tuple[Provider, Receiver]) -> Provider:
    return standins[0]


@pytest.fixture
def receiver(standins: tuple[Provider, Receiver]) -> Receiver:
    return standins[1]


@pytest_asyncio.fixture
async def embedded(tmp_path: Path, provider: Provider) -> AsyncIterator[Pollhook]:
    """A daemon with the embedded database, not started yet."""
    async with Pollhook(tmp_path / "pollhook", provider, {}) as pollhook:
        yield pollhook


@pytest_asyncio.fixture
async def pollhook(
    tmp_path: Path, provider: Provider, database_address: ServerAddress
) -> AsyncIterator[Pollhook]:
    """A daemon with a database of its own on the tests' server, not started yet."""
    settings: Mapping[str, Any] = {"database": {"dsn": dsn_of(database_address)}}
    async with Pollhook(tmp_path / "pollhook", provider, settings) as pollhook:
        yield pollhook


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """One whose path is short enough for a socket, so that the address stays the same."""
    folder = Path(tempfile.mkdtemp(prefix="pg-")).resolve()
    yield folder
    shutil.rmtree(folder)


@pytest_asyncio.fixture
async def external(short_folder: Path) -> AsyncIterator[External]:
    external = External(short_folder)
    yield external
    await external.go()


@pytest_asyncio.fixture
async def outside(
    tmp_path: Path, provider: Provider, external: External
) -> AsyncIterator[Pollhook]:
    """A daemon with that server as its database."""
    settings = {"database": {"dsn": dsn_of(external.address)}}
    async with Pollhook(tmp_path / "pollhook", provider, settings) as pollhook:
        yield pollhook
