from __future__ import annotations

import asyncio
from datetime import timedelta

from structlog.testing import capture_logs

from daemon.delivery.endpoint import EndpointConfiguration
from daemon.errors import UndecryptableSecret
from daemon.instance import InstanceId
from daemon.store.database import Database
from tests.delivery.receiver import Arrival, Receiver
from tests.delivery.workshop import Source, Workshop, make_source, running, states, write_backlog


async def test_a_lease_that_is_newly_ours_is_noticed_without_being_told(
    database: Database, workshop: Workshop, receiver: Receiver, source: Source
) -> None:
    async with running(workshop.dispatcher()) as dispatcher:
        dispatcher.wake(source.instance_id, await source.commit("a"))
        await receiver.until(lambda: len(receiver.accepted) == 1)
        late = await make_source(database)
        workshop.point(late, receiver.url("/late"))
        await late.commit("b")
        await workshop.leases.run_once()
        dispatcher.look()
        await receiver.until(lambda: len(receiver.accepted) == 2)

    assert receiver.accepted[1].path == "/late"


async def test_a_wake_that_was_lost_is_made_up_for_by_the_next_survey(
    database: Database, workshop: Workshop, receiver: Receiver, source: Source
) -> None:
    async with running(workshop.dispatcher()) as dispatcher:
        dispatcher.wake(source.instance_id, await source.commit("a"))
        await receiver.until(lambda: len(receiver.accepted) == 1)
        await source.commit("b")
        dispatcher._refiller.survey_now()
        dispatcher._nudge.set()
        await receiver.until(lambda: len(receiver.accepted) == 2)

    assert await states(database, source) == {"delivered": 2}


async def test_what_a_refill_found_before_its_wake_came_is_sent_once(
    database: Database, workshop: Workshop, receiver: Receiver, source: Source
) -> None:
    async with running(workshop.dispatcher()) as dispatcher:
        ready = await source.commit("a")
        dispatcher.wake(source.instance_id)
        await receiver.until(lambda: len(receiver.accepted) == 1)
        dispatcher.wake(source.instance_id, ready)
        dispatcher.wake(source.instance_id, await source.commit("b"))
        await receiver.until(lambda: len(receiver.accepted) == 2)

    assert [arrival.objects for arrival in receiver.arrivals] == [["a"], ["b"]]


async def test_after_a_change_raised_the_token_sending_goes_on_under_the_new_one(
    database: Database, workshop: Workshop, receiver: Receiver, source: Source
) -> None:
    release = asyncio.Event()

    async def hold(arrival: Arrival) -> int:
        await release.wait()
        return 200

    receiver.answering = hold
    async with running(workshop.dispatcher()) as dispatcher:
        dispatcher.wake(source.instance_id, await source.commit("a"))
        await receiver.until(lambda: receiver.under_way == 1)
        await database.execute("update leases set token = token + 1")
        await dispatcher.forget(source.instance_id)
        release.set()
        await receiver.until(lambda: len(receiver.accepted) == 2)

    assert await states(database, source) == {"delivered": 1}
    assert len({arrival.webhook_id for arrival in receiver.accepted}) == 1


async def test_an_endpoint_whose_secrets_cannot_be_read_holds_up_nobody_else(
    database: Database, workshop: Workshop, receiver: Receiver, source: Source
) -> None:
    broken = await make_source(database)
    await workshop.leases.run_once()
    known = workshop.configuration

    async def refuse_one(instance_id: InstanceId) -> EndpointConfiguration | None:
        if instance_id == broken.instance_id:
            raise UndecryptableSecret("No key opens instances.secrets")
        return await known(instance_id)

    with capture_logs() as logs:
        async with running(workshop.dispatcher(endpoint_source=refuse_one)) as dispatcher:
            dispatcher.wake(broken.instance_id, await broken.commit("a"))
            dispatcher.wake(source.instance_id, await source.commit("b"))
            await receiver.until(lambda: len(receiver.accepted) == 1)

    assert await states(database, broken) == {"pending": 1}
    (entry,) = [entry for entry in logs if entry["event"] == "delivery.endpoint_unknown"]
    assert entry["reason"] == "No key opens instances.secrets"


async def test_many_lanes_with_backlogs_are_all_emptied(
    database: Database, workshop: Workshop, receiver: Receiver, source: Source
) -> None:
    sources = [source, *[await make_source(database) for _ in range(49)]]
    for one in sources:
        workshop.point(one, receiver.url(f"/{one.instance_id}"))
        await write_backlog(database, one, 6)
    await workshop.leases.run_once()

    async with running(workshop.dispatcher()):
        await receiver.until(lambda: len(receiver.accepted) == 300)

    ids = [arrival.webhook_id for arrival in receiver.accepted]
    assert len(set(ids)) == 300
    left = "select count(*) from notifications where state <> 'delivered'"
    assert await database.fetchval(left) == 0


async def test_an_endpoint_that_was_failing_before_a_restart_is_probed_when_its_time_comes(
    database: Database, workshop: Workshop, receiver: Receiver, source: Source
) -> None:
    await source.commit("a")
    await source.commit("b")
    later = timedelta(seconds=0.2)
    await database.execute(
        "update endpoints set state = 'failing', failing_since = now(), next_probe_at = now() + $1",
        later,
    )

    async with running(workshop.dispatcher()):
        await receiver.until(lambda: len(receiver.accepted) == 2)

    probe_at = await database.fetchval("select min(started_at) from attempts")
    created_at = await database.fetchval("select min(created_at) from notifications")
    assert probe_at - created_at >= later
    endpoint = await database.fetchrow("select state, failing_since from endpoints")
    assert endpoint is not None
    assert tuple(endpoint) == ("healthy", None)
