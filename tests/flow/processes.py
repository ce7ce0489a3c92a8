"""Programs in processes of their own: begun, listened to, killed, and waited for."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import orjson
import pytest

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
LOOK_SECONDS = 0.03
PATIENCE_SECONDS = 40.0
"""How long anything may take on a slow, busy machine before the promise counts as broken."""
SHOWN_LINES = 30
LONGEST_LINE_BYTES = 4 * 2**20


def own_environment() -> Mapping[str, str]:
    """Ours, without what would configure a daemon."""
    return {name: value for name, value in os.environ.items() if not name.startswith("POLLHOOK_")}


class Program:
    """One run of a program; what it writes to its log is read line by line, as JSON where it is."""

    def __init__(
        self, process: asyncio.subprocess.Process, stream: asyncio.StreamReader, log: Path
    ) -> None:
        self.lines: list[Mapping[str, Any]] = []
        self._process = process
        self._stream = stream
        self._log = log
        self._grown = asyncio.Event()
        self._reading = asyncio.create_task(self._read(), name=f"log of {process.pid}")

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        return self._process.returncode is not None

    async def line(self, **wanted: Any) -> Mapping[str, Any]:
        """The first line with these values, once it is there; fails if the program ends instead."""
        seen = 0
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                for line in self.lines[seen:]:
                    if wanted.items() <= line.items():
                        return line
                seen = len(self.lines)
                if self._reading.done():
                    pytest.fail(f"it ended without saying {wanted}, but {self.lines[-5:]}")
                self._grown.clear()
                await self._grown.wait()

    def said(self, **wanted: Any) -> Sequence[Mapping[str, Any]]:
        """Every line with these values so far."""
        return [line for line in self.lines if wanted.items() <= line.items()]

    def send(self, number: signal.Signals) -> None:
        """Send a signal; to a program that has just ended it means nothing."""
        with suppress(ProcessLookupError):
            self._process.send_signal(number)

    async def ended(self) -> int:
        """Wait for the end by itself; answers the exit status, negative for a signal."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            status = await self._process.wait()
            await self._reading
        return status

    async def end(self, number: signal.Signals) -> int:
        """Send a signal that ends it, and wait until it has."""
        self.send(number)
        return await self.ended()

    def show_last_words(self) -> None:
        """Print what a failed test should be read with."""
        for line in [*self.said(level="warning")[-20:], *self.lines[-SHOWN_LINES:]]:
            print(orjson.dumps(line).decode()[:1000])

    async def _read(self) -> None:
        with self._log.open("ab") as log:
            async for line in self._stream:
                log.write(line)
                self.lines.append(_parsed(line))
                self._grown.set()
        self._grown.set()


@asynccontextmanager
async def running(
    *arguments: str, log: Path, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Program]:
    """`python -m ...` until the context ends, which kills it if it still runs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=ROOT,
        env={**own_environment(), **(environment or {})},
        limit=LONGEST_LINE_BYTES,
    )
    assert process.stdout is not None
    program = Program(process, process.stdout, log)
    try:
        yield program
    finally:
        await program.end(signal.SIGKILL)
        program.show_last_words()


async def finished(*arguments: str) -> tuple[int, str, str]:
    """Run `python -m ...` to its end: exit status, standard output, standard error."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env=own_environment(),
    )
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            output, complaints = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, output.decode(), complaints.decode()


async def until(
    answer: Callable[[], Awaitable[T]], within_seconds: float, pause_seconds: float = LOOK_SECONDS
) -> T:
    """Ask until the answer is true, and give it. Raises TimeoutError."""
    async with asyncio.timeout(within_seconds):
        while True:
            if given := await answer():
                return given
            await asyncio.sleep(pause_seconds)


async def settled(
    complaints: Callable[[], Awaitable[Sequence[str]]],
    within_seconds: float = PATIENCE_SECONDS,
    pause_seconds: float = LOOK_SECONDS,
) -> None:
    """Ask until there are no complaints left; fails with the last ones."""
    last: Sequence[str] = ["nothing was answered"]

    async def has_none() -> bool:
        nonlocal last
        last = await complaints()
        return not last

    try:
        await until(has_none, within_seconds, pause_seconds)
    except TimeoutError:
        pytest.fail(f"still after {within_seconds:g} seconds: " + "; ".join(last[:10]))


async def eventually(
    answer: Callable[[], Awaitable[T]], what: str, within_seconds: float = PATIENCE_SECONDS
) -> T:
    """Ask until the answer is true, and give it; `what` names it should it never be."""
    try:
        return await until(answer, within_seconds)
    except TimeoutError:
        pytest.fail(f"not within {within_seconds:g} seconds: {what}")


def _parsed(line: bytes) -> Mapping[str, Any]:
    try:
        read = orjson.loads(line)
    except orjson.JSONDecodeError:
        read = None
    return read if isinstance(read, dict) else {"text": line.decode(errors="replace").rstrip()}
