"""The worker: a part of the benchmark in a process of its own, asked by lines of JSON."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
import traceback
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson

from bench.faults import CheckFailed

ROOT = Path(__file__).parents[1]
LONGEST_LINE = 1 << 28
STOP_SECONDS = 20.0
ANSWER_SECONDS = 200.0

Handler = Callable[..., Awaitable[Any]]


class Worker:
    """The near end of a worker. One question at a time."""

    def __init__(self, process: Process) -> None:
        self._process = process

    async def ask(self, question: str, /, **arguments: Any) -> Any:
        """What the worker answers. Raises CheckFailed with its traceback if it cannot."""
        writer, reader = self._process.stdin, self._process.stdout
        if writer is None or reader is None:
            raise CheckFailed("a worker has no pipes")
        writer.write(orjson.dumps([question, arguments]) + b"\n")
        await writer.drain()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                line = await reader.readline()
        except TimeoutError:
            raise CheckFailed(f"no answer within {ANSWER_SECONDS:g} s to {question}") from None
        if not line:
            raise CheckFailed(f"a worker ended while it was asked to {question}")
        answer = orjson.loads(line)
        if "trouble" in answer:
            raise CheckFailed(f"a worker could not {question}: {answer['trouble']}")
        return answer["result"]

    async def cpu_seconds(self) -> float:
        """The CPU time that it has used so far."""
        return float(await self.ask("cpu"))


@asynccontextmanager
async def worker(module: str, *arguments: str) -> AsyncIterator[Worker]:
    """Runs `module`, which calls `serve`; it ends with this context, or with this process."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        *arguments,
        stdin=PIPE,
        stdout=PIPE,
        cwd=ROOT,
        limit=LONGEST_LINE,
        start_new_session=True,  # Ctrl-C is for us, who then end it
    )
    try:
        yield Worker(process)
    finally:
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


async def serve(handlers: Mapping[str, Handler]) -> None:
    """The far end: answers questions from standard input until that is closed."""
    loop, reader = asyncio.get_running_loop(), asyncio.StreamReader(limit=LONGEST_LINE)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    # What libraries print must not get between the answers.
    answers = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    known = {"cpu": _cpu_seconds, **handlers}
    with contextlib.suppress(BrokenPipeError), os.fdopen(answers, "wb") as pipe:
        while line := await reader.readline():
            question, arguments = orjson.loads(line)
            pipe.write(await _answer(known[question], arguments) + b"\n")
            pipe.flush()


async def _answer(handler: Handler, arguments: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps({"result": await handler(**arguments)})
    except Exception:  # noqa: BLE001 -- whoever asked is told
        return orjson.dumps({"trouble": traceback.format_exc()})


async def _cpu_seconds() -> float:
    return time.process_time()
