"""The embedded server's folder on disk: its cluster, its lock, its socket and what is left over."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pwd
import shutil
import signal
import tempfile
from asyncio.subprocess import PIPE
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from daemon.errors import DatabaseUnavailable
from daemon.store.postgres_binaries import Binaries
from daemon.store.postgres_process import Launcher

PORT = 5432
SOCKET_FILE = f".s.PGSQL.{PORT}"

LONGEST_SOCKET_PATH = 103
"""Bytes that a socket's address holds: 107 on Linux, 103 on macOS."""

ORPHAN_SIGNALS = ((signal.SIGINT, 30), (signal.SIGQUIT, 10))

LOOKS_PER_SECOND = 50

PROCESSES = Path("/proc")
"""Where Linux shows processes; macOS has none."""

LARGEST_LOG_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PidFile:
    """What a running server says in `postmaster.pid`."""

    pid: int
    ready: bool


class Cluster:
    """The files below `home`; each belongs to whoever starts the daemon but `data` and `socket`."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.data = home / "pgdata"
        self.socket = home / "socket"
        self.log = home / "server.log"

    def lock(self) -> TextIO:
        """Take the folder for this daemon until the answer is closed, or the process ends.

        Raises DatabaseUnavailable if another daemon holds it.
        """
        self.home.mkdir(parents=True, exist_ok=True)
        holder = (self.home / "lock").open("a+", encoding="ascii")
        try:
            fcntl.flock(holder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder.seek(0)
            pid = holder.read().strip() or "unknown"
            holder.close()
            raise DatabaseUnavailable(
                f"Another pollhook (process {pid}) already uses {self.home.parent}: stop it, or "
                "choose another data_dir."
            ) from None
        holder.truncate(0)
        holder.write(str(os.getpid()))
        holder.flush()
        return holder

    def major(self) -> int | None:
        """The major version of the PostgreSQL that made the cluster, None if there is none yet."""
        try:
            return int((self.data / "PG_VERSION").read_text("ascii").split(".")[0])
        except FileNotFoundError:
            return None

    async def create(self, launcher: Launcher, binaries: Binaries, *, durable: bool) -> None:
        """Make the cluster beside its place and rename it, so that a kill leaves no half of one."""
        _require_account_entry()
        staging = self.home / "pgdata.tmp"
        await asyncio.to_thread(shutil.rmtree, staging, ignore_errors=True)
        staging.mkdir(mode=0o700)
        launcher.give(staging)
        where = ("-D", launcher.show(staging))
        options = ("-U", "postgres", "-A", "trust", "-E", "UTF8", *_locale(binaries.major))
        speed = () if durable else ("-N",)
        status, said = await launcher.run(binaries.folder / "initdb", *where, *options, *speed)
        if status:
            raise DatabaseUnavailable(f"initdb could not make {self.data}: {said.strip()[-800:]}")
        staging.rename(self.data)

    def pid_file(self) -> PidFile | None:
        """What the server says of itself; None without a server, or if it is only beginning to."""
        try:
            # Read once: the server rewrites it while it starts. Line 1 is its id, line 8 its state.
            lines = (self.data / "postmaster.pid").read_text("ascii", "replace").splitlines()
        except FileNotFoundError:
            return None
        if not lines or not lines[0].isdigit():
            return None
        return PidFile(pid=int(lines[0]), ready=len(lines) > 7 and lines[7].strip() == "ready")

    async def end_orphan(self) -> None:
        """Stop a server that outlived a killed daemon; to be called with the lock held.

        The file of a dead server stays: PostgreSQL itself removes it. Raises DatabaseUnavailable if
        the server does not stop.
        """
        found = self.pid_file()
        if found is None:
            return
        for number, seconds in ORPHAN_SIGNALS:
            if await self._is_gone(found.pid, after=number, within_seconds=seconds):
                return
        raise DatabaseUnavailable(
            f"A PostgreSQL server (process {found.pid}) is left over in {self.data} and does not "
            "stop: end it by hand."
        )

    async def _is_gone(self, pid: int, *, after: signal.Signals, within_seconds: int) -> bool:
        if not await self._serves(pid):
            return True
        with suppress(ProcessLookupError):
            os.kill(pid, after)
        for _ in range(within_seconds * LOOKS_PER_SECOND):
            if not await self._serves(pid):
                return True
            await asyncio.sleep(1 / LOOKS_PER_SECOND)
        return False

    async def _serves(self, pid: int) -> bool:
        """Whether the process is this cluster's server, not a stranger that got the same id."""
        if (PROCESSES / "self").exists():
            try:
                return (PROCESSES / str(pid) / "cwd").readlink() == self.data
            except OSError:
                return False
        show = ("ps", "-o", "command=", "-p", str(pid))
        process = await asyncio.create_subprocess_exec(*show, stdout=PIPE)
        said, _ = await process.communicate()
        return os.fsencode(self.data) in said

    def place_socket(self, launcher: Launcher) -> Path:
        """The folder for the socket, which only the server's account may enter.

        It is `socket` below home, or where that leads: a temporary folder if the path is too long.
        """
        self.remove_socket()
        if fits(self.socket):
            place = self.socket
            place.mkdir(mode=0o700, exist_ok=True)
        else:
            place = Path(tempfile.mkdtemp(prefix="pollhook-")).resolve()
            self.socket.symlink_to(place)
        launcher.give(place)
        return place

    def remove_socket(self) -> None:
        """Take the folder away again, also one that a killed daemon left."""
        place = self.socket.resolve()
        for name in (SOCKET_FILE, f"{SOCKET_FILE}.lock"):
            (place / name).unlink(missing_ok=True)
        if self.socket.is_symlink():
            self.socket.unlink()
        with suppress(OSError):  # not there, or somebody's file is in it
            place.rmdir()

    def open_log(self) -> int:
        """A descriptor to append to the server's log, the one before kept as `server.log.old`."""
        if self.log.exists() and self.log.stat().st_size > LARGEST_LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.old"))
        return os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def last_words(self) -> str:
        """The end of the server's log, for an error's sentence."""
        return self.log.read_text("utf-8", "replace").strip()[-800:]


def fits(place: Path) -> bool:
    """Whether a socket in this folder has an address short enough for the system."""
    return len(os.fsencode(place / SOCKET_FILE)) <= LONGEST_SOCKET_PATH


def _require_account_entry() -> None:
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        raise DatabaseUnavailable(
            f"The user id {os.geteuid()} has no entry in the system's list of accounts "
            "(/etc/passwd), which PostgreSQL needs to make a database: add one, or set "
            "database.dsn to a PostgreSQL 15 or newer."
        ) from None


def _locale(major: int) -> tuple[str, ...]:
    """Unicode rules that sort alike on every system, from the server itself where it has them."""
    if major >= 17:
        return ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
    return ("--locale=C.UTF-8",)
