"""The embedded PostgreSQL: one private server below the data directory, alive with the daemon."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

import structlog

from daemon.errors import DatabaseUnavailable
from daemon.store.cluster import PORT, SOCKET_FILE, Cluster, PidFile, fits
from daemon.store.postgres_binaries import WAYS_OUT, Binaries, find_binaries
from daemon.store.postgres_process import Launcher, end, find_account
from daemon.store.room import why_full

log = structlog.get_logger(__name__)

SETTINGS: Mapping[str, str] = {
    "cluster_name": "pollhook",
    "jit": "off",
    "listen_addresses": "",
    "log_checkpoints": "off",
    "log_timezone": "UTC",
    "max_connections": "50",
    "max_wal_senders": "0",
    "max_wal_size": "512MB",
    "port": str(PORT),
    "shared_buffers": "64MB",
    "timezone": "UTC",
    "unix_socket_permissions": "0700",
    "wal_level": "minimal",
}
"""What differs from PostgreSQL's defaults. fsync and synchronous_commit stay on: nothing told to a
provider or a receiver may be forgotten."""

FORGETFUL: Mapping[str, str] = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
}
"""For tests, whose data may be lost with the machine."""

LOOK_SECONDS = 0.01
RELAUNCH_SECONDS = 10
RELAUNCH_PAUSE_SECONDS = 0.1
STOP_SECONDS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerAddress:
    """Where a server listens: the folder of its socket, and whom to connect as."""

    host: str
    port: int = PORT
    user: str = "postgres"
    database: str = "postgres"

    def as_arguments(self) -> dict[str, Any]:
        """As asyncpg's `connect` and `create_pool` take them."""
        return asdict(self)


class EmbeddedPostgres:
    """A PostgreSQL server below `data_dir`/postgres that nobody else can reach or keeps alive.

    Used as a context, or by `start`, `wait` and `stop`. It opens no port, it dies with this process
    however that ends, and one folder belongs to one daemon. `durable=False` is for tests. Whatever
    fails raises DatabaseUnavailable.
    """

    def __init__(
        self, data_dir: Path, *, durable: bool = True, start_timeout_seconds: float = 300
    ) -> None:
        self._cluster = Cluster(_home(data_dir))
        self._durable = durable
        self._start_timeout_seconds = start_timeout_seconds
        self._lock: TextIO | None = None
        self._process: Process | None = None
        self._stopping = False

    async def __aenter__(self) -> ServerAddress:
        return await self.start()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    async def start(self) -> ServerAddress:
        """Start the server, making its cluster the first time; returns once it can be used."""
        began = time.monotonic()
        try:
            address = await self._start()
        except OSError as error:
            await self.stop()
            raise DatabaseUnavailable(
                f"The embedded PostgreSQL cannot use {self._cluster.home}: {error}. {WAYS_OUT}"
            ) from error
        except BaseException:
            await self.stop()
            raise
        log.info("postgres.started", seconds=round(time.monotonic() - began, 3))
        return address

    async def wait(self) -> str | None:
        """Wait for the server's end: in words how it ended unasked, None if `stop` ended it."""
        if self._process is None:
            return None
        status = await self._process.wait()
        return None if self._stopping else self._explain(f"ended {_how(status)}")

    async def stop(self) -> None:
        """Shut the server down, cutting sessions that are still open; safe to call again."""
        self._stopping = True
        try:
            if self._process and not await end(self._process, patience_seconds=STOP_SECONDS):
                log.error("postgres.does_not_stop", process=self._process.pid)
        finally:
            if self._lock:
                self._cluster.remove_socket()
                self._lock.close()
                self._lock = None

    async def _start(self) -> ServerAddress:
        cluster = self._cluster
        self._stopping = False
        self._lock = cluster.lock()
        with Launcher(find_account(cluster.data)) as launcher:
            binaries = await find_binaries(launcher, cluster.home, cluster.major())
            if cluster.major() is None:
                await cluster.create(launcher, binaries, durable=self._durable)
            await cluster.end_orphan()
            place = cluster.place_socket(launcher)
            await self._launch(launcher, self._command(launcher, binaries, place))
        return ServerAddress(host=str(place))

    def _command(self, launcher: Launcher, binaries: Binaries, place: Path) -> list[str]:
        folders = launcher.show(place).replace('"', '""')
        settings = {**SETTINGS, "unix_socket_directories": f'"{folders}"'}
        if not self._durable:
            settings |= FORGETFUL
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [
            str(binaries.folder / "postgres"),
            "-D",
            launcher.show(self._cluster.data),
            *options,
        ]

    async def _launch(self, launcher: Launcher, command: list[str]) -> None:
        crashed = self._cluster.pid_file() is not None
        relaunch_until = time.monotonic() + RELAUNCH_SECONDS
        try:
            async with asyncio.timeout(self._start_timeout_seconds):
                while not await self._become_ready(launcher, command):
                    # What a killed server leaves holds the cluster for a moment longer.
                    if not crashed or time.monotonic() > relaunch_until:
                        raise DatabaseUnavailable(self._explain("does not start"))
                    await asyncio.sleep(RELAUNCH_PAUSE_SECONDS)
        except TimeoutError:
            limit = f"is not ready after {self._start_timeout_seconds:g} s"
            raise DatabaseUnavailable(self._explain(limit)) from None

    async def _become_ready(self, launcher: Launcher, command: list[str]) -> bool:
        """Start the server and look until it can be used; False if it ends instead."""
        output = self._cluster.open_log()
        try:
            process = self._process = await launcher.spawn(*command, output=output)
        finally:
            os.close(output)
        ready = PidFile(pid=process.pid, ready=True)
        while process.returncode is None:
            if self._cluster.pid_file() == ready:
                return True
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await process.wait()
        return False

    def _explain(self, happened: str) -> str:
        said = self._cluster.last_words()
        hint = why_full(self._cluster.home) or WAYS_OUT
        return f"The embedded PostgreSQL {happened}; its log ends: {said}\n{hint}"


@asynccontextmanager
async def borrow_server(data_dir: Path) -> AsyncIterator[ServerAddress]:
    """For a command beside the daemon: its server if it runs, else one of our own until the end."""
    if address := connect_info(data_dir):
        yield address
        return
    async with EmbeddedPostgres(data_dir) as address:
        yield address


def connect_info(data_dir: Path) -> ServerAddress | None:
    """The address of the server that runs on `data_dir`, None if there is none.

    Raises DatabaseUnavailable if it belongs to another account.
    """
    place = (_home(data_dir) / "socket").resolve()
    if not fits(place):
        return None  # a server would listen elsewhere, and leave a link to there
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(place / SOCKET_FILE))
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        except OSError as error:
            raise DatabaseUnavailable(
                f"The embedded PostgreSQL in {data_dir} cannot be reached: {error.strerror}. "
                "Run the command as the account that runs the daemon."
            ) from error
    return ServerAddress(host=str(place))


def _home(data_dir: Path) -> Path:
    return (data_dir / "postgres").resolve()


def _how(status: int) -> str:
    if status >= 0:
        return f"with exit status {status}"
    return f"by {signal.Signals(-status).name}"
