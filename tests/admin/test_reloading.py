"""Reloading: when the file is read again, and what is told of a file that cannot be used."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog

from daemon.admin.context import AdminContext
from daemon.errors import DatabaseUnavailable
from daemon.reloading import Reloading
from daemon.settings import load_settings
from daemon.store.database import Database
from daemon.store.first_account import Credentials
from daemon.systemd import Notifier

PATIENCE_SECONDS = 20
DECLARED = """
instances:
  - name: Acme
    element: maximizer
    configuration: {oauth.api.key: k, oauth.api.secret: s, oauth.callback.url: "https://our.example"}
"""


class Told(Notifier):
    """What the service manager is told."""

    def __init__(self) -> None:
        super().__init__(None)
        self.messages: list[str] = []

    def _send(self, message: str) -> None:
        self.messages.append(message.partition("=")[0])


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.reloading.LOOK_SECONDS", 0.02)
    monkeypatch.setattr("daemon.reloading.configure_logs", lambda *_: None)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(f"data_dir: {tmp_path}\n", "utf-8")
    return path


def success(context: AdminContext) -> float | None:
    return context.metrics.registry.get_sample_value("pollhook_config_last_reload_success")


def replace_file(path: Path, text: str) -> None:
    """As an editor does that never shows half a file."""
    draft = path.with_suffix(".new")
    draft.write_text(f"data_dir: {path.parent}\n{text}", "utf-8")
    draft.replace(path)


@asynccontextmanager
async def running(reloading: Reloading) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(reloading.run(stop))
    yield
    stop.set()
    await task


async def logged(lines: list[Any], event: str, times: int = 1) -> Any:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            found = [line for line in lines if line["event"] == event]
            if len(found) >= times:
                return found[-1]
            await asyncio.sleep(0.01)


async def test_a_file_that_was_replaced_is_read_without_being_asked(
    context: AdminContext, credentials: Credentials, file: Path
) -> None:
    notifier = Told()
    reloading = Reloading(context, load_settings(file, os.environ), notifier)
    with structlog.testing.capture_logs() as lines:
        async with running(reloading):
            replace_file(file, DECLARED)
            await logged(lines, "instance.created")
            await logged(lines, "configuration.reloaded")
            replace_file(file, DECLARED + "admin: {port: 1}\nlogging: {level: debug}\n")
            reloaded = await logged(lines, "configuration.reloaded", 2)
    assert reloaded["needs_restart"] == ["admin"]
    assert notifier.messages == ["RELOADING", "READY"] * 2


async def test_a_bad_file_shows_until_a_good_one_takes_its_place(
    context: AdminContext, credentials: Credentials, file: Path
) -> None:
    reloading = Reloading(context, load_settings(file, os.environ), Told())
    assert success(context) == 1
    replace_file(file, "nonsense: 1\nadmin: {port: x}\n")
    await reloading.run_once()
    assert (success(context), context.last_reading.faults) == (0, 2)
    replace_file(file, "")
    await reloading.run_once()
    assert (success(context), context.last_reading.faults) == (1, 0)


async def test_a_database_that_is_away_is_waited_for_and_told_of_once(
    context: AdminContext, credentials: Credentials, file: Path
) -> None:
    class Away(Database):
        """One that does not answer at first."""

        refusals = 3

        async def fetch(self, query: str, *arguments: object) -> Any:
            if self.refusals:
                self.refusals -= 1
                raise DatabaseUnavailable("The database does not answer.")
            return await super().fetch(query, *arguments)

    away = Away()
    away._connected = context.database._connected
    reloading = Reloading(replace(context, database=away), load_settings(file, os.environ), Told())
    with structlog.testing.capture_logs() as lines:
        async with running(reloading):
            reloading.ask()
            await logged(lines, "configuration.reloaded")
    assert [line["event"] for line in lines].count("configuration.postponed") == 1
