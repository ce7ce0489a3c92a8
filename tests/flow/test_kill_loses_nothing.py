"""kill -9 at any moment loses no change, tells none twice, and mixes up no order."""

from __future__ import annotations

import random
import time

import pytest

from tests.flow.editing import FewAtOnce, chosen_seed
from tests.flow.killing import MOMENTS, Killer
from tests.flow.oracle import Oracle
from tests.flow.pollhook import PROMPT, Pollhook, trusted
from tests.flow.processes import settled
from tests.flow.standins import Provider, Receiver

ROUNDS = 3
"""Kills at each moment: 21 in all."""
CHANGES = 1000
SOAK = 10

GRACE_SECONDS = 60
"""For so long the provider takes a refresh token again whose successor a kill has lost."""

PROVIDER_TROUBLE = {
    "late": {"seconds": 2, "probability": 0.05, "call": ["create", "update"]},
    "page_shift": {"whom": "any", "probability": 0.1},
}
"""Some versions are shown later than their stamps say; some pages change while they are read."""

RECEIVER_TROUBLE = {
    "refuse": {"status": 500, "probability": 0.15},
    "delay": {"seconds": 0.2, "probability": 0.2},
}
"""Some notifications have to be sent again; some are answered late."""


@pytest.mark.timeout(240)
async def test_every_change_arrives_once_and_in_order_whenever_the_daemon_is_killed(
    embedded: Pollhook, provider: Provider, receiver: Receiver
) -> None:
    await prove(embedded, provider, receiver, rounds=ROUNDS, changes=CHANGES)


@pytest.mark.soak
@pytest.mark.timeout(3600)
async def test_ten_thousand_changes_arrive_although_the_daemon_is_killed_two_hundred_times(
    embedded: Pollhook, provider: Provider, receiver: Receiver
) -> None:
    await prove(embedded, provider, receiver, rounds=SOAK * ROUNDS, changes=SOAK * CHANGES)


async def prove(
    pollhook: Pollhook, provider: Provider, receiver: Receiver, *, rounds: int, changes: int
) -> None:
    """Kill it so many times at each moment, with so many changes in all, then judge."""
    seed, began = chosen_seed(), time.monotonic()
    print(f"FLOW_SEED={seed}")
    dice = random.Random(seed)
    oracle = await connect(pollhook, provider, receiver)
    edits = FewAtOnce(provider=provider, pollhook=pollhook, dice=dice)
    killer = Killer(
        pollhook=pollhook, provider=provider, receiver=receiver, dice=dice, edit=edits.make
    )
    moments = list(MOMENTS) * rounds
    dice.shuffle(moments)
    for left, moment in zip(range(len(moments), 0, -1), moments, strict=True):
        due = changes - (await provider.changes() - oracle.since)
        await killer.kill(moment, max(due // left, 1))

    await provider.switch(**dict.fromkeys(PROVIDER_TROUBLE))
    await receiver.switch(**dict.fromkeys(RECEIVER_TROUBLE))
    await pollhook.start()
    await settled(oracle.missing)
    findings, report = await oracle.judge(), await oracle.report()
    assert findings.wrong == [], f"FLOW_SEED={seed}"
    assert sum(killer.kills.values()) == len(moments) >= 20
    assert await provider.changes() - oracle.since >= changes
    await check_sequences(pollhook, oracle)
    assert pollhook.program.said(level="error") == []
    print(
        f"{dict(killer.kills)}; {await provider.changes() - oracle.since} changes, "
        f"{report['events']} events of {findings.versions} versions told, "
        f"{report['repeats']} repeats, {report['refused']} refused, "
        f"{time.monotonic() - began:.1f} s"
    )


async def connect(pollhook: Pollhook, provider: Provider, receiver: Receiver) -> Oracle:
    pollhook.add_settings(
        {"polling": {"overlap_seconds": 10}, "delivery": {"retry_schedule_seconds": PROMPT}}
    )
    await provider.switch(refresh_reuse_grace_seconds=GRACE_SECONDS)
    await pollhook.start()
    instance = await pollhook.connect(receiver.callback())
    await trusted(receiver, instance)
    since = await provider.changes()
    await provider.switch(**PROVIDER_TROUBLE)
    await receiver.switch(**RECEIVER_TROUBLE)
    await pollhook.kill()
    return Oracle(provider=provider, receiver=receiver, instance=instance.id, since=since)


async def check_sequences(pollhook: Pollhook, oracle: Oracle) -> None:
    """Nothing was numbered that did not arrive."""
    resources = (await pollhook.state(oracle.instance))["resources"]
    streams = (await oracle.receiver.report())["streams"]
    arrived = {stream["objectType"]: stream["last"] for stream in streams}
    assert {each["name"]: each["nextSequence"] - 1 for each in resources} == arrived
