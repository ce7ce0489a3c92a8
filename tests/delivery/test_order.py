from __future__ import annotations

import random
from collections import defaultdict

import pytest

from daemon.store.database import Database
from tests.delivery.receiver import HANG_UP, Arrival, Receiver
from tests.delivery.workshop import (
    Source,
    Workshop,
    attempts_spent,
    count,
    names,
    running,
    states,
    until,
)

PATIENT = (0.0, *[0.01] * 11)


async def no_unfinished(database: Database) -> int:
    """1 once everything has ended, the parts of what was split included."""
    return int(not await count(database, "notifications", "finished_at is null"))


@pytest.mark.parametrize("seed", range(3))
async def test_first_arrivals_of_an_object_are_in_order_whatever_the_receiver_answers(
    seed: int, database: Database, workshop: Workshop, receiver: Receiver, source: Source
) -> None:
    chance = random.Random(seed)

    async def answer_at_random(arrival: Arrival) -> int:
        return chance.choices([200, 500, 400, HANG_UP], [12, 2, 2, 1])[0]

    receiver.answering = answer_at_random
    objects = names("o", range(14))
    async with running(workshop.dispatcher(retry_schedule_seconds=PATIENT)) as dispatcher:
        for _ in range(25):
            page = await source.commit(*chance.sample(objects, 8))
            dispatcher.wake(source.instance_id, page)
        await until(lambda: no_unfinished(database), 1)

    first: dict[str, list[int]] = defaultdict(list)
    for arrival in receiver.arrivals:
        for event in arrival.events:
            if event["sequence"] not in first[event["objectId"]]:
                first[event["objectId"]].append(event["sequence"])
    assert sum(map(len, first.values())) == 200
    assert all(sequences == sorted(sequences) for sequences in first.values())
    assert set(await states(database, source)) <= {"delivered", "split"}
    assert await count(database, "notifications", "waits_for is not null") == 0


async def test_a_payload_that_crashes_the_receiver_dies_alone(
    database: Database, workshop: Workshop, receiver: Receiver, source: Source
) -> None:
    down_for = 0

    async def crash_on_poison(arrival: Arrival) -> int:
        nonlocal down_for
        if "poison" in arrival.objects:
            down_for = 5
            return HANG_UP
        down_for -= 1
        return HANG_UP if down_for >= 0 else 200

    receiver.answering = crash_on_poison
    innocents = 0
    async with running(workshop.dispatcher(retry_schedule_seconds=PATIENT)) as dispatcher:
        dispatcher.wake(source.instance_id, await source.commit("poison"))
        while not await count(database, "notifications", "state = 'dead'"):
            innocents += 1
            arrived = len(receiver.arrivals)
            dispatcher.wake(source.instance_id, await source.commit(f"o{innocents}"))
            await receiver.until(lambda before=arrived: len(receiver.arrivals) > before)
        dispatcher.wake(source.instance_id, await source.commit("last"))
        await until(lambda: count(database, "notifications", "state = 'delivered'"), innocents + 1)

    assert await states(database, source) == {"delivered": innocents + 1, "dead": 1}
    dead = await database.fetchrow("select id, attempts from notifications where state = 'dead'")
    assert dead is not None
    spent = await attempts_spent(database, source)
    assert dead["id"] == min(spent)
    assert (
        dead["attempts"]
        == len(PATIENT)
        > max(attempts for key, attempts in spent.items() if key != dead["id"])
    )
