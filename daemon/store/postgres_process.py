"""How PostgreSQL's programs are run: under which account, with what they may see, until when."""

from __future__ import annotations

import asyncio
import os
import pwd
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from daemon.errors import DatabaseUnavailable
from daemon.store import postgres_launcher

SERVER_ACCOUNTS = ("postgres", "nobody")
"""Root runs the server as the first of these that exists: PostgreSQL refuses root."""

INHERITED_VARIABLES = ("PATH", "LD_LIBRARY_PATH", "TMPDIR")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An unprivileged account that root runs PostgreSQL under."""

    uid: int
    gid: int


def find_account(data: Path) -> Account | None:
    """The account for the cluster in `data`: its owner if it exists; None unless we are root.

    Raises DatabaseUnavailable if root finds no account to change to.
    """
    if os.geteuid() != 0:
        return None
    if data.exists() and (owner := data.stat()).st_uid != 0:
        return Account(uid=owner.st_uid, gid=owner.st_gid)
    for name in SERVER_ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(uid=entry.pw_uid, gid=entry.pw_gid)
    raise DatabaseUnavailable(
        "PostgreSQL does not run as root, and there is neither an account postgres nor nobody: "
        "run pollhook as an ordinary user, or set database.dsn to a PostgreSQL 15 or newer."
    )


class Launcher:
    """Runs programs under `account` (None: our own), each ending when the daemon does.

    A context: the directories that `show` opened stay open until it is left.
    """

    def __init__(self, account: Account | None) -> None:
        self.account = account
        self._open = ExitStack()
        self._descriptors: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._open.close()

    def reaches(self, path: Path) -> bool:
        """Whether the account may pass through all directories above `path`."""
        return self.account is None or all(parent.stat().st_mode & 0o001 for parent in path.parents)

    def give(self, path: Path) -> None:
        """Make the account the owner of `path`."""
        if self.account is not None:
            os.chown(path, self.account.uid, self.account.gid)

    def show(self, directory: Path) -> str:
        """A path by which the account can use a directory of its own.

        Below a closed one, such as root's home, it is a descriptor which the program inherits: so
        the account sees this directory and nothing else there, and no permission is changed.
        """
        if self.reaches(directory) or not Path("/proc/self/fd").exists():
            return str(directory)
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        self._open.callback(os.close, descriptor)
        self._descriptors.append(descriptor)
        return f"/proc/self/fd/{descriptor}"

    async def spawn(self, *command: str | Path, output: IO[bytes] | int) -> Process:
        """Start a program in a session of its own, so that Ctrl-C reaches the daemon only."""
        account = self.account
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-IS",
            postgres_launcher.__file__,
            str(os.getpid()),
            str(account.uid) if account else "-",
            str(account.gid) if account else "-",
            *map(str, command),
            stdin=DEVNULL,
            stdout=output,
            stderr=STDOUT,
            cwd="/",
            env=_environment(),
            start_new_session=True,
            pass_fds=self._descriptors,
        )

    async def run(self, *command: str | Path) -> tuple[int, str]:
        """Run a program to its end: its exit status and what it said."""
        process = await self.spawn(*command, output=PIPE)
        try:
            said, _ = await process.communicate()
        except asyncio.CancelledError:
            await end(process, patience_seconds=5)
            raise
        return process.returncode or 0, said.decode(errors="replace")


async def end(process: Process, *, patience_seconds: float) -> bool:
    """A fast shutdown (SIGINT), after a while an immediate one (SIGQUIT); whether it ended.

    Never SIGKILL: it would leave PostgreSQL's other processes behind.
    """
    for number, seconds in ((signal.SIGINT, patience_seconds), (signal.SIGQUIT, 10)):
        if process.returncode is not None:
            return True
        process.send_signal(number)
        try:
            async with asyncio.timeout(seconds):
                await process.wait()
        except TimeoutError:
            continue
    return process.returncode is not None


def _environment() -> dict[str, str]:
    """Little: no PG* variable may change the server, and our secrets are none of its business."""
    inherited = {name: os.environ[name] for name in INHERITED_VARIABLES if name in os.environ}
    return {**inherited, "LC_ALL": "C"}
