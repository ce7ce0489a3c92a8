"""Whatever people, provider, receiver, clocks and kills do, everything arrives as it was."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.flow.editing import OBJECTS, chosen_seed, enlarge
from tests.flow.oracle import MARKERS, Findings, Oracle
from tests.flow.polled import (
    BACK_DATED,
    ENTRIES,
    REIDENTIFIED,
    RESENT,
    RUSHED,
    RUSHED_OBJECT,
    SWEPT,
    UNREPAIRED,
    ZONE,
    Polled,
)
from tests.flow.pollhook import PROMPT, Pollhook, trusted
from tests.flow.processes import settled
from tests.flow.standins import Provider, Receiver
from tests.flow.troubles import SPOILT
from tests.flow.tumult import Tumult

CHANGES = 10_000
SOAK_CHANGES = int(os.environ.get("FLOW_CHANGES") or 300_000)

JUDGED_EVERY_SECONDS = 2.0
"""A judgement keeps both stand-ins from their work for a while."""
LEAST_SHARE_TOLD = 0.5
"""Of all changes, so many at least have to give an event of their own: what follows upon another
between two polls does not."""
SETTLED_WITHIN_SECONDS = 300
"""On a busy machine; on an idle one it is a few seconds."""

SETTINGS: Mapping[str, Any] = {
    "polling": {"error_backoff_seconds": 0.1, "error_backoff_max_seconds": 0.5},
    "delivery": {"retry_schedule_seconds": PROMPT},
}
LONG_GRACE_SECONDS = 36_000
"""For so long a refresh token is taken again whose successor a kill has lost: clocks jump."""


@pytest.mark.timeout(600)
async def test_ten_thousand_changes_arrive_once_and_in_order_whatever_happens(
    pollhook: Pollhook, provider: Provider, receiver: Receiver
) -> None:
    await Proof(pollhook, provider, receiver).run(changes=CHANGES)


@pytest.mark.soak
@pytest.mark.timeout(10_800)
async def test_everything_arrives_once_and_in_order_for_as_long_as_anything_happens(
    embedded: Pollhook, provider: Provider, receiver: Receiver
) -> None:
    await Proof(embedded, provider, receiver).run(changes=SOAK_CHANGES)


class Proof:
    """One run with its stand-ins; FLOW_SEED repeats its decisions, as far as timing lets it."""

    def __init__(self, pollhook: Pollhook, provider: Provider, receiver: Receiver) -> None:
        self.pollhook = pollhook
        self.provider = provider
        self.receiver = receiver
        self.seed = chosen_seed()

    async def run(self, *, changes: int) -> None:
        """Make so many changes while everything goes wrong again and again, then judge."""
        began = time.monotonic()
        print(f"FLOW_SEED={self.seed}", flush=True)
        oracle = await self._connect()
        dice = random.Random(self.seed)
        polled = Polled(instance=oracle.instance)
        tumult = Tumult(self.pollhook, self.provider, self.receiver, dice, polled)
        for record in SPOILT:  # or being spoilt, which is told too, would be all that happens to it
            marker = MARKERS[OBJECTS[record.partition("/")[0]]]
            await self.provider.edit(record, **{marker: "about to be spoilt"})
        connected = time.monotonic()
        await tumult.run(changes)
        over = time.monotonic()
        findings = await self._settle(oracle, tumult)
        print(
            f"FLOW_SEED={self.seed}: {connected - began:.1f} s to connect, {over - connected:.1f} s"
            f" of tumult, {time.monotonic() - over:.1f} s to settle"
        )
        await self._check(oracle, findings, tumult, changes)

    async def _connect(self) -> Oracle:
        """An instance whose slow passes have once read what was there."""
        self.pollhook.add_settings(SETTINGS)
        await self.provider.switch(
            refresh_reuse_grace_seconds=LONG_GRACE_SECONDS, stamp_zones={RUSHED_OBJECT: ZONE}
        )
        await enlarge(self.provider)
        await self.provider.create(RUSHED, Subject="The newest")
        await self.provider.edit(f"{REIDENTIFIED}/1", Description="The newest")
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
        await self.pollhook.bury()
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
            reidentified=(REIDENTIFIED,),
        )

    async def _settle(self, oracle: Oracle, tumult: Tumult) -> Findings:
        """What is found when all trouble is over and nothing is missing any more."""
        await tumult.weather.calm()
        await self.pollhook.start()
        await tumult.operator.rest()
        await tumult.crowd.trickle()
        await settled(oracle.missing, SETTLED_WITHIN_SECONDS, JUDGED_EVERY_SECONDS)
        return await oracle.judge()

    async def _check(
        self, oracle: Oracle, findings: Findings, tumult: Tumult, changes: int
    ) -> None:
        report = await oracle.report()
        resources = (await self.pollhook.state(oracle.instance))["resources"]
        made = await self.provider.changes() - oracle.since
        print(
            f"{made} changes, {findings.told} of {findings.versions} versions told by"
            f" {report['events']} events, {report['repeats']} repeats,"
            f" {report['refused']} refused, {tumult.killer.kills.total()} kills,"
            f" {tumult.weather.struck.total()} faults, {tumult.operator.done.total()} acts,"
            f" {sum(each['missed'] for each in resources)} found by slow passes alone"
        )
        missed = {each["name"]: each["missed"] for each in resources}
        counters = (tumult.killer.kills, tumult.crowd.made, tumult.weather.struck)
        for counted in (*counters, tumult.operator.done, missed):
            print(dict(counted))
        seed = f"FLOW_SEED={self.seed}"
        assert not findings.wrong, f"{seed}: {len(findings.wrong)} wrong: {findings.wrong[:3]}"
        assert tumult.never_happened == [], seed
        assert made >= changes, seed
        assert findings.told >= findings.versions * LEAST_SHARE_TOLD, seed
        for name, most in UNREPAIRED.items():
            assert missed[name] <= most, seed
        assert any(missed[name] for name in BACK_DATED), seed
        arrived = {stream["objectType"]: stream["last"] for stream in report["streams"]}
        assert {each["name"]: each["nextSequence"] - 1 for each in resources} == arrived, seed
        assert [each["lastError"] for each in resources] == [None] * len(resources), seed
        assert self.pollhook.program.said(level="error") == [], seed
