"""Chaos: everything around the daemon, and the daemon itself, fails while records change."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from tests.flow.external import External
from tests.flow.oracle import Oracle
from tests.flow.pollhook import Connected, Pollhook, trusted
from tests.flow.standins import Provider, Receiver

RESOURCES = ("contacts", "companies")
CONNECTING_AT_ONCE = 4
SHARES = {"create": 0.2, "delete": 0}

RECEIVER_TROUBLE: Mapping[str, Mapping[str, Any]] = {
    "flapping": {"path": "/flapping", "up": 7, "down": 5, "status": 503},
    "refuse": {"path": "/failing", "status": 500, "probability": 0.3},
    "delay": {"path": "/slow", "seconds": 0.3, "probability": 0.5},
    "reset": {"path": "/rude", "probability": 0.2},
}
CALLBACKS = ("/flapping", "/failing", "/slow", "/rude", "/fine")


@dataclass(slots=True, kw_only=True)
class Chaos:
    """One thing after another fails and comes back, all by one seed.

    `pauses` are the shortest and the longest time between two troubles, in seconds.
    """

    pollhook: Pollhook
    external: External
    provider: Provider
    receiver: Receiver
    dice: random.Random
    pauses: tuple[float, float] = (0.1, 0.8)
    instances: Sequence[Connected] = ()
    struck: Counter[str] = field(default_factory=Counter)

    async def begin(self, instances: int, minutes: str) -> None:
        """Connect so many, polled that often, their callbacks of every kind, and mislead them."""
        await self.external.come()
        await self.pollhook.start()
        turns = asyncio.Semaphore(CONNECTING_AT_ONCE)

        async def connect(number: int) -> Connected:
            path = f"{CALLBACKS[number % len(CALLBACKS)]}/{number}"
            async with turns:
                return await self.pollhook.connect(
                    self.receiver.callback(path),
                    RESOURCES,
                    **{"event.poller.refresh_interval": minutes},
                )

        self.instances = await asyncio.gather(*map(connect, range(instances)))
        await self._mislead()

    def troubles(self) -> Sequence[Callable[[], Awaitable[None]]]:
        """All of them, each once, in an order that the dice decide."""
        all_of_them = [
            self.database_goes,
            self.database_crashes,
            self.daemon_is_killed,
            self.receiver_is_killed,
        ]
        self.dice.shuffle(all_of_them)
        return all_of_them

    def oracle(self, instance: Connected, since: int) -> Oracle:
        """The judge of what one instance was told of the changes after so many."""
        return Oracle(
            provider=self.provider,
            receiver=self.receiver,
            instance=instance.id,
            since=since,
            resources=RESOURCES,
        )

    async def edit(self, count: int) -> None:
        """So many changes at once."""
        await self.provider.edit_at_random(count, seed=self.dice.randrange(2**32), **SHARES)

    async def database_goes(self) -> None:
        self.struck["database stopped"] += 1
        await self.external.go()
        await self.edit(3)
        await self._wait()
        await self.external.come()

    async def database_crashes(self) -> None:
        self.struck["database killed"] += 1
        await self.external.crash()
        await self.edit(3)
        await self.external.come()

    async def daemon_is_killed(self) -> None:
        self.struck["daemon killed"] += 1
        await self.pollhook.kill()
        await self.edit(3)
        await self.pollhook.start()

    async def receiver_is_killed(self) -> None:
        self.struck["receiver killed"] += 1
        await self.receiver.kill()
        await self.edit(3)
        await self._wait()
        await self.receiver.start()
        await self._mislead()

    async def pause(self) -> None:
        """A moment for the daemon to get into its work; it has to survive it."""
        await self._wait()
        assert not self.pollhook.program.has_ended

    async def calm(self) -> None:
        """From now on everything works."""
        await self.receiver.switch(**dict.fromkeys(RECEIVER_TROUBLE))

    async def _mislead(self) -> None:
        await trusted(self.receiver, *self.instances)
        await self.receiver.switch(**RECEIVER_TROUBLE)

    async def _wait(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self.dice.uniform(*self.pauses)):
                await self.pollhook.program.ended()
