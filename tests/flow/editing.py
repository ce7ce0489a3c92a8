"""Editing: the people who change records at the provider while a daemon polls it."""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from types import MappingProxyType

from tests.flow.oracle import MARKERS
from tests.flow.polled import REIDENTIFIED
from tests.flow.pollhook import Pollhook
from tests.flow.standins import Provider

BURST = 7
"""Changes made at once, the last of them to one of a few objects which change often."""

OFTEN_CHANGED = ("companies/1", "companies/2")

CHANGES_PER_CALL = 18
"""People make about so many while the daemon asks once: on a busy machine both take longer."""
LONGEST_PAUSE_SECONDS = 1.0
TRICKLES = 4
TRICKLE_SECONDS = 0.8

RUSHED = (50, 120)
"""So many changes in no time."""

FAR_FUTURE = "2099-01-01T00:00:00Z"

OBJECTS: Mapping[str, str] = MappingProxyType(
    {
        "contacts": "AbEntry",
        "companies": "AbEntry",
        "opportunities": "Opportunity",
        "cases": "Case",
        "appointments": "Appointment",
    }
)
FEW = 6
"""How many campaigns there are."""
SEEDED: Mapping[str, int] = MappingProxyType({"contacts": 160, "opportunities": 80, "cases": 30})
"""How many of these records there are from the beginning."""

OLD = ("2026-03-01T00:00:00Z", "2026-05-01T00:00:00Z", "2026-07-01T00:00:00Z")
OLD_OF_EACH = 120


def chosen_seed() -> int:
    """FLOW_SEED repeats a run."""
    return int(os.environ.get("FLOW_SEED") or random.randrange(2**32))


@dataclass(slots=True, kw_only=True)
class FewAtOnce:
    """Small bursts, spread over the time that a start and some polls take."""

    provider: Provider
    pollhook: Pollhook
    dice: random.Random
    _often: int = 0

    async def make(self, changes: int) -> None:
        """So many changes."""
        whole, rest = divmod(changes, BURST)
        for burst in [BURST] * whole + [rest] * (rest > 0):
            await self.provider.edit_at_random(
                burst - 1, seed=self.dice.randrange(2**32), create=0.25, delete=0.03
            )
            self._often += 1
            record = self.dice.choice(OFTEN_CHANGED)
            await self.provider.edit(record, Department=f"often {self._often}")
            await pause_while_running(self.pollhook, self.dice.uniform(0, 0.4))


async def enlarge(provider: Provider) -> None:
    """So many older records besides that changes seldom meet in the same one between two polls."""
    for resource in OBJECTS:
        for stamp in OLD:
            await provider.import_many(resource, OLD_OF_EACH, stamp)


@dataclass(slots=True, kw_only=True)
class Crowd:
    """Everything that people do: bursts, bulk edits under one stamp, imports of old records,
    stamps set back or far ahead, deletions, restorations; by one seed.

    Records get old stamps in the `back_dated` resources only; the `rushed` one is where much
    happens in no time.
    """

    provider: Provider
    pollhook: Pollhook
    dice: random.Random
    back_dated: Sequence[str]
    rushed: str
    made: Counter[str] = field(default_factory=Counter)
    _more: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def until_made(self, changes: int) -> None:
        """Wait until so many changes were made."""
        async with self._more:
            await self._more.wait_for(lambda: self.made.total() >= changes)

    async def make(self, changes: int) -> None:
        """At least so many changes, unless the daemon ends before."""
        while changes > 0 and not self.pollhook.program.has_ended:
            size = await self._act(changes)
            changes -= size
            async with self._more:
                self._more.notify_all()
            await self.provider.until_asked(
                self.dice.uniform(0, 2 * size / CHANGES_PER_CALL),
                LONGEST_PAUSE_SECONDS,
                lambda: self.pollhook.program.has_ended,
            )

    async def rush(self, changes: int) -> None:
        """At least so many of one resource, several of its pages each second, unless the daemon
        ends before."""
        while changes > 0 and not self.pollhook.program.has_ended:
            changes -= await self.work_unseen()
            await pause_while_running(self.pollhook, self.dice.uniform(0.3, 0.7))

    async def work_unseen(self) -> int:
        """Some pages of that resource at once; answers how many changes."""
        size = self.dice.randint(*RUSHED)
        await self._random(size, (self.rushed,), create=0.5)
        self.made["rush"] += size
        return size

    async def trickle(self) -> None:
        """A few changes everywhere, from time to time: by those it is proved which clock counts."""
        for _ in range(TRICKLES):
            for resource in OBJECTS:
                await self.provider.edit_at_random(
                    1, seed=self.dice.randrange(2**32), create=0, delete=0, resources=[resource]
                )
            await self._edit_one_of_few(1)
            await asyncio.sleep(TRICKLE_SECONDS)

    async def _act(self, most: int) -> int:
        ways = (
            (6, "burst", self._burst),
            (3, "bulk", self._bulk),
            (2, "import", self._import),
            (2, "back-dated", self._date_back),
            (1, "far ahead", self._date_ahead),
            (3, "few", self._edit_one_of_few),
        )
        weights = [weight for weight, _, _ in ways]
        [(_, name, way)] = self.dice.choices(ways, weights)
        size = await way(most)
        self.made[name] += size
        return size

    async def _burst(self, most: int) -> int:
        """A few people, all kinds of changes, everywhere."""
        size = min(most, self.dice.randint(1, 40))
        await self._random(size, tuple(OBJECTS))
        return size

    async def _bulk(self, most: int) -> int:
        """One resource, more than a page of it, within a second."""
        size = min(most, self.dice.randint(100, 300))
        resources = [name for name in OBJECTS if name != self.rushed]
        await self._random(size, (self.dice.choice(resources),))
        return size

    async def _random(self, size: int, resources: Sequence[str], create: float = 0.3) -> None:
        await self.provider.edit_at_random(
            size,
            seed=self.dice.randrange(2**32),
            create=create,
            delete=0.012,
            restore=0.006,
            resources=resources,
        )

    async def _import(self, most: int) -> int:
        """New records that say they are up to 30 hours old."""
        size = min(most, self.dice.randint(2, 20))
        await self.provider.import_many(
            self.dice.choice(self.back_dated), size, await self._earlier()
        )
        return size

    async def _date_back(self, _: int) -> int:
        """One record, changed under an older stamp."""
        resource = self.dice.choice(self.back_dated)
        record = f"{resource}/{self.dice.randint(1, SEEDED[resource])}"
        marker = {MARKERS[OBJECTS[resource]]: f"back-dated {sum(self.made.values())}"}
        with suppress(AssertionError):  # it may be deleted
            await self.provider.edit(record, LastModifyDate=await self._earlier(), **marker)
        return 1

    async def _edit_one_of_few(self, _: int) -> int:
        """One of the records that are always there."""
        record = f"{REIDENTIFIED}/{self.dice.randint(1, FEW)}"
        await self.provider.edit(record, Description=f"one of few {sum(self.made.values())}")
        return 1

    async def _earlier(self) -> str:
        now = (await self.provider.now()).astimezone(UTC)
        earlier = now - self.dice.random() * timedelta(hours=30)
        return f"{earlier:%Y-%m-%dT%H:%M:%SZ}"

    async def _date_ahead(self, most: int) -> int:
        """A few changes of which one is stamped decades ahead."""
        await self.provider.switch(stamp={"value": FAR_FUTURE, "times": 1, "call": ["update"]})
        size = min(most, 5)
        await self._random(size, tuple(OBJECTS))
        await self.provider.switch(stamp=None)
        return size


async def pause_while_running(pollhook: Pollhook, seconds: float) -> None:
    """So long, unless the daemon ends before."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await pollhook.program.ended()
