"""The tumult: people, weather, operator, clocks and kills, all at once, until all has happened."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import chain, cycle

from tests.flow.editing import Crowd
from tests.flow.killing import MOMENTS, Killer, Moment
from tests.flow.operating import Operator
from tests.flow.polled import Polled
from tests.flow.pollhook import Pollhook
from tests.flow.standins import Provider, Receiver
from tests.flow.weather import Weather

CHANGES_PER_ROUND = 15_000
"""In each round the daemon is killed at every moment once at least."""

LEAST_CHANGES = 100
"""In one life of the daemon."""
SPARED = (0.5, 1.0)
"""Most of its changes are made before it dies: who starts again and again proves little else."""
LIFETIME_SECONDS = (1.0, 5.0)

WALKS_CUT_OFF = 3
"""Before any clock is set: afterwards more than the overlap is read again for long."""
AWAY_SECONDS = (4, 4, 4)
"""Between what people do meanwhile: longer than any overlap here; and all of it together is less
than what makes a clock count as set."""

HOUR = 3600
CLOCKS = ((HOUR, -HOUR, -HOUR), (-HOUR, HOUR, HOUR), (-HOUR, 2 * HOUR, -HOUR))
"""How the provider's clock may be set, again and again, while ours goes on."""


class Tumult:
    """Each part has dice of its own, so that one's decisions do not depend on another's pace."""

    def __init__(
        self,
        pollhook: Pollhook,
        provider: Provider,
        receiver: Receiver,
        dice: random.Random,
        polled: Polled,
    ) -> None:
        self._dice = dice
        self.crowd = Crowd(
            provider=provider,
            pollhook=pollhook,
            dice=self._own_dice(),
            back_dated=polled.back_dated,
            rushed=polled.rushed,
        )
        self.weather = Weather(provider, receiver, self._own_dice())
        self.operator = Operator(
            pollhook=pollhook,
            provider=provider,
            instance=polled.instance,
            dice=self._own_dice(),
            entries={name: dict(entry) for name, entry in polled.entries.items()},
            resent=polled.resent,
        )
        self.killer = Killer(
            pollhook=pollhook,
            provider=provider,
            receiver=receiver,
            dice=self._own_dice(),
            edit=self.crowd.make,
            spared=SPARED,
            lifetime=LIFETIME_SECONDS,
        )
        self._is_cut_off = False
        self._amid_a_walk = Moment(
            name="amid a walk",
            at_provider={"call": ["read"], "object": [polled.rushed], "when": "after_answer"},
            is_early=True,
        )
        self._jumps: Sequence[int] = dice.choice(CLOCKS)

    async def run(self, changes: int) -> None:
        """At least so many changes."""
        async with self._background(changes):
            await self._kill_again_and_again(changes)

    @property
    def never_happened(self) -> Sequence[str]:
        """What would have proved something, and did not happen so far."""
        moments = (*MOMENTS, self._amid_a_walk)
        kills = [each.name for each in moments if not self.killer.kills[each.name]]
        clocks = ["all clock jumps"] if self.weather.jumps < len(self._jumps) else []
        return [*kills, *clocks, *self.weather.never_struck, *self.operator.never_done]

    async def _kill_again_and_again(self, changes: int) -> None:
        """At each moment as often as all rounds have it, then on until everything has happened."""
        rounds = max(changes // CHANGES_PER_ROUND, 1)
        moments = list(MOMENTS) * rounds
        self._dice.shuffle(moments)
        moments[:0] = [self._amid_a_walk] * WALKS_CUT_OFF
        left = len(moments)
        for moment in chain(moments, cycle(moments)):
            due = changes - self.crowd.made.total()
            if left <= 0 and due <= 0 and not self.never_happened:
                return
            await self._kill(moment, max(due // max(left, 1), LEAST_CHANGES))
            left -= 1

    async def _kill(self, moment: Moment, changes: int) -> None:
        """Amid a walk: one that goes back further than the overlap, over many pages; and nobody
        reads on for so long that everything which it has not read is older than that."""
        is_amid = moment is self._amid_a_walk
        if is_amid or self._is_cut_off:
            for seconds in AWAY_SECONDS:
                await self.crowd.work_unseen()
                await self.weather.pass_time(seconds)
        killer = replace(self.killer, edit=self.crowd.rush) if is_amid else self.killer
        await killer.kill(moment, LEAST_CHANGES if is_amid else changes)
        self._is_cut_off = is_amid

    @asynccontextmanager
    async def _background(self, changes: int) -> AsyncIterator[None]:
        """Weather, operator and clock go on until the context ends, or one of them breaks.

        The first two rest as soon as all is done but some kill: it may wait for what they hinder.
        """

        def is_enough() -> bool:
            return self.crowd.made.total() >= changes and self.weather.jumps >= len(self._jumps)

        works = (
            self.weather.run(is_enough),
            self.operator.run(is_enough),
            self._set_clocks(changes),
        )
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(each) for each in works]
            yield
            for task in tasks:
                task.cancel()

    async def _set_clocks(self, changes: int) -> None:
        """Set the provider's clock a few times, evenly spread over all changes."""
        ahead = 0
        for number, seconds in enumerate(self._jumps, start=1):
            await self.crowd.until_made(changes * number // (len(self._jumps) + 1))
            ahead += seconds
            self.operator.may_rewind_filters &= ahead >= 0
            await self.weather.set_clock(seconds)

    def _own_dice(self) -> random.Random:
        return random.Random(self._dice.randrange(2**64))
