"""Weather: the faults of provider and receiver, some at a time, others after a while."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from tests.flow.processes import settled
from tests.flow.standins import Provider, Receiver, Standin

Faults = Mapping[str, Any]

WRITES = ("create", "update", "delete")

SPOILT = ("contacts/5", "companies/6", "opportunities/7", "cases/8")
"""Records that no client can carry whole, all the time."""

STANDING: Faults = MappingProxyType(
    {
        "poison": [
            {"what": "nul", "record": SPOILT[0], "field": "Division"},
            {"what": "lone_surrogate", "record": SPOILT[1], "field": "Division"},
            {"what": "huge_integer", "record": SPOILT[2], "field": "Status"},
            {"what": "nan", "record": SPOILT[3], "field": "Status"},
        ]
    }
)

LATE: Faults = MappingProxyType(
    {
        "late": [
            {"seconds": 9, "probability": 0.02, "object": ["companies"], "call": WRITES},
            {"seconds": 2, "probability": 0.05, "call": WRITES},
        ]
    }
)
"""Some are later than the overlap: only reconciliation finds them."""

PROVIDER_TROUBLE: Sequence[Faults] = (
    {"status": {"status": 429, "retry_after": 0.3, "probability": 0.03}},
    {"status": {"status": 503, "probability": 0.03}},
    {"status": {"status": 500, "probability": 0.2, "call": ["token.refresh"]}},
    {"slow": {"seconds": 0.3, "probability": 0.2}},
    {"truncated": {"probability": 0.03}},
    {"truncated": {"break_connection": True, "probability": 0.03}},
    {"empty_answer": {"probability": 0.03}},
    {"error_answer": {"probability": 0.03}},
    {"error_answer": {"message": "Too many requests", "probability": 0.03}},
    {"reset": {"probability": 0.03}},
    {"bad_token": {"form": "http_401", "times": 2, "skip": 5}},
    {"bad_token": {"form": "code", "times": 2, "skip": 5}},
    {"stale": {"seconds": 1.5, "over_page_size": 2, "probability": 0.2}},
    {"page_shift": {"whom": "any", "probability": 0.2}},
    {"page_shift": {"whom": "served", "count": 5, "probability": 0.2}},
    {"page_shift": {"action": "create", "probability": 0.2}},
    {"page_shift": {"action": "delete", "whom": "served", "probability": 0.05}},
    {"repeated_page_key": {"probability": 0.05}},
    {"unordered": {"among": "ties", "probability": 0.5}},
    {"unordered": {"among": "all", "times": 1, "skip": 10}},
    {"no_rows": {"probability": 0.02}},
    {"poison": [{"what": "no_key", "probability": 0.02}, *STANDING["poison"]]},
    {"poison": [{"what": "not_an_object", "probability": 0.02}, *STANDING["poison"]]},
)

RECEIVER_TROUBLE: Sequence[Faults] = (
    {"refuse": {"status": 500, "probability": 0.15}},
    {"refuse": {"status": 503, "accepted": True, "probability": 0.1}},
    {"refuse": {"status": 400, "probability": 0.05}},
    {"refuse": {"status": 429, "retry_after": 0.2, "probability": 0.1}},
    {"flapping": {"up": 20, "down": 4}},
    {"delay": {"seconds": 0.2, "probability": 0.2}},
    {"reset": {"probability": 0.05}},
)


@dataclass(slots=True)
class Weather:
    """Turns faults on and off by one seed. `struck` counts what they did."""

    provider: Provider
    receiver: Receiver
    dice: random.Random
    struck: Counter[str] = field(default_factory=Counter)
    _was_set_back: bool = False
    _changing: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            async with self._changing:
                await self._change()
            await asyncio.sleep(self.dice.uniform(0.3, 1.5))

    async def set_clock(self, seconds: float) -> None:
        """The provider's, so much later or earlier.

        Set back, what is late would be hidden until then, and a replica be behind by all of it.
        """
        async with self._changing:
            if seconds < 0:
                self._was_set_back = True
                await self.provider.switch(late=None, stale=None)
                after = await self.provider.changes()
                await settled(lambda: self.provider.hidden(max(after - 10_000, 0)))
            await self.provider.set_clock(seconds)

    async def _change(self) -> None:
        """Two other faults of the provider, and one of the receiver."""
        possible = [
            each for each in PROVIDER_TROUBLE if not (self._was_set_back and "stale" in each)
        ]
        provider = {**STANDING, **LATE}
        for each in self.dice.sample(possible, 2):
            provider |= self._seeded(each)
        await self._turn(self.provider, PROVIDER_TROUBLE, provider)
        receiver = self._seeded(self.dice.choice(RECEIVER_TROUBLE))
        await self._turn(self.receiver, RECEIVER_TROUBLE, receiver)

    async def calm(self) -> None:
        """No trouble any more."""
        await self._turn(self.provider, [*PROVIDER_TROUBLE, STANDING, LATE], {})
        await self._turn(self.receiver, RECEIVER_TROUBLE, {})

    async def _turn(self, standin: Standin, all_of: Sequence[Faults], on: Faults) -> None:
        """These on, the others off; a kill that is armed stays so."""
        for name, hits in (await standin.all_hits()).items():
            self.struck[name] += hits if name != "kill" else 0
        off = {name: None for each in all_of for name in each}
        await standin.switch(**{**off, **on})

    def _seeded(self, faults: Faults) -> Faults:
        """With random numbers of their own: the same ones would strike the same calls."""
        seed = self.dice.randrange(2**32)
        return {
            name: [{**each, "seed": seed} for each in (one if isinstance(one, list) else [one])]
            for name, one in faults.items()
        }
