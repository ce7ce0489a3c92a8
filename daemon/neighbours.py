"""The neighbours: daemons that share the database, told of what people ask here and they hold."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Collection

import structlog

from daemon.errors import DatabaseUnavailable
from daemon.instance import InstanceId
from daemon.leases import Leases
from daemon.logs import RepeatGate
from daemon.store.announcements import Announcements, open_announcements
from daemon.store.database import Database
from daemon.store.instance_resources import any_is_due
from daemon.waiting import first_of

log = structlog.get_logger(__name__)

CHECK_SECONDS = 15.0
RETRY_SECONDS = 1.0
LOOK_SECONDS = 0.25
WORDS_KEPT = 1000
"""While the database is away. What is lost is found by itself, only later."""

OnTold = Callable[[InstanceId, str | None], Awaitable[None]]


async def _nobody_listens(_instance_id: InstanceId, _resource: str | None) -> None:
    """Nothing follows from what is heard."""


class Neighbours:
    """Says and hears that something about an instance has changed, or that one of its resources is
    to be polled: for what `tell` is called here, `on_told` is called where the instance is held.

    A word may be lost: everything is found without it, too, within some seconds.
    """

    def __init__(self, database: Database, leases: Leases) -> None:
        self.on_told: OnTold = _nobody_listens
        self._database = database
        self._leases = leases
        self._to_say: deque[str] = deque(maxlen=WORDS_KEPT)
        self._heard: deque[tuple[InstanceId, str | None]] = deque(maxlen=WORDS_KEPT)
        self._news = asyncio.Event()

    def is_ours(self, instance_id: InstanceId) -> bool:
        """Whether this daemon itself holds the instance."""
        return self._leases.token(instance_id) is not None

    def tell(self, instance_id: InstanceId, resource: str | None = None) -> None:
        """Let whoever holds this instance know; nothing if that is this daemon."""
        if not self.is_ours(instance_id):
            self._to_say.append(f"{instance_id}/{resource or ''}")
            self._news.set()

    async def wait_for_polls(
        self, instance_id: InstanceId, names: Collection[str], timeout_seconds: float
    ) -> None:
        """Until these resources of an instance that another daemon holds were polled."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                while await any_is_due(self._database, instance_id, names):  # noqa: ASYNC110
                    await asyncio.sleep(LOOK_SECONDS)

    async def run(self, stop: asyncio.Event) -> None:
        """Say and hear until told to stop, whatever becomes of the session meanwhile."""
        gate = RepeatGate()
        while not stop.is_set():
            try:
                async with open_announcements(self._database, self._hear) as announcements:
                    gate.close("session")
                    await self._talk(announcements, stop)
            except DatabaseUnavailable as error:
                if gate.opens("session", str(error)):
                    log.info("neighbours.unheard", reason=str(error))
                await first_of(stop, timeout_seconds=RETRY_SECONDS)

    async def _talk(self, announcements: Announcements, stop: asyncio.Event) -> None:
        while not stop.is_set():
            self._news.clear()
            while self._to_say:
                await announcements.say(self._to_say[0])
                self._to_say.popleft()
            while self._heard:
                await self.on_told(*self._heard.popleft())
            await first_of(stop, self._news, timeout_seconds=CHECK_SECONDS)
            if not self._news.is_set():
                await announcements.check()

    def _hear(self, text: str) -> None:
        """What is not about an instance of ours, or not said by a daemon, is left alone."""
        number, _, resource = text.partition("/")
        if not (number.isascii() and number.isdecimal()):
            return
        instance_id = InstanceId(int(number))
        if self.is_ours(instance_id):
            self._heard.append((instance_id, resource or None))
            self._news.set()
