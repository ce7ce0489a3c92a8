"""Receivers flap, the database restarts, the daemon is killed: the promises hold all the same."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Sequence

import pytest
import pytest_asyncio

from tests.flow.chaos import Chaos
from tests.flow.external import External
from tests.flow.oracle import Oracle
from tests.flow.pollhook import Pollhook
from tests.flow.processes import settled
from tests.flow.standins import Provider, Receiver

EDITS = 12
"""So many changes before each trouble, at least."""
SCHEDULE = [0, 0.2, 0.4, *[1.0] * 30]
BROKEN_BOUNDS = f"""
    select n.id, n.state, n.attempts, n.spent
    from (
        select notifications.*, (
            select count(*) from attempts
            where notification_id = notifications.id and attempts.spent
        ) as spent
        from notifications
    ) as n
    where n.state <> 'delivered' or n.attempts > {len(SCHEDULE)} or n.spent > {len(SCHEDULE)}
        or n.attempts <> n.spent
    limit 10
"""
SHORT_LEASE = {"seconds": 3, "renew_seconds": 1}
"""What is killed holds back its successor until its leases have run out."""
ATTEMPTS = """
    select
        (select count(*) from notifications) as notifications,
        (select max(attempts) from notifications) as "attempts at most",
        count(*) as attempts, count(*) filter (where spent) as spent
    from attempts
"""


@pytest_asyncio.fixture
async def chaos(
    outside: Pollhook, external: External, provider: Provider, receiver: Receiver
) -> Chaos:
    seed = int(os.environ.get("FLOW_SEED") or random.randrange(2**32))
    print(f"FLOW_SEED={seed}")
    outside.add_settings(
        {
            "delivery": {"retry_schedule_seconds": SCHEDULE, "timeout_seconds": 5},
            "lease": SHORT_LEASE,
        }
    )
    return Chaos(
        pollhook=outside,
        external=external,
        provider=provider,
        receiver=receiver,
        dice=random.Random(seed),
    )


@pytest.mark.timeout(120)
async def test_nothing_is_lost_repeated_or_disordered_whatever_fails(chaos: Chaos) -> None:
    await prove(chaos, instances=5, events=100, minutes="0.012", patience_seconds=40)


@pytest.mark.soak
@pytest.mark.timeout(3600)
async def test_fifty_thousand_events_of_two_hundred_instances_survive_chaos(chaos: Chaos) -> None:
    chaos.pauses = (3.0, 8.0)  # so many instances have much to do after each trouble
    await prove(chaos, instances=200, events=50_000, minutes="0.5", patience_seconds=300)


async def prove(
    chaos: Chaos, *, instances: int, events: int, minutes: str, patience_seconds: float
) -> None:
    """Let everything fail until so many events have arrived, then judge once all have."""
    began = time.monotonic()
    await chaos.begin(instances, minutes)
    since = await chaos.provider.changes()
    enough = since + events // instances
    while (await chaos.receiver.report())["events"] < events:
        for trouble in chaos.troubles():
            if await chaos.provider.changes() < enough:
                await chaos.edit(max(EDITS, events // (10 * instances)))
            await chaos.pause()
            await trouble()
    await chaos.calm()
    print(f"{time.monotonic() - began:.1f} s until calm")

    oracles = [chaos.oracle(instance, since) for instance in chaos.instances]
    await arrived(oracles, patience_seconds)
    told = 0
    for oracle in oracles:
        findings = await oracle.judge()
        told += findings.told
        assert findings.wrong == []
    report = await oracles[0].report()
    await check_sequences(chaos)
    attempts = await check_attempts(chaos)
    assert chaos.pollhook.program.said(level="error") == []
    print(
        f"{dict(chaos.struck)}; {told} versions told to {instances} instances,"
        f" {report['events']} events, {report['repeats']} repeats, {report['refused']} refused,"
        f" {attempts}, {time.monotonic() - began:.1f} s"
    )


async def arrived(oracles: Sequence[Oracle], within_seconds: float) -> None:
    """The last version of everything has come, to all of them within this time."""
    waiting = list(oracles)

    async def missing() -> Sequence[str]:
        while waiting:
            if complaints := await waiting[-1].missing():
                return [f"{len(waiting)} instances to go", *complaints]
            waiting.pop()
        return []

    await settled(missing, within_seconds)


async def check_sequences(chaos: Chaos) -> None:
    """Nothing was numbered that did not arrive."""
    streams = (await chaos.receiver.report())["streams"]
    arrived = {(each["instance"], each["objectType"]): each["last"] for each in streams}
    numbered = {
        (str(instance.id), resource["name"]): resource["nextSequence"] - 1
        for instance in chaos.instances
        for resource in (await chaos.pollhook.state(instance.id))["resources"]
    }
    assert numbered == arrived


async def check_attempts(chaos: Chaos) -> str:
    """All were delivered within their schedule, and each attempt that counts is in the history.

    Answers how many there were.
    """

    async def broken() -> list[str]:
        async with chaos.pollhook.database() as database:
            return [str(dict(row)) for row in await database.fetch(BROKEN_BOUNDS)]

    await settled(broken)
    async with chaos.pollhook.database() as database:
        row = await database.fetchrow(ATTEMPTS)
    assert row is not None
    return ", ".join(f"{count} {name}" for name, count in row.items())
