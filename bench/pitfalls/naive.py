"""The watermark poller as a contender: a process for each task."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from bench.faults import CheckFailed
from bench.pitfalls.contender import Contender, Crm, Task, Told
from bench.worker import ROOT


class WatermarkPoller:
    """Tells no event ids, says nothing of its state, and is switched on anew when it is saved."""

    name = "watermark poller"
    patience_seconds = 2.5

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._processes: dict[str, list[Process]] = {}

    async def watch(self, task: Task) -> None:
        self._processes[task.name] = [await self._start(task)]

    async def forget(self, task: Task) -> None:
        for process in self._processes.pop(task.name, []):
            await _end(process)

    def pid(self, task: Task) -> int:
        return self._processes[task.name][0].pid

    async def revive(self, task: Task) -> None:
        await self._processes[task.name][0].wait()
        await self.watch(task)

    async def double(self, task: Task) -> None:
        self._processes[task.name].append(await self._start(task))

    async def reconfigure(self, task: Task) -> None:
        await self.forget(task)
        self._state(task).unlink()
        await self.watch(task)

    async def consent(self, task: Task, code: str) -> None:
        await self.forget(task)
        state = json.loads(self._state(task).read_text())
        self._state(task).write_text(json.dumps({"mark": state["mark"]}))
        self._processes[task.name] = [await self._start(task, code)]

    async def complains(self, task: Task) -> bool:  # noqa: ARG002 -- it never does
        return False

    def read(self, body: str) -> Sequence[Told]:
        told = json.loads(body)
        return [Told(key=told["id"], kind=told["kind"], record=told["record"])]

    async def close(self) -> None:
        """End every process."""
        for processes in self._processes.values():
            for process in processes:
                await _end(process)

    def _state(self, task: Task) -> Path:
        return self._folder / f"{task.name}.json"

    async def _start(self, task: Task, code: str | None = None) -> Process:
        wanted = {
            "url": task.crm.url,
            "callback": task.callback,
            "personal_token": task.crm.personal_token,
            "client_id": task.crm.client_id,
            "client_secret": task.crm.client_secret,
            "redirect_uri": task.redirect_uri,
            "code": code or task.code,
            "every_seconds": task.every_seconds,
            "page_size": task.page_size,
            "deletes": task.deletes,
        }
        command = ("-m", "bench.pitfalls.watermark", json.dumps(wanted), str(self._state(task)))
        with (self._folder / f"{task.name}.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, *command, stdout=asyncio.subprocess.PIPE, stderr=log, cwd=ROOT
            )
        if process.stdout is None or await process.stdout.readline() != b"ready\n":
            raise CheckFailed(f"the watermark poller does not start: {task.name}")
        return process


@asynccontextmanager
async def open_watermark_poller(
    folder: Path,
    crm: Crm,  # noqa: ARG001 -- each task has its own
) -> AsyncIterator[Contender]:
    """Nothing runs until it has a task."""
    folder.mkdir(parents=True)
    poller = WatermarkPoller(folder)
    try:
        yield poller
    finally:
        await poller.close()


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()
