from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest
import structlog

from daemon.errors import DatabaseUnavailable, Fenced
from daemon.instance import InstanceId
from daemon.leases import Leases
from daemon.store import leases as rows
from daemon.store.database import Database
from tests.store.factories import make_instance


class ManualClock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def make_leases(database: Database, *, alone: bool = False) -> Leases:
    return Leases(database, seconds=10, renew_seconds=3, alone=alone)


async def test_a_free_instance_is_taken_and_announced(database: Database) -> None:
    instance_id = await make_instance(database)
    leases = make_leases(database)
    announced: list[bool] = []
    leases.on_change = lambda: announced.append(True)
    await leases.run_once()
    await leases.run_once()
    assert leases.held() == {instance_id}
    assert announced == [True]


async def test_a_change_that_another_daemon_made_is_announced_with_the_next_beat(
    database: Database,
) -> None:
    instance_id = await make_instance(database)
    leases = Leases(database, seconds=10, renew_seconds=0.01, alone=True)
    announced = asyncio.Event()
    stop = asyncio.Event()
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        leases.on_change = announced.set
        tasks.create_task(leases.run(stop))
        await announced.wait()
        announced.clear()
        async with database.transaction() as connection:
            token = await rows.lock_change(connection, instance_id)
        await announced.wait()
        assert leases.token(instance_id) == token
        stop.set()


async def test_a_living_daemon_keeps_its_instances(database: Database) -> None:
    instance_id = await make_instance(database)
    first, second = make_leases(database), make_leases(database)
    await first.run_once()
    await second.run_once()
    assert first.holds(instance_id) is not None
    assert second.holds(instance_id) is None


async def test_a_daemon_that_fell_silent_is_replaced_and_fenced(database: Database) -> None:
    instance_id = await make_instance(database)
    first, second = make_leases(database), make_leases(database)
    await first.run_once()
    old = first.holds(instance_id)
    assert old is not None
    await database.execute("update daemons set expires_at = now() - interval '1 second'")
    await second.run_once()
    new = second.holds(instance_id)
    assert new is not None
    assert new.token > old.token
    async with database.transaction() as connection:
        with pytest.raises(Fenced):
            await rows.lock_shared(connection, instance_id, old.token)
    await first.run_once()
    assert first.holds(instance_id) is None


async def test_a_lone_daemon_takes_over_at_once(database: Database) -> None:
    instance_id = await make_instance(database)
    await make_leases(database).run_once()
    successor = make_leases(database, alone=True)
    await successor.run_once()
    assert successor.holds(instance_id) is not None


@pytest.mark.parametrize("alone", [True, False], ids=["alone", "one of several"])
async def test_a_renewal_of_tokens_outlives_its_daemon_only_where_that_may_be_alive(
    database: Database, alone: bool
) -> None:
    instance_id = await make_instance(database)
    await make_leases(database).run_once()
    await database.execute(
        "update instances set credentials_locked_until = now() + interval '15 seconds'"
    )
    await database.execute("update daemons set expires_at = now() - interval '1 second'")
    successor = make_leases(database, alone=alone)
    await successor.run_once()
    assert successor.holds(instance_id) is not None
    locked = "select credentials_locked_until is not null from instances"
    assert await database.fetchval(locked) is not alone


async def test_the_heartbeat_of_a_lone_daemon_leaves_its_own_renewals_alone(
    database: Database,
) -> None:
    await make_instance(database)
    leases = make_leases(database, alone=True)
    await leases.run_once()
    await database.execute(
        "update instances set credentials_locked_until = now() + interval '15 seconds'"
    )
    await leases.run_once()
    assert await database.fetchval("select credentials_locked_until from instances") is not None


async def test_released_instances_are_free_for_others(database: Database) -> None:
    instance_id = await make_instance(database)
    first, second = make_leases(database), make_leases(database)
    await first.run_once()
    await first.release()
    assert first.holds(instance_id) is None
    await second.run_once()
    assert second.holds(instance_id) is not None


async def test_nothing_is_held_beyond_the_local_deadline(database: Database) -> None:
    instance_id = await make_instance(database)
    clock = ManualClock()
    leases = Leases(database, seconds=10, renew_seconds=3, alone=False, clock=clock)
    await leases.run_once()
    clock.now += 8.9
    assert leases.holds(instance_id) is not None
    clock.now += 0.2
    assert leases.holds(instance_id) is None
    assert leases.held() == frozenset()


async def test_the_shortest_lease_is_held_for_most_of_its_time(database: Database) -> None:
    instance_id = await make_instance(database)
    clock = ManualClock()
    leases = Leases(database, seconds=1, renew_seconds=0.5, alone=False, clock=clock)
    await leases.run_once()
    clock.now += 0.8
    assert leases.holds(instance_id) is not None


async def test_a_database_that_goes_and_returns_is_told_once_each(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = 3
    rounds = asyncio.Event()

    async def beat(*_: object) -> None:
        nonlocal away
        away -= 1
        if away >= 0:
            raise DatabaseUnavailable("The database does not answer")
        rounds.set()

    monkeypatch.setattr(rows, "beat", beat)
    leases = Leases(database, seconds=10, renew_seconds=0.01, alone=True)
    stop = asyncio.Event()
    with structlog.testing.capture_logs() as told:
        keeping = asyncio.create_task(leases.run(stop))
        async with asyncio.timeout(20):
            await rounds.wait()
            rounds.clear()
            await rounds.wait()
        stop.set()
        await keeping
    assert [line["event"] for line in told] == ["database.away", "database.back"]
    assert told[1]["failures"] == 3


async def test_a_change_by_a_person_fences_what_began_before_it(database: Database) -> None:
    instance_id = await make_instance(database)
    leases = make_leases(database)
    await leases.run_once()
    before = leases.holds(instance_id)
    assert before is not None
    async with database.transaction() as connection:
        await rows.lock_change(connection, instance_id)
    async with database.transaction() as connection:
        with pytest.raises(Fenced):
            await rows.lock_shared(connection, instance_id, before.token)
    await leases.run_once()
    after = leases.holds(instance_id)
    assert after is not None
    assert after.token == before.token + 1


async def test_a_lease_that_does_not_exist_is_no_lease(database: Database) -> None:
    async with database.transaction() as connection:
        assert await rows.lock_change(connection, InstanceId(404)) is None
        with pytest.raises(Fenced):
            await rows.lock_shared(connection, InstanceId(404), 1)


async def test_heartbeats_of_the_long_dead_are_forgotten(database: Database) -> None:
    await rows.beat(database, uuid4(), 10)
    await database.execute("update daemons set expires_at = now() - interval '2 days'")
    await rows.forget_dead(database)
    assert await database.fetchval("select count(*) from daemons") == 0
