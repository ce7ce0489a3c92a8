"""The settling: outcomes are recorded in groups, each while the previous one commits."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from daemon.delivery.endpoint import EndpointStatus
from daemon.delivery.settlement import Settlement
from daemon.errors import DatabaseUnavailable
from daemon.instance import InstanceId, NotificationId
from daemon.store import deliveries
from daemon.store.database import Database
from daemon.store.deliveries import Settled

log = structlog.get_logger(__name__)

GROUP_AT_MOST = 256
OUTAGE_PAUSE_SECONDS = 1.0


@dataclass(slots=True, kw_only=True)
class Result:
    """A settlement, the lease it was made under, and what else is to be recorded with it.

    `endpoint` is the endpoint's new status if that changed; `refunded` are notifications that get
    their last attempt back.
    """

    settlement: Settlement
    token: int
    endpoint: EndpointStatus | None
    refunded: tuple[NotificationId, ...] = ()

    @property
    def instance_id(self) -> InstanceId:
        return self.settlement.instance_id


class Settler:
    """Records results in the order they come; while the database is away, it keeps them.

    `on_settled` is called after each commit with what was recorded and what came of it.
    """

    def __init__(
        self, database: Database, on_settled: Callable[[Sequence[Result], Settled], None]
    ) -> None:
        self._database = database
        self._on_settled = on_settled
        self._waiting: deque[Result] = deque()
        self._arrived = asyncio.Event()
        self._database_back = asyncio.Event()
        self._finishing = False
        self.is_stalled = False

    @property
    def waiting(self) -> int:
        """How many results are not recorded yet."""
        return len(self._waiting)

    def add(self, result: Result) -> None:
        """Record this with the next group."""
        self._waiting.append(result)
        self._arrived.set()

    def finish(self) -> None:
        """No more will come: `run` ends when everything is recorded."""
        self._finishing = True
        self._arrived.set()
        self._database_back.set()

    def retry_now(self) -> None:
        """The database may be back: do not wait for the end of the pause."""
        self._database_back.set()

    async def run(self) -> None:
        """Record until `finish`; groups grow by themselves while one commits."""
        while self._waiting or not self._finishing:
            if self._waiting:
                await self._record(self._next_group())
            else:
                self._arrived.clear()
                await self._arrived.wait()

    def _next_group(self) -> Sequence[Result]:
        """From the head of what waits, as long as each instance has one lease in the group."""
        tokens: dict[InstanceId, int] = {}
        group: list[Result] = []
        for result in self._waiting:
            if tokens.setdefault(result.instance_id, result.token) != result.token:
                break
            group.append(result)
            if len(group) == GROUP_AT_MOST:
                break
        return group

    async def _record(self, group: Sequence[Result]) -> None:
        try:
            settled = await _settle(self._database, group)
        except DatabaseUnavailable as error:
            await self._wait_for_database(error)
            return
        if self.is_stalled:
            self.is_stalled = False
            log.info("delivery.settling_resumed", waiting=len(self._waiting))
        for _ in group:
            self._waiting.popleft()
        self._on_settled(group, settled)

    async def _wait_for_database(self, error: DatabaseUnavailable) -> None:
        if not self.is_stalled:
            self.is_stalled = True
            log.warning("delivery.settling_waits", waiting=len(self._waiting), reason=str(error))
        self._database_back.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(OUTAGE_PAUSE_SECONDS):
                await self._database_back.wait()


async def _settle(database: Database, group: Sequence[Result]) -> Settled:
    return await deliveries.settle(
        database,
        {result.instance_id: result.token for result in group},
        [result.settlement for result in group],
        endpoints={
            result.instance_id: result.endpoint for result in group if result.endpoint is not None
        },
        refunds={
            result.settlement.notification_id: result.refunded
            for result in group
            if result.refunded
        },
    )
