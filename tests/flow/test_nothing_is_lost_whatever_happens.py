"""Whatever people, provider, receiver, clocks and kills do, everything arrives as it was."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from tests.flow.editing import Crowd, chosen_seed
from tests.flow.killing import MOMENTS, Killer
from tests.flow.operating import Operator
from tests.flow.oracle import Findings, Oracle
from tests.flow.pollhook import PROMPT, Pollhook, trusted
from tests.flow.processes import settled
from tests.flow.standins import Provider, Receiver
from tests.flow.weather import SPOILT, Weather

CHANGES = int(os.environ.get("FLOW_CHANGES") or 10_000)
ROUNDS = 1
"""Kills at each moment: seven in all."""

SOAK_CHANGES = int(os.environ.get("FLOW_CHANGES") or 300_000)
SOAK_CHANGES_PER_ROUND = 15_000

HOUR = 3600
CLOCKS = ((HOUR, -HOUR, -HOUR), (-HOUR, HOUR, HOUR), (-HOUR, 2 * HOUR, -HOUR))
"""How the provider's clock may be set, again and again, while ours goes on."""

SWEEP: Mapping[str, Any] = {"mode": "sweep", "intervalMinutes": 0.03, "maxFraction": 0.9}
RECONCILE: Mapping[str, Any] = {"intervalMinutes": 0.1, "windowHours": 3}
ENTRIES: Mapping[str, Mapping[str, Any]] = {
    "contacts": {"overlapSeconds": 5, "pageSize": 60, "deletes": SWEEP},
    "companies": {"overlapSeconds": 5, "pageSize": 100, "reconcile": RECONCILE},
    "opportunities": {
        "overlapSeconds": 6,
        "pageSize": 100,
        "deletes": SWEEP,
        "reconcile": RECONCILE,
    },
    "cases": {"overlapSeconds": 5, "pageSize": 150, "deletes": SWEEP},
}
SWEPT = ("contacts", "opportunities", "cases")
BACK_DATED = ("contacts", "cases")
RESENT = "cases"

SETTINGS: Mapping[str, Any] = {
    "polling": {"error_backoff_seconds": 0.1, "error_backoff_max_seconds": 0.5},
    "delivery": {"retry_schedule_seconds": PROMPT},
}
LONG_GRACE_SECONDS = 10 * HOUR
"""For so long a refresh token is taken again whose successor a kill has lost: clocks jump."""


@pytest.mark.timeout(300)
async def test_ten_thousand_changes_arrive_once_and_in_order_whatever_happens(
    pollhook: Pollhook, provider: Provider, receiver: Receiver
) -> None:
    await Proof(pollhook, provider, receiver).run(changes=CHANGES, rounds=ROUNDS)


@pytest.mark.soak
@pytest.mark.timeout(10_800)
async def test_everything_arrives_once_and_in_order_for_as_long_as_anything_happens(
    embedded: Pollhook, provider: Provider, receiver: Receiver
) -> None:
    rounds = max(SOAK_CHANGES // SOAK_CHANGES_PER_ROUND, 1)
    await Proof(embedded, provider, receiver).run(changes=SOAK_CHANGES, rounds=rounds)


@dataclass(slots=True)
class Proof:
    """One run with its stand-ins; FLOW_SEED repeats its decisions, as far as timing lets it."""

    pollhook: Pollhook
    provider: Provider
    receiver: Receiver

    async def run(self, *, changes: int, rounds: int) -> None:
        """Make so many changes and kill the daemon so often at each moment, then judge."""
        seed, began = chosen_seed(), time.monotonic()
        print(f"FLOW_SEED={seed}")
        dice = random.Random(seed)
        oracle = await self._connect()
        crowd, weather, operator, killer = self._troublemakers(oracle.instance, dice)
        async with self._background(weather, operator, crowd, changes):
            moments = list(MOMENTS) * rounds
            dice.shuffle(moments)
            for left, moment in zip(range(len(moments), 0, -1), moments, strict=True):
                due = changes - (await self.provider.changes() - oracle.since)
                await killer.kill(moment, max(due // left, 1))
        await weather.calm()
        await self.pollhook.start()
        await operator.rest()
        await settled(oracle.missing, within_seconds=90, pause_seconds=1)
        findings = await oracle.judge()
        assert findings.wrong == [], f"FLOW_SEED={seed}"
        await self._check(oracle, changes)
        print(await self._summary(oracle, findings))
        print(
            f"{sum(killer.kills.values())} kills, {weather.struck.total()} faults,"
            f" {operator.done.total()} edits of configuration,"
            f" {time.monotonic() - began:.1f} s, FLOW_SEED={seed}"
        )
        print(f"{dict(crowd.made)}; {dict(weather.struck)}; {dict(operator.done)}")

    async def _connect(self) -> Oracle:
        """An instance whose slow passes have once read what was there."""
        self.pollhook.add_settings(SETTINGS)
        await self.provider.switch(refresh_reuse_grace_seconds=LONG_GRACE_SECONDS)
        await self.pollhook.start()
        polled = {"event.poller.configuration": ENTRIES}
        instance = await self.pollhook.connect(self.receiver.callback(), list(ENTRIES), **polled)
        await trusted(self.receiver, instance)

        async def unknown() -> Sequence[str]:
            resources = (await self.pollhook.state(instance.id))["resources"]
            return [
                each["name"]
                for each in resources
                if (each["name"] in SWEPT and each["knownFrom"] is not None)
                or any(slow["nextStart"] is None for slow in each["slowPasses"])
            ]

        await settled(unknown)
        now = await self.provider.now()
        since = await self.provider.changes()
        await self.pollhook.kill()
        return Oracle(
            provider=self.provider,
            receiver=self.receiver,
            instance=instance.id,
            since=since,
            baseline_at=f"{now:%Y-%m-%dT%H:%M:%SZ}",
            resources=tuple(ENTRIES),
            swept=SWEPT,
            resent=(RESENT,),
            spoilt=SPOILT,
        )

    def _troublemakers(
        self, instance: int, dice: random.Random
    ) -> tuple[Crowd, Weather, Operator, Killer]:
        """Each with dice of its own, so that one's decisions do not depend on another's pace."""

        def own_dice() -> random.Random:
            return random.Random(dice.randrange(2**64))

        crowd = Crowd(
            provider=self.provider,
            pollhook=self.pollhook,
            dice=own_dice(),
            back_dated=BACK_DATED,
        )
        operator = Operator(
            pollhook=self.pollhook,
            instance=instance,
            dice=own_dice(),
            entries={name: dict(entry) for name, entry in ENTRIES.items()},
            resent=RESENT,
        )
        killer = Killer(
            pollhook=self.pollhook,
            provider=self.provider,
            receiver=self.receiver,
            dice=own_dice(),
            edit=crowd.make,
            mean_skips=100,
            lifetime=(1, 5),
        )
        return crowd, Weather(self.provider, self.receiver, own_dice()), operator, killer

    @asynccontextmanager
    async def _background(
        self, weather: Weather, operator: Operator, crowd: Crowd, changes: int
    ) -> AsyncIterator[None]:
        """Weather, operator and clock go on until the context ends, or one of them breaks."""
        clock = self._set_clocks(weather, operator, crowd, changes)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(each) for each in (weather.run(), operator.run(), clock)]
            yield
            for task in tasks:
                task.cancel()

    async def _set_clocks(
        self, weather: Weather, operator: Operator, crowd: Crowd, changes: int
    ) -> None:
        """Set the provider's clock a few times, evenly spread over all changes."""
        jumps = weather.dice.choice(CLOCKS)
        ahead = 0
        for number, seconds in enumerate(jumps, start=1):
            await crowd.until_made(changes * number // (len(jumps) + 1))
            ahead += seconds
            operator.may_rewind_filters &= ahead >= 0
            await weather.set_clock(seconds)

    async def _check(self, oracle: Oracle, changes: int) -> None:
        assert await self.provider.changes() - oracle.since >= changes
        report = await oracle.report()
        resources = (await self.pollhook.state(oracle.instance))["resources"]
        arrived = {stream["objectType"]: stream["last"] for stream in report["streams"]}
        assert {each["name"]: each["nextSequence"] - 1 for each in resources} == arrived
        assert [each["lastError"] for each in resources] == [None] * len(resources)
        assert self.pollhook.program.said(level="error") == []

    async def _summary(self, oracle: Oracle, findings: Findings) -> str:
        report = await oracle.report()
        resources = (await self.pollhook.state(oracle.instance))["resources"]
        missed = sum(each["missed"] for each in resources)
        return (
            f"{await self.provider.changes() - oracle.since} changes, {report['events']} events,"
            f" {report['repeats']} repeats, {report['refused']} refused,"
            f" {missed} found by slow passes alone"
        )
