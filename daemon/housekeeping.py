"""Housekeeping: the slow chores beside the work: old rows purged in small batches, gauges kept."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

from daemon.errors import DatabaseUnavailable
from daemon.logs import RepeatGate
from daemon.metrics import Metrics
from daemon.store import leases, outbox
from daemon.store.database import Database
from daemon.store.idempotency import IdempotencyKeys
from daemon.store.instance_changes import purge_deleted
from daemon.store.room import free_bytes, why_full

log = structlog.get_logger(__name__)

GAUGE_SECONDS = 5.0
CHORE_SECONDS = 60.0
BATCH = 200
"""Rows per statement: few enough that no send waits behind one for long."""
PAUSE_SECONDS = 0.02
"""Between two batches, so that a large purge takes its time and not the work's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Housekeeping:
    """`retention` is how long final rows are kept; `folder` is that of the embedded database, if
    that is used; `now` is the clock."""

    database: Database
    idempotency: IdempotencyKeys
    metrics: Metrics
    retention: timedelta
    folder: Path | None = None
    gate: RepeatGate = field(default_factory=RepeatGate)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def run(self, stop: asyncio.Event) -> None:
        """Do the chores once a minute and look at the backlog every few seconds, until stopped."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_every(CHORE_SECONDS, self.run_once, stop), name="chores")
            tasks.create_task(_every(GAUGE_SECONDS, self.measure, stop), name="gauges")

    async def run_once(self) -> None:
        """Every chore, one after the other."""
        await self._purge("notifications", self._purge_finished)
        await self._purge("deleted_instances", self._purge_deleted)
        await self._purge("idempotency_keys", self._purge_keys)
        await leases.forget_dead(self.database)

    async def measure(self) -> None:
        """Set the gauges of what room is left, and of what has not been delivered yet."""
        self._look_at_room()
        backlog = await outbox.measure_backlog(self.database)
        self.metrics.pending_deliveries.set(backlog.pending)
        age = 0.0 if backlog.oldest_at is None else (self.now() - backlog.oldest_at).total_seconds()
        self.metrics.oldest_pending_delivery_age.set(max(0.0, age))

    def _look_at_room(self) -> None:
        if self.folder is None:
            return
        self.metrics.data_dir_free_bytes.set(free_bytes(self.folder))
        if (reason := why_full(self.folder)) is None:
            self.gate.close("room")
        elif self.gate.opens("room", "full"):
            log.warning("data_dir.almost_full", reason=reason)

    async def _purge(self, what: str, batch: Callable[[], Awaitable[int]]) -> None:
        total = 0
        while removed := await batch():
            total += removed
            await asyncio.sleep(PAUSE_SECONDS)
        if total:
            log.info("housekeeping.purged", what=what, rows=total)

    async def _purge_finished(self) -> int:
        before = self.now() - self.retention
        return await outbox.purge_finished(self.database, before=before, limit=BATCH)

    async def _purge_deleted(self) -> int:
        return await purge_deleted(self.database, BATCH)

    async def _purge_keys(self) -> int:
        return await self.idempotency.purge(BATCH)


async def _every(seconds: float, chore: Callable[[], Awaitable[None]], stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            await chore()
        except DatabaseUnavailable as error:
            log.debug("housekeeping.waits", reason=str(error))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await stop.wait()
