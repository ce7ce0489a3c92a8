"""Which instances are ours: leases taken, kept by a heartbeat, and lost."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import UUID, uuid4

import structlog

from daemon.errors import DatabaseUnavailable
from daemon.instance import InstanceId
from daemon.logs import RepeatGate
from daemon.store import leases as rows
from daemon.store.database import Database

log = structlog.get_logger(__name__)

MARGIN = 0.1
"""The part of a lease before its row's expiry in which we no longer act: for clocks that drift."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to write for one instance: its fencing token, and until when (monotonic) to act."""

    instance_id: InstanceId
    token: int
    deadline: float


class Leases:
    """The leases of this daemon.

    `on_change` is called, with no argument, whenever the set of instances held has changed, or
    somebody else has changed one of them (which raises its token).
    """

    def __init__(
        self,
        database: Database,
        *,
        seconds: float,
        renew_seconds: float,
        alone: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.owner: UUID = uuid4()
        self.on_change: Callable[[], None] = lambda: None
        self._database = database
        self._seconds = seconds
        self._renew_seconds = renew_seconds
        self._alone = alone
        self._clock = clock
        self._tokens: Mapping[InstanceId, int] = {}
        self._deadline = 0.0
        self._round = asyncio.Lock()

    def holds(self, instance_id: InstanceId) -> Lease | None:
        """The lease, if it is ours and its local deadline has not passed."""
        token = self.token(instance_id)
        if token is None:
            return None
        return Lease(instance_id=instance_id, token=token, deadline=self._deadline)

    def token(self, instance_id: InstanceId) -> int | None:
        """Its fencing token, if it is ours and its local deadline has not passed."""
        return self._tokens.get(instance_id) if self._clock() < self._deadline else None

    def held(self) -> frozenset[InstanceId]:
        """Every instance this daemon may act for now."""
        return frozenset(self._tokens) if self._clock() < self._deadline else frozenset()

    async def run(self, stop: asyncio.Event) -> None:
        """Keep and take leases until told to stop; says when the database goes and is back."""
        gate = RepeatGate()
        while not stop.is_set():
            known = self._tokens
            try:
                await self.run_once()
            except DatabaseUnavailable as error:
                if gate.opens("database", str(error)):
                    log.warning("database.away", reason=str(error))
            else:
                if times := gate.close("database"):
                    log.info("database.back", failures=times)
                if self._tokens != known:
                    self.on_change()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._renew_seconds):
                    await stop.wait()

    async def run_once(self) -> None:
        """One round: beat, take what is free, learn what is held and under which tokens."""
        async with self._round:
            before, asked_at = self.held(), self._clock()
            await rows.beat(self._database, self.owner, self._seconds)
            await rows.acquire(self._database, self.owner, alone=self._alone)
            self._tokens = await rows.own(self._database, self.owner)
            self._deadline = asked_at + self._seconds * (1 - MARGIN)
        if self.held() != before:
            self.on_change()

    async def release(self) -> None:
        """Give everything back; what is held locally ends first."""
        self._tokens = {}
        await rows.release(self._database, self.owner)
