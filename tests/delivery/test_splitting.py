from __future__ import annotations

from dataclasses import replace

from daemon.delivery.endpoint import EndpointConfiguration
from daemon.store.database import Database
from daemon.store.endpoint_statuses import load_statuses
from tests.delivery.receiver import Arrival, Receiver
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


async def refuse_poison(arrival: Arrival) -> int:
    return 422 if "poison" in arrival.objects else 200


async def test_one_poison_event_dies_alone_and_nothing_else_is_held_up(
    database: Database, workshop: Workshop, receiver: Receiver, source: Source
) -> None:
    receiver.answering = refuse_poison
    objects = [*names("o", range(9)), "poison"]
    async with running(workshop.dispatcher()) as dispatcher:
        dispatcher.wake(source.instance_id, await source.commit(*objects))
        dispatcher.wake(source.instance_id, await source.commit("o1", "poison", "other"))
        await until(lambda: count(database, "notifications", "state = 'dead'"), 2)
        await until(lambda: count(database, "notifications", "state = 'delivered'"), 11)

    assert await states(database, source) == {"split": 1, "delivered": 11, "dead": 2}
    told = [event["sequence"] for arrival in receiver.accepted for event in arrival.events]
    assert sorted(told) == [*range(1, 10), 11, 13]
    assert len({arrival.webhook_id for arrival in receiver.accepted}) == 11
    dead = await database.fetch("select id from notifications where state = 'dead'")
    spent = await attempts_spent(database, source)
    assert {spent[row["id"]] for row in dead} == {4}


async def test_with_the_policy_to_queue_the_last_attempt_disables_the_endpoint(
    database: Database, workshop: Workshop, receiver: Receiver, source: Source
) -> None:
    receiver.answering = refuse_poison
    configuration = workshop.endpoints[source.instance_id]
    assert isinstance(configuration, EndpointConfiguration)
    workshop.endpoints[source.instance_id] = replace(configuration, queues_failures=True)
    async with running(workshop.dispatcher()) as dispatcher:
        dispatcher.wake(source.instance_id, await source.commit("poison"))
        await until(lambda: count(database, "endpoints", "state = 'disabled'"), 1)
        dispatcher.wake(source.instance_id, await source.commit("later"))

    assert await states(database, source) == {"retrying": 1, "pending": 1}
    assert set((await attempts_spent(database, source)).values()) == {0}
    assert await count(database, "attempts", "spent") == 4
    stored = await load_statuses(database, [source.instance_id])
    assert "422" in (stored[source.instance_id].disabled_reason or "")
