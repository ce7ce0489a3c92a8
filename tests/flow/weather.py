"""Weather: the faults of provider and receiver, a few at a time, each until it has struck."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.flow.processes import eventually, settled
from tests.flow.standins import Provider, Receiver, Standin
from tests.flow.troubles import AT_PROVIDER, AT_RECEIVER, LATE, MOVED, STALE, STANDING, Trouble

LOOKS = 100
"""With so many calls every resource was polled, and what that has shown was stored."""

CALLS = 8
"""Between two changes of the weather, on average."""
LONGEST_SECONDS = 2.0
MOST_STRIKES = 2
"""Of one fault before the weather changes: the daemon is to get through sometimes."""


@dataclass(slots=True, kw_only=True)
class Front:
    """The faults of one stand-in by one seed: so many `at_once`, and those `standing`.

    A fault stays until it has struck, so that a run sees all of them; then the next one in a
    shuffled deck takes its place, those of `deck` first. `struck` counts what they did.
    """

    standin: Standin
    troubles: Sequence[Trouble]
    at_once: int
    dice: random.Random
    standing: Sequence[Trouble] = ()
    deck: list[Trouble] = field(default_factory=list)
    struck: Counter[str] = field(default_factory=Counter)
    _on: list[Trouble] = field(default_factory=list)
    _armed: Sequence[Trouble] = ()

    async def change(self, barred: Sequence[Trouble] = ()) -> None:
        """Those that have struck go, others come, but none of those barred."""
        before = self.struck.copy()
        await self._count()
        self._on = [
            each
            for each in self._on
            if self.struck[str(each)] == before[str(each)] and each not in barred
        ]
        while len(self._on) < self.at_once:
            self._on.append(self._next(barred))
        await self._arm([*self._on, *(each for each in self.standing if each not in barred)])

    async def calm(self) -> None:
        """No trouble any more."""
        await self._count()
        self._on = []
        await self._arm([])

    @property
    def never_struck(self) -> Sequence[str]:
        """The faults that did nothing so far."""
        return [
            str(each) for each in (*self.troubles, *self.standing) if not self.struck[str(each)]
        ]

    def _next(self, barred: Sequence[Trouble]) -> Trouble:
        """Of the deck, first what has never struck; there are more than can be on at once."""
        while True:
            if not self.deck:
                self.deck = self.dice.sample(self.troubles, len(self.troubles))
                self.deck.sort(key=lambda each: self.struck[str(each)] == 0)
            drawn = self.deck.pop()
            if drawn not in barred and drawn not in self._on:
                return drawn

    async def _count(self) -> None:
        """What struck since the faults were last armed."""
        hits = await self.standin.all_hits()
        for fault, armed in self._by_fault(self._armed).items():
            for trouble, count in zip(armed, hits.get(fault, ()), strict=False):
                self.struck[str(trouble)] += count

    async def _arm(self, some: Sequence[Trouble]) -> None:
        """These, with random numbers of their own: the same ones would strike the same calls.

        The others go off; a kill that is armed stays so.
        """
        off = {each.fault: None for each in (*self.troubles, *self.standing)}
        on = {
            fault: [
                {
                    "times": None if each in self.standing else MOST_STRIKES,
                    **each.settings,
                    "seed": self.dice.randrange(2**32),
                }
                for each in armed
            ]
            for fault, armed in self._by_fault(some).items()
        }
        self._armed = some
        await self.standin.switch(**{**off, **on})

    def _by_fault(self, troubles: Sequence[Trouble]) -> Mapping[str, Sequence[Trouble]]:
        by_fault: dict[str, list[Trouble]] = {}
        for each in troubles:
            by_fault.setdefault(each.fault, []).append(each)
        return by_fault


class Weather:
    """Turns the faults of both stand-ins on and off, and sets the provider's clock."""

    def __init__(self, provider: Provider, receiver: Receiver, dice: random.Random) -> None:
        self.jumps = 0
        self._set_back_at = -LOOKS
        self._dice = dice
        self._provider = provider
        self._at_provider = Front(
            standin=provider,
            troubles=AT_PROVIDER,
            at_once=2,
            dice=dice,
            standing=STANDING,
            deck=[STALE],  # no clock is set back before it has struck
        )
        self._at_receiver = Front(standin=receiver, troubles=AT_RECEIVER, at_once=1, dice=dice)
        self._barred: Sequence[Trouble] = ()
        self._changing = asyncio.Lock()

    @property
    def struck(self) -> Counter[str]:
        """What every fault did, those of both together."""
        return self._at_provider.struck + self._at_receiver.struck

    @property
    def never_struck(self) -> Sequence[str]:
        """The faults that prove nothing yet."""
        return [*self._at_provider.never_struck, *self._at_receiver.never_struck]

    async def run(self, is_enough: Callable[[], bool]) -> None:
        """Until it is, and everything has struck; then the sky is clear."""
        while self.never_struck or not is_enough():
            await self._change()
            await self._provider.until_asked(self._dice.uniform(0, 2 * CALLS), LONGEST_SECONDS)
        await self.calm()

    async def set_clock(self, seconds: float) -> None:
        """The provider's, so much later or earlier."""
        if seconds < 0:
            await self._catch_up()
        await self._provider.set_clock(seconds)
        if seconds < 0:
            self._set_back_at = await self._provider.answered()
        self.jumps += 1
        self._barred = [each for each in self._barred if each not in LATE]

    async def pass_time(self, seconds: float) -> bool:
        """Let so much time go by at once at the provider, before it is asked again.

        Not where its clock was just set back: that would be set right in part without a look at it.
        """
        if self._set_back_at + LOOKS > await self._provider.answered():
            return False
        await self._provider.set_clock(seconds)
        return True

    async def _catch_up(self) -> None:
        """Set back now, what is late would be hidden until then, and from now on a replica be
        behind by all of it, and a version that is over have the later stamp."""
        await eventually(self._old_was_shown, "answers with what is over")
        self._barred = (STALE, MOVED, *LATE)
        await self._change()
        after = await self._provider.changes()
        await settled(lambda: self._provider.hidden(max(after - 10_000, 0)), pause_seconds=0.5)

    async def calm(self) -> None:
        """No trouble any more."""
        await self._at_provider.calm()
        await self._at_receiver.calm()

    async def _change(self) -> None:
        async with self._changing:
            await self._at_provider.change(self._barred)
            await self._at_receiver.change()

    async def _old_was_shown(self) -> bool:
        return all(self.struck[str(each)] for each in (STALE, MOVED))
