"""The calibration: what this machine is worth at this moment, so that runs can be compared."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

HASHED = bytes(200_000)
WRITTEN = bytes(8192)
REPETITIONS = 7


@dataclass(slots=True, kw_only=True)
class Calibration:
    """Times of a hash of 200 KB and of a durable write of 8 KB, taken between the rounds.

    The file lies where the databases do: `folder` decides which disk it is about.
    """

    folder: Path
    hash_milliseconds: list[float] = field(default_factory=list)
    sync_milliseconds: list[float] = field(default_factory=list)

    async def take(self) -> None:
        """Measure once more, when nothing else of ours runs."""
        hashed, synced = await asyncio.to_thread(self._measure)
        self.hash_milliseconds.append(hashed)
        self.sync_milliseconds.append(synced)

    def describe(self) -> str:
        """In words, for people."""
        return (
            f"calibration: blake2b of 200 KB {_shown(self.hash_milliseconds)}, "
            f"fdatasync of 8 KB {_shown(self.sync_milliseconds)}"
        )

    def values(self) -> Mapping[str, list[float]]:
        """All of them, for programs."""
        return {
            "blake2b_200kb_milliseconds": self.hash_milliseconds,
            "fdatasync_8kb_milliseconds": self.sync_milliseconds,
        }

    def _measure(self) -> tuple[float, float]:
        hashed = _median_milliseconds(lambda: hashlib.blake2b(HASHED).digest())
        file = self.folder / "calibration"
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            return hashed, _median_milliseconds(lambda: _write(descriptor))
        finally:
            os.close(descriptor)
            file.unlink()


def _write(descriptor: int) -> None:
    os.pwrite(descriptor, WRITTEN, 0)
    _sync(descriptor)


_sync = getattr(os, "fdatasync", os.fsync)
"""macOS has no fdatasync."""


def _median_milliseconds(work: Callable[[], object]) -> float:
    times = []
    for _ in range(REPETITIONS):
        began = time.perf_counter()
        work()
        times.append((time.perf_counter() - began) * 1000)
    return median(times)


def _shown(values: list[float]) -> str:
    return f"{median(values):.2f} ms ({min(values):.2f} to {max(values):.2f})"
