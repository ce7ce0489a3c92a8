"""The product: its real daemon as a process of its own, on its embedded database, as shipped."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import orjson
from prometheus_client.parser import text_string_to_metric_families

from bench import cpu
from bench.faults import CheckFailed, check
from bench.queries import load_queries
from bench.worker import ROOT
from daemon.store.database import Database
from daemon.store.embedded import connect_info

QUERIES = load_queries("observe")
START_SECONDS = 60.0
STOP_SECONDS = 60.0
LOOK_SECONDS = 0.02
SETTLE_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """Where a product lives, and which provider it polls; `sections` of its file are added."""

    folder: Path
    api_url: str
    sections: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.folder / "daemon.log"

    def write_configuration(self) -> Path:
        """The defaults, but for loopback, and for limits that would only measure themselves."""
        path = self.folder / "config.yaml"
        settings: dict[str, dict[str, Any]] = {
            "admin": {"port": 0},
            "security": {"allowed_private_networks": ["127.0.0.0/8"]},
            "polling": {"minimum_interval_seconds": 0.001},
            "logging": {"format": "json"},
            "connectors": {"maximizer": {"api_url": self.api_url, "rate_limit": "100000/0.1s"}},
        }
        merged = {
            name: {**settings.get(name, {}), **self.sections.get(name, {})}
            for name in settings.keys() | self.sections.keys()
        }
        path.write_bytes(orjson.dumps({"data_dir": str(self.data), **merged}))  # JSON is YAML too
        return path


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A daemon that is ready. `database` looks at its tables from outside."""

    home: Home
    process: Process
    url: str
    session: aiohttp.ClientSession
    database: Database

    async def call(self, method: str, path: str, content: object = None) -> Any:
        """A call of the platform API, as the first account."""
        secrets = orjson.loads((self.home.data / "credentials.json").read_bytes())
        user, organization = secrets["userSecret"], secrets["organizationSecret"]
        headers = {"Authorization": f"User {user}, Organization {organization}"}
        async with self.session.request(
            method, f"{self.url}{path}", json=content, headers=headers
        ) as response:
            text = await response.read()
            check(response.status == 200, f"{method} {path}: {response.status} {text.decode()}")
            return orjson.loads(text)

    async def metric(self, name: str, **labels: str) -> float:
        """A counter's value, summed over the series that have these labels."""
        async with self.session.get(f"{self.url}/metrics") as response:
            families = text_string_to_metric_families(await response.text())
        return sum(
            sample.value
            for family in families
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    async def await_settled(self) -> None:
        """Return when no notification is unfinished."""
        until = time.monotonic() + SETTLE_SECONDS
        while await self.database.fetchval(QUERIES["count_unfinished"]):
            check(time.monotonic() < until, "notifications that were delivered are not settled")
            await asyncio.sleep(LOOK_SECONDS)

    async def explain(self) -> str:
        """What it says of its resources and notifications, for when something is missing."""
        resources = await self.database.fetch(QUERIES["explain_resources"])
        notifications = await self.database.fetch(QUERIES["explain_notifications"])
        return f"resources {[*map(dict, resources)]}, notifications {[*map(dict, notifications)]}"

    def cpu_seconds(self) -> tuple[float, float] | None:
        """CPU time so far of the daemon and of its PostgreSQL; None where it is not shown."""
        daemon = cpu.seconds_of(self.process.pid)
        database = cpu.seconds_of_family(self.server_pid())
        return None if daemon is None or database is None else (daemon, database)

    def server_pid(self) -> int:
        """The process id of its PostgreSQL."""
        pid_file = self.home.data / "postgres" / "pgdata" / "postmaster.pid"
        return int(pid_file.read_text("ascii").split("\n", 1)[0])

    def log_lines(self, event: str) -> list[Mapping[str, Any]]:
        """The lines of its log with this name, since it was last started."""
        return [line for line in _lines(self.home.log) if line["event"] == event]


@asynccontextmanager
async def run_product(home: Home, *python_options: str) -> AsyncIterator[Product]:
    """The daemon from ready to stopped; `python_options` come between the interpreter and it."""
    home.folder.mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        process = await stack.enter_async_context(_process(home, python_options))
        url = await _await_ready(home, process)
        address = connect_info(home.data)
        if address is None:
            raise CheckFailed("the daemon's database cannot be found")
        database = await Database.open(address.as_arguments(), pool_size=2)
        yield Product(
            home=home,
            process=process,
            url=url,
            session=await stack.enter_async_context(aiohttp.ClientSession()),
            database=await stack.enter_async_context(database),
        )


@asynccontextmanager
async def _process(home: Home, python_options: tuple[str, ...]) -> AsyncIterator[Process]:
    command = ("-m", "daemon", "run", "--config", str(home.write_configuration()))
    with home.log.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *python_options,
            *command,
            stdout=log,
            stderr=log,
            cwd=ROOT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        await _stop(process)


async def _stop(process: Process) -> None:
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def _await_ready(home: Home, process: Process) -> str:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.returncode is None:
        for line in _lines(home.log):
            if line["event"] == "daemon.ready":
                return str(line["url"])
        await asyncio.sleep(LOOK_SECONDS)
    raise CheckFailed(
        f"the daemon does not start: {home.log.read_text('utf-8', 'replace')[-2000:]}"
    )


def _lines(log: Path) -> Iterator[Mapping[str, Any]]:
    """Whole lines only: the last one may still be written. What is no JSON is no line of ours."""
    for line in log.read_bytes().split(b"\n")[:-1]:
        if line.startswith(b"{"):
            yield orjson.loads(line)
