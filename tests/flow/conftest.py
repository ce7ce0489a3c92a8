"""Fixtures of the flow tests: stand-ins and daemons, each a process of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest_asyncio

from daemon.store.embedded import ServerAddress
from tests.flow.pollhook import Pollhook, dsn_of
from tests.flow.standins import Provider, Receiver


@pytest_asyncio.fixture
async def provider(tmp_path: Path) -> AsyncIterator[Provider]:
    async with Provider(tmp_path) as provider:
        yield provider


@pytest_asyncio.fixture
async def receiver(tmp_path: Path) -> AsyncIterator[Receiver]:
    async with Receiver(tmp_path) as receiver:
        yield receiver


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
