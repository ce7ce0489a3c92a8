"""Killing: the moments at which a daemon is killed, and how it is brought about."""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from tests.flow.pollhook import Pollhook
from tests.flow.standins import Provider, Receiver

BURST = 7
"""Changes made at once, the last of them to one of a few objects which change often."""

OFTEN_CHANGED = ("companies/1", "companies/2")

MEAN_SKIPS = 8
"""How many occasions for a kill pass unused on average."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When a daemon dies: at random, or when a stand-in has seen something of it.

    `ends_tokens` makes it ask for new ones.
    """

    name: str
    at_provider: Mapping[str, Any] = field(default_factory=dict)
    at_receiver: Mapping[str, Any] = field(default_factory=dict)
    ends_tokens: bool = False

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
    """Makes changes and kills the daemon meanwhile, again and again, all by one seed."""

    pollhook: Pollhook
    provider: Provider
    receiver: Receiver
    dice: random.Random
    kills: Counter[str] = field(default_factory=Counter)
    _often: int = 0

    async def kill(self, moment: Moment, changes: int) -> None:
        """Start the daemon, make so many changes, and see it die at that moment."""
        program = await self.pollhook.begin()
        await self._arm(moment, program.pid)
        editing = asyncio.create_task(self._edit(changes), name="edits")
        if moment.is_random:
            await self._strike_at_random()
        await self._edit_until_dead(editing)
        assert await program.ended() == -signal.SIGKILL
        self.kills[moment.name] += 1
        await self.disarm()

    async def disarm(self) -> None:
        """No more kills."""
        await self.provider.switch(kill=None)
        await self.receiver.switch(kill=None)

    async def _arm(self, moment: Moment, pid: int) -> None:
        skip = 0 if moment.ends_tokens else int(self.dice.expovariate(1 / MEAN_SKIPS))
        kill = {"pid": pid, "times": 1, "skip": skip}
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
            async with asyncio.timeout(self.dice.uniform(0.5, 2.5)):
                await program.ended()
        program.send(signal.SIGKILL)

    async def _edit(self, changes: int) -> None:
        """In bursts, spread over the time that a start and some polls take."""
        for burst in _bursts(changes):
            await self.provider.edit_at_random(
                burst - 1, seed=self.dice.randrange(2**32), create=0.25, delete=0.03
            )
            self._often += 1
            record = self.dice.choice(OFTEN_CHANGED)
            await self.provider.edit(record, Department=f"often {self._often}")
            with suppress(TimeoutError):
                async with asyncio.timeout(self.dice.uniform(0, 0.4)):
                    await self.pollhook.program.ended()

    async def _edit_until_dead(self, editing: asyncio.Task[None]) -> None:
        """The changes of this round, and a few more if the moment waits for some."""
        await editing
        program = self.pollhook.program
        while not program.has_ended:
            await self._edit(1)


def _bursts(changes: int) -> Sequence[int]:
    whole, rest = divmod(changes, BURST)
    return [BURST] * whole + [rest] * (rest > 0)
