"""Killing: the moments at which a daemon is killed, and how it is brought about."""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from tests.flow.pollhook import Pollhook
from tests.flow.standins import Provider, Receiver

MEAN_SKIPS = 8
"""So many occasions for a kill pass unused, on average."""
MEAN_EARLY_SKIPS = 3
LIFETIME_SECONDS = (0.5, 2.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When a daemon dies: at random, or when a stand-in has seen something of it.

    `ends_tokens` makes it ask for new ones. One that `is_early` comes with what it does first.
    """

    name: str
    at_provider: Mapping[str, Any] = field(default_factory=dict)
    at_receiver: Mapping[str, Any] = field(default_factory=dict)
    ends_tokens: bool = False
    is_early: bool = False

    @property
    def is_random(self) -> bool:
        return not self.at_provider and not self.at_receiver


MOMENTS = (
    Moment(name="at random"),
    Moment(name="before a page", at_provider={"call": ["read"], "when": "before_answer"}),
    Moment(name="after a page", at_provider={"call": ["read"], "when": "after_answer"}),
    Moment(
        name="before new tokens",
        at_provider={"call": ["token.refresh"], "when": "before_answer"},
        ends_tokens=True,
    ),
    Moment(
        name="after new tokens",
        at_provider={"call": ["token.refresh"], "when": "after_answer"},
        ends_tokens=True,
    ),
    Moment(name="before the receiver's 200", at_receiver={"when": "before_answer"}),
    Moment(name="after the receiver's 200", at_receiver={"when": "after_answer"}),
)


@dataclass(slots=True, kw_only=True)
class Killer:
    """Kills the daemon while changes are made, again and again, all by one seed.

    `edit` makes so many changes. A kill at random comes within its `lifetime` in seconds, any other
    after a share of the changes that is `spared`.
    """

    pollhook: Pollhook
    provider: Provider
    receiver: Receiver
    dice: random.Random
    edit: Callable[[int], Awaitable[None]]
    spared: tuple[float, float] = (0.0, 0.0)
    lifetime: tuple[float, float] = LIFETIME_SECONDS
    kills: Counter[str] = field(default_factory=Counter)

    async def kill(self, moment: Moment, changes: int) -> None:
        """Start the daemon, make so many changes, and see it die at that moment."""
        program = await self.pollhook.begin()
        if not (moment.is_random or moment.is_early):
            spared = int(changes * self.dice.uniform(*self.spared))
            await self.edit(spared)
            changes -= spared
        await self._arm(moment, self._some_skips(moment))
        editing = asyncio.ensure_future(self.edit(changes))
        if moment.is_random:
            await self._strike_at_random()
        await self._edit_until_dead(moment, editing)
        assert await program.ended() == -signal.SIGKILL
        self.kills[moment.name] += 1
        await self.disarm()
        await self.pollhook.bury()

    async def disarm(self) -> None:
        """No more kills."""
        await self.provider.switch(kill=None)
        await self.receiver.switch(kill=None)

    def _some_skips(self, moment: Moment) -> int:
        if moment.ends_tokens:
            return 0
        mean = MEAN_EARLY_SKIPS if moment.is_early else MEAN_SKIPS
        return int(self.dice.expovariate(1 / mean))

    async def _arm(self, moment: Moment, skip: int) -> None:
        kill = {"pid": self.pollhook.program.pid, "times": 1, "skip": skip}
        if moment.at_provider:
            await self.provider.switch(kill={**kill, **moment.at_provider})
        if moment.ends_tokens:
            await self.provider.end_access_tokens()
        if moment.at_receiver:
            await self.receiver.switch(kill={**kill, **moment.at_receiver})

    async def _strike_at_random(self) -> None:
        """From early in the start until well into the work."""
        program = self.pollhook.program
        with suppress(TimeoutError):
            async with asyncio.timeout(self.dice.uniform(*self.lifetime)):
                await program.ended()
        program.send(signal.SIGKILL)

    async def _edit_until_dead(self, moment: Moment, editing: asyncio.Future[None]) -> None:
        """The changes of this round, and a few more if the moment waits for some."""
        await editing
        program = self.pollhook.program
        if not program.has_ended:
            await self._arm(moment, skip=0)
        while not program.has_ended:
            await self.edit(1)
