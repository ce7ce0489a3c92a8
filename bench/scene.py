"""The scene: the far side running, a folder to work in, and the plan that a benchmark follows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.calibration import Calibration
from bench.plan import Plan
from bench.worker import Worker, worker


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Provider and receiver are processes of their own: what they cost is told apart.

    With `profile`, the product runs under cProfile, which writes to that file when it stops.
    """

    plan: Plan
    folder: Path
    calibration: Calibration
    provider: Worker
    receiver: Worker
    api_url: str
    callback_url: str
    profile: Path | None = None

    async def far_side_cpu_seconds(self) -> float:
        """CPU time of both so far."""
        return await self.provider.cpu_seconds() + await self.receiver.cpu_seconds()


@asynccontextmanager
async def open_scene(plan: Plan, folder: Path, profile: Path | None = None) -> AsyncIterator[Scene]:
    """The far side, from listening to ended. The folder is made."""
    folder.mkdir()
    async with worker("bench.provider") as provider, worker("bench.receiver") as receiver:
        yield Scene(
            plan=plan,
            folder=folder,
            calibration=Calibration(folder=folder),
            provider=provider,
            receiver=receiver,
            api_url=f"{await provider.ask('start')}/octopus",
            callback_url=await receiver.ask("start"),
            profile=profile,
        )
