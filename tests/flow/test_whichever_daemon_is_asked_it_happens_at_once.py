"""Of two daemons on one database, the one that holds an instance does what the other is asked."""

from __future__ import annotations

import shutil
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest_asyncio

from daemon.store.embedded import ServerAddress
from tests.flow.external import dsn_of
from tests.flow.pollhook import Pollhook
from tests.flow.processes import eventually
from tests.flow.standins import Provider, Receiver

RARELY = "600"
AT_ONCE_SECONDS = 10.0
"""Without a word between them it takes 15 to 30 seconds."""


@pytest_asyncio.fixture
async def twins(
    tmp_path: Path, provider: Provider, database_address: ServerAddress
) -> AsyncIterator[tuple[Pollhook, Pollhook]]:
    """Two daemons on one database, with the same accounts and keys."""
    settings: Mapping[str, Any] = {
        "database": {"dsn": dsn_of(database_address)},
        "security": {"encryption_keys_file": str(tmp_path / "keys")},
        "lease": {"seconds": 60, "renew_seconds": 30},
    }
    async with (
        Pollhook(tmp_path / "first", provider, settings) as first,
        Pollhook(tmp_path / "second", provider, settings) as second,
    ):
        await first.start()
        second.data_dir.mkdir()
        shutil.copy(first.data_dir / "credentials.json", second.data_dir)
        await second.start()
        yield first, second


async def test_polls_replays_and_trust_are_asked_at_the_daemon_that_does_not_hold_the_instance(
    twins: tuple[Pollhook, Pollhook], provider: Provider, receiver: Receiver
) -> None:
    first, second = twins
    instance = await first.connect(
        receiver.callback(), ["contacts"], **{"event.poller.refresh_interval": RARELY}
    )
    path = f"/instances/{instance.id}"

    async def arrive(count: int) -> float:
        began = time.monotonic()

        async def has() -> bool:
            return len(await receiver.arrivals()) >= count

        await eventually(has, f"{count} notifications arrive")
        return time.monotonic() - began

    await provider.edit("contacts/1", Department="A")
    began = time.monotonic()
    polled = await second.call("POST", f"{path}/resources/contacts/poll")
    assert polled["rows"]["new"] == 1  # the first time that this one is seen
    await arrive(1)
    assert time.monotonic() - began < AT_ONCE_SECONDS

    since = {"since": "2020-01-01T00:00:00Z", "status": "delivered"}
    await second.call("POST", f"{path}/redeliver", since)
    assert await arrive(2) < AT_ONCE_SECONDS

    await receiver.switch(refuse={"status": 410})
    await provider.edit("contacts/1", Department="B")
    await second.call("POST", f"{path}/resources/contacts/poll")
    await eventually(lambda: is_disabled(second, path), "the callback is disabled")
    await receiver.switch(refuse=None)
    await second.call("POST", f"{path}/endpoint/enable")
    assert await arrive(3) < AT_ONCE_SECONDS


async def is_disabled(pollhook: Pollhook, path: str) -> bool:
    endpoint = (await pollhook.call("GET", f"{path}/state"))["endpoint"]
    return bool(endpoint["state"] == "disabled")
