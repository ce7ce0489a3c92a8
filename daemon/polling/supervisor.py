"""One guarded task per polled resource: the wished set compared with the running one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping
from contextvars import Context
from dataclasses import dataclass
from typing import Any

import structlog

from daemon.errors import DatabaseUnavailable, Fenced
from daemon.instance import InstanceId, PollTarget, ResourceKey
from daemon.leases import Leases
from daemon.polling.signals import Signals
from daemon.store.database import Database
from daemon.store.resources import list_targets
from daemon.waiting import first_of

log = structlog.get_logger(__name__)

RECONCILE_SECONDS = 30.0
RESTART_SECONDS = 5.0

Work = Callable[[PollTarget, Signals], Coroutine[Any, Any, None]]
"""What a task does for its target, until it is told to stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Running:
    target: PollTarget
    task: asyncio.Task[None]
    signals: Signals


class Supervisor:
    """Keeps exactly the wished polling tasks running."""

    def __init__(self, database: Database, leases: Leases, work: Work) -> None:
        self._database = database
        self._leases = leases
        self._work = work
        self._running: dict[ResourceKey, _Running] = {}
        self._changed = asyncio.Event()
        self._reconciling = asyncio.Lock()
        self._draining = False

    def wake(self) -> None:
        """Something that decides the wished set has changed."""
        self._changed.set()

    def running(self) -> Mapping[ResourceKey, PollTarget]:
        """What is being polled now."""
        return {key: entry.target for key, entry in self._running.items()}

    async def run(self, stop: asyncio.Event) -> None:
        """Reconcile on every change, and now and then in case one was missed."""
        while not stop.is_set():
            self._changed.clear()
            try:
                await self.reconcile()
            except DatabaseUnavailable as error:
                log.debug("supervisor.waits", reason=str(error))
            await first_of(stop, self._changed, timeout_seconds=RECONCILE_SECONDS)

    async def refresh(self, instance_id: InstanceId) -> None:
        """Make a change of an instance take effect.

        When this returns, no task started under the old state is running, and the tasks wished
        under the new one are.
        """
        async with self._reconciling:
            await self._stop(key for key in list(self._running) if key.instance_id == instance_id)
            await self._leases.run_once()
        await self.reconcile()

    async def reconcile(self) -> None:
        """Stop what is redundant, then start what is missing."""
        async with self._reconciling:
            if self._draining:
                return
            wished = {
                target.key: target
                for target in await list_targets(self._database, self._leases.held())
            }
            await self._stop(self._redundant(wished))
            for key in wished.keys() - self._running.keys():
                self._start(wished[key])

    def poll_now(self, key: ResourceKey) -> bool:
        """Cut the wait of a resource short; False if it is not being polled."""
        entry = self._running.get(key)
        if entry is not None:
            entry.signals.poll_now.set()
        return entry is not None

    async def first_polls(
        self,
        instance_id: InstanceId,
        timeout_seconds: float,
        names: Collection[str] | None = None,
    ) -> bool:
        """Wait until resources of an instance (all, or these) were polled once by their tasks.

        False if that takes longer.
        """
        entries = [
            entry
            for key, entry in self._running.items()
            if key.instance_id == instance_id and (names is None or key.name in names)
        ]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                for entry in entries:
                    await entry.signals.polled.wait()
        return all(entry.signals.polled.is_set() for entry in entries)

    async def drain(self, grace_seconds: float) -> Collection[ResourceKey]:
        """Start no more polls, let running ones end, then cut; answers the keys that were cut."""
        self._draining = True
        for entry in self._running.values():
            entry.signals.stop.set()
        tasks = [entry.task for entry in self._running.values()]
        if tasks:
            await asyncio.wait(tasks, timeout=grace_seconds)
        late = [key for key, entry in self._running.items() if not entry.task.done()]
        await self._stop(list(self._running))
        return late

    def _redundant(self, wished: Mapping[ResourceKey, PollTarget]) -> list[ResourceKey]:
        return [
            key
            for key, entry in self._running.items()
            if key not in wished
            or wished[key].version != entry.target.version
            or wished[key].resource_id != entry.target.resource_id
        ]

    def _start(self, target: PollTarget) -> None:
        signals = Signals()
        task = asyncio.create_task(
            self._guard(target, signals),
            name=f"poll {target.key}",
            context=Context(),  # not that of the request which may have asked for it
        )
        self._running[target.key] = _Running(target=target, task=task, signals=signals)

    async def _stop(self, keys: Iterable[ResourceKey]) -> None:
        entries = [self._running.pop(key) for key in keys]
        for entry in entries:
            entry.signals.stop.set()
            entry.task.cancel()
        if entries:
            await asyncio.wait([entry.task for entry in entries])

    async def _guard(self, target: PollTarget, signals: Signals) -> None:
        """Run one task for as long as it is wished, whatever happens to it."""
        with structlog.contextvars.bound_contextvars(
            instance=target.instance.id, resource=target.name
        ):
            while not signals.stop.is_set():
                try:
                    await self._work(target, signals)
                except Fenced as error:
                    log.info("poll.fenced", reason=str(error))
                    self.wake()
                except DatabaseUnavailable as error:
                    log.debug("poll.waits_for_database", reason=str(error))
                except Exception:
                    log.exception("poll.task_failed")
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(RESTART_SECONDS):
                        await signals.stop.wait()
