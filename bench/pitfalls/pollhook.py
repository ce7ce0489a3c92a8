"""pollhook as a contender: its real daemon, told through its API what to watch."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from bench.faults import CheckFailed
from bench.pitfalls.contender import Contender, Crm, Task, Told
from bench.product import Home, Product, run_product
from bench.worker import ROOT
from daemon.sandbox.delivered import read_events

SOON = [0, 0.2, 0.4, *[1.0] * 30]
DEADLINE_SECONDS = 4
SLOWLY_MINUTES = 0.005
REFUSAL_SECONDS = 15
"""Within so long a second daemon has seen that the folder is taken."""
STAMP = "${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}"
UNDATED = f"LastModifyDate >= '{STAMP}' OR CreationDate >= '{STAMP}'"
EVERYBODY = f"LastName LIKE '%' AND LastModifyDate >= '{STAMP}'"


class Pollhook:
    """One daemon with its embedded database, an instance for each task."""

    name = "pollhook"
    patience_seconds = 40.0

    def __init__(self, home: Home) -> None:
        self._home = home
        self._instances: dict[str, int] = {}
        self._seconds: list[Process] = []
        self._running = AsyncExitStack()
        self._product: Product | None = None

    @property
    def product(self) -> Product:
        if self._product is None:
            raise CheckFailed("the daemon does not run")
        return self._product

    async def start(self) -> None:
        """Until it is ready."""
        self._product = await self._running.enter_async_context(run_product(self._home))

    async def close(self) -> None:
        """Stop it, and what was started beside it."""
        for process in self._seconds:
            if process.returncode is None:
                process.kill()
            await process.wait()
        await self._running.aclose()

    async def watch(self, task: Task) -> None:
        body = {
            "name": task.name,
            "element": {"key": "maximizer"},
            "providerData": {} if task.code is None else {"code": task.code},
            "configuration": {
                **_credentials(task),
                "maximizer.url": f"{task.crm.url}/octopus",
                "maximizer.alias": "demo",
                "event.notification.enabled": True,
                "event.notification.callback.url": task.callback,
                "event.poller.refresh_interval": task.every_seconds / 60,
                "event.poller.configuration": {"contacts": _entry(task)},
            },
        }
        made = await self.product.call("POST", "/instances", body)
        self._instances[task.name] = made["id"]

    async def forget(self, task: Task) -> None:
        if task.name in self._instances:
            await self.product.call("DELETE", self._path(task))

    def pid(self, task: Task) -> int:  # noqa: ARG002 -- one daemon works on all
        return self.product.process.pid

    async def revive(self, task: Task) -> None:  # noqa: ARG002 -- one daemon works on all
        await self.product.process.wait()
        await self._running.aclose()
        self._running = AsyncExitStack()
        await self.start()

    async def double(self, task: Task) -> None:  # noqa: ARG002 -- one daemon works on all
        command = ("-m", "daemon", "run", "--config", str(self._home.write_configuration()))
        process = await asyncio.create_subprocess_exec(
            sys.executable, *command, stdout=DEVNULL, stderr=DEVNULL, cwd=ROOT
        )
        self._seconds.append(process)
        with suppress(TimeoutError):
            async with asyncio.timeout(REFUSAL_SECONDS):
                await process.wait()

    async def reconfigure(self, task: Task) -> None:
        entry = _entry(task) | {"url": f"/hubs/crm/contacts?where={EVERYBODY}"}
        configuration = {
            "event.poller.refresh_interval": task.every_seconds * 1.1 / 60,
            "event.poller.configuration": {"contacts": entry},
        }
        change = {"configuration": configuration, "onFilterChange": "keep"}
        await self.product.call("PATCH", self._path(task), change)

    async def consent(self, task: Task, code: str) -> None:
        renewed = {"providerData": {"code": code}}
        await self.product.call("PATCH", self._path(task), renewed)

    async def complains(self, task: Task) -> bool:
        state = await self.product.call("GET", f"{self._path(task)}/state")
        errors = [each["lastError"] for each in state["resources"]]
        return bool(state["state"] != "active" or any(errors))

    def read(self, body: str) -> Sequence[Told]:
        return [
            Told(
                key=event.object_id,
                kind=event.event_type.lower(),
                record=event.record if isinstance(event.record, Mapping) else {},
                event_id=event.event_id,
            )
            for event in read_events(json.loads(body))
        ]

    def _path(self, task: Task) -> str:
        return f"/instances/{self._instances[task.name]}"


@asynccontextmanager
async def open_pollhook(folder: Path, crm: Crm) -> AsyncIterator[Contender]:
    """The daemon, as shipped but for loopback, patience and the address of its CRM."""
    home = Home(folder=folder, api_url=f"{crm.url}/octopus", sections=_sections(crm))
    pollhook = Pollhook(home)
    try:
        await pollhook.start()
        yield pollhook
    finally:
        await pollhook.close()


def _sections(crm: Crm) -> Mapping[str, Mapping[str, Any]]:
    return {
        "polling": {
            "minimum_interval_seconds": 0.05,
            "error_backoff_seconds": 0.2,
            "error_backoff_max_seconds": 1,
            "timeout_seconds": DEADLINE_SECONDS,
        },
        "delivery": {"retry_schedule_seconds": SOON},
        "connectors": {
            "maximizer": {
                "authorize_url": f"{crm.url}/oauth2/{{alias}}/authorize",
                "token_url": f"{crm.url}/oauth2/{{alias}}/token",
                "api_url": f"{crm.url}/octopus",
                "rate_limit": "100000/0.1s",
            }
        },
    }


def _credentials(task: Task) -> Mapping[str, Any]:
    if task.code is None:
        return {"maximizer.personal.access.token": task.crm.personal_token}
    return {
        "oauth.callback.url": task.redirect_uri,
        "oauth.api.key": task.crm.client_id,
        "oauth.api.secret": task.crm.client_secret,
    }


def _entry(task: Task) -> dict[str, Any]:
    entry: dict[str, Any] = {"pageSize": task.page_size}
    if task.undated:
        entry["url"] = f"/hubs/crm/contacts?where={UNDATED}"
    if task.deletes:
        entry["deletes"] = {"mode": "sweep", "intervalMinutes": SLOWLY_MINUTES}
    if task.looks_back:
        entry["reconcile"] = {"intervalMinutes": SLOWLY_MINUTES, "windowHours": 24}
    return entry
