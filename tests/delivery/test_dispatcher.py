from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import standardwebhooks
import structlog
from aiohttp import web

from daemon.store.database import Database
from daemon.store.endpoint_statuses import load_statuses
from tests.delivery.receiver import Arrival, Receiver, accept
from tests.delivery.workshop import (
    Source,
    Workshop,
    attempts_spent,
    count,
    make_source,
    names,
    running,
    states,
    until,
    write_backlog,
)


async def test_a_page_arrives_as_it_was_stored_and_signed(
    database: Database, workshop: Workshop, receiver: Receiver, source: Source
) -> None:
    async with running(workshop.dispatcher()) as dispatcher:
        dispatcher.wake(source.instance_id, await source.commit("a", "b"))
        await receiver.until(lambda: len(receiver.accepted) == 1)

    (arrival,) = receiver.accepted
    stored = await database.fetchrow("select event_id, body, state, attempts from notifications")
    assert stored is not None
    assert (arrival.webhook_id, arrival.body) == (stored["event_id"], stored["body"])
    assert (stored["state"], stored["attempts"]) == ("delivered", 1)
    configuration = workshop.endpoints[source.instance_id]
    assert configuration is not None
    standardwebhooks.Webhook(configuration.webhook_secrets[0]).verify(arrival.body, arrival.headers)


async def test_what_is_in_the_table_at_the_start_is_sent(
    database: Database, workshop: Workshop, receiver: Receiver, source: Source
) -> None:
    await source.commit(*names("o", range(95)))

    async with running(workshop.dispatcher()):
        await receiver.until(lambda: len(receiver.accepted) == 10)

    assert await states(database, source) == {"delivered": 10}
    told = [event["sequence"] for arrival in receiver.accepted for event in arrival.events]
    assert sorted(told) == list(range(1, 96))


async def test_versions_of_an_object_arrive_in_order_and_others_pass_by(
    database: Database, workshop: Workshop, receiver: Receiver, source: Source
) -> None:
    held = asyncio.Event()

    async def hold_the_first(arrival: Arrival) -> int:
        if arrival.objects == ["a"] and len(receiver.arrivals) == 1:
            await held.wait()
        return 200

    receiver.answering = hold_the_first
    async with running(workshop.dispatcher()) as dispatcher:
        dispatcher.wake(source.instance_id, await source.commit("a"))
        await receiver.until(lambda: len(receiver.arrivals) == 1)
        for other in "bcd":
            dispatcher.wake(source.instance_id, await source.commit("a", other))
        await receiver.until(lambda: len(receiver.accepted) == 3)
        assert [arrival.objects for arrival in receiver.accepted] == [["b"], ["c"], ["d"]]
        held.set()
        await receiver.until(lambda: len(receiver.accepted) == 7)

    versions = [
        event["sequence"]
        for arrival in receiver.accepted
        for event in arrival.events
        if event["objectId"] == "a"
    ]
    assert versions == sorted(versions)
    assert await states(database, source) == {"delivered": 7}


async def test_a_poison_notification_is_tried_as_scheduled_and_dies_alone(
    database: Database, workshop: Workshop, receiver: Receiver, source: Source
) -> None:
    async def refuse_poison(arrival: Arrival) -> int:
        return 500 if "poison" in arrival.objects else 200

    receiver.answering = refuse_poison
    async with running(workshop.dispatcher()) as dispatcher:
        dispatcher.wake(source.instance_id, await source.commit("poison"))
        await receiver.until(lambda: len(receiver.arrivals) == 1)
        dispatcher.wake(source.instance_id, await source.commit("poison", "other"))
        dispatcher.wake(source.instance_id, await source.commit("third"))
        await receiver.until(lambda: len(receiver.arrivals) == 10)

    assert await states(database, source) == {"dead": 2, "delivered": 2}
    tries = Counter(a.webhook_id for a in receiver.arrivals if "poison" in a.objects)
    assert list(tries.values()) == [4, 4]
    rows = await database.fetch(
        "select number, outcome, status, spent from attempts"
        " where notification_id = (select min(id) from notifications) order by id"
    )
    assert [tuple(row) for row in rows] == [(n, "status", 500, True) for n in (1, 2, 3, 4)]


async def test_an_instance_may_have_a_retry_schedule_of_its_own(
    database: Database, workshop: Workshop, receiver: Receiver, source: Source
) -> None:
    async def refuse(arrival: Arrival) -> int:
        return 409

    receiver.answering = refuse
    configuration = workshop.endpoints[source.instance_id]
    assert configuration is not None
    workshop.endpoints[source.instance_id] = replace(configuration, retry_schedule_seconds=[0, 0])
    async with running(workshop.dispatcher(retry_schedule_seconds=(0, 3600))) as dispatcher:
        dispatcher.wake(source.instance_id, await source.commit("a"))
        await until(lambda: count(database, "notifications", "state = 'dead'"), 1)

    assert len(receiver.arrivals) == 2


async def test_a_receiver_that_was_down_gets_everything_and_no_attempts_are_spent_meanwhile(
    database: Database, workshop: Workshop, receiver: Receiver, source: Source
) -> None:
    await receiver.stop()
    await source.commit(*names("o", range(200)))
    async with running(workshop.dispatcher(max_in_flight_per_endpoint=1)):
        await until(lambda: count(database, "attempts", "not spent"), 12)
        await receiver.start()
        await receiver.until(lambda: len(receiver.accepted) == 20)

    assert await states(database, source) == {"delivered": 20}
    first, *others = sorted((await attempts_spent(database, source)).items())
    assert {attempts for _, attempts in others} == {1}
    assert first[1] > 1
    probed = await database.fetch(
        "select notification_id from attempts where not spent order by id limit 12"
    )
    assert len({row["notification_id"] for row in probed}) == 12
    assert await database.fetchval("select state from endpoints") == "healthy"


async def test_a_dead_endpoint_does_not_delay_a_living_one(
    database: Database, workshop: Workshop, receiver: Receiver, source: Source
) -> None:
    dead = await make_source(database)
    workshop.point(dead, receiver.url("/dead"))
    await workshop.leases.run_once()
    never = asyncio.Event()

    async def hang_if_dead(arrival: Arrival) -> int:
        if arrival.path == "/dead":
            await never.wait()
        return 200

    receiver.answering = hang_if_dead
    await dead.commit(*names("d", range(300)))
    dispatcher = workshop.dispatcher(grace_seconds=0.05, max_in_flight=8)
    async with running(dispatcher):
        dispatcher.wake(dead.instance_id)
        await receiver.until(lambda: receiver.under_way == 2)
        for number in range(50):
            dispatcher.wake(source.instance_id, await source.commit(f"o{number}"))
        await receiver.until(lambda: len(receiver.accepted) == 50)

    assert await states(database, dead) == {"pending": 28, "retrying": 2}
    assert await states(database, source) == {"delivered": 50}


async def test_gone_stops_the_endpoint_and_keeps_its_backlog(
    database: Database, workshop: Workshop, receiver: Receiver, source: Source
) -> None:
    async def gone(arrival: Arrival) -> int:
        return 410

    receiver.answering = gone
    await source.commit(*names("o", range(200)))
    async with running(workshop.dispatcher(max_in_flight_per_endpoint=1)):
        await receiver.until(lambda: len(receiver.arrivals) == 1)

    assert await states(database, source) == {"pending": 19, "retrying": 1}
    assert sum((await attempts_spent(database, source)).values()) == 0
    endpoint = await database.fetchrow("select state, disabled_reason from endpoints")
    assert endpoint is not None
    assert tuple(endpoint) == ("disabled", "The callback answered 410 Gone")


async def test_a_disabled_endpoint_is_not_called_after_a_restart_either(
    database: Database, workshop: Workshop, receiver: Receiver, source: Source
) -> None:
    await database.execute("update endpoints set state = 'disabled'")
    other = await make_source(database)
    workshop.point(other, receiver.url("/other"))
    await workshop.leases.run_once()

    async with running(workshop.dispatcher()) as dispatcher:
        dispatcher.wake(source.instance_id, await source.commit("a"))
        dispatcher.wake(other.instance_id, await other.commit("b"))
        await receiver.until(lambda: len(receiver.accepted) == 1)

    assert [arrival.path for arrival in receiver.arrivals] == ["/other"]


async def test_a_callback_is_neither_given_up_nor_warned_about_again_because_we_were_away(
    database: Database, workshop: Workshop, receiver: Receiver, source: Source
) -> None:
    async def refuse(_: Arrival) -> int:
        return 503

    receiver.answering = refuse
    await source.commit("a")
    await database.execute(
        "update endpoints set state = 'failing', failing_since = now() - interval '12 days',"
        " counted_since = now() - interval '12 days', warned = 50,"
        " next_probe_at = now() - interval '9 days'"
    )

    with structlog.testing.capture_logs() as log:
        async with running(workshop.dispatcher(retry_schedule_seconds=[0, 60])):
            await receiver.until(lambda: len(receiver.arrivals) == 1)

    status = (await load_statuses(database, [source.instance_id]))[source.instance_id]
    assert (status.state, status.warned, status.failures) == ("failing", 50, 1)
    assert status.counted_since
    assert status.failing_since
    assert status.counted_since - status.failing_since > timedelta(days=8.9)
    assert [line for line in log if line["event"].startswith("endpoint.")] == []


async def test_a_clock_that_is_set_back_puts_off_neither_probes_nor_what_was_made_before(
    workshop: Workshop, receiver: Receiver, source: Source
) -> None:
    ahead = timedelta(hours=1)

    async def refuse(_: Arrival) -> int:
        return 503

    receiver.answering = refuse
    for name in "abc":
        await source.commit(name)
    async with running(
        workshop.dispatcher(
            now=lambda: datetime.now(UTC) + ahead, retry_schedule_seconds=[0, *[0.3] * 20]
        )
    ):
        await receiver.until(lambda: len(receiver.arrivals) >= 4)  # a probe, too
        receiver.answering = accept
        ahead = timedelta(0)
        await receiver.until(lambda: len(receiver.accepted) >= 1)


async def test_an_instance_without_a_configuration_to_send_by_is_left_alone(
    database: Database, workshop: Workshop, receiver: Receiver, source: Source
) -> None:
    workshop.endpoints[source.instance_id] = None
    async with running(workshop.dispatcher()) as dispatcher:
        dispatcher.wake(source.instance_id, await source.commit("a"))
        workshop.point(source, receiver.url("/new"))
        await dispatcher.forget(source.instance_id)
        await receiver.until(lambda: len(receiver.accepted) == 1)

    assert [arrival.path for arrival in receiver.arrivals] == ["/new"]


async def test_after_forget_nothing_begins_under_the_old_configuration(
    database: Database, workshop: Workshop, receiver: Receiver, source: Source
) -> None:
    dispatcher = workshop.dispatcher(max_in_flight_per_endpoint=2)
    arrived = asyncio.Event()

    async def wait_to_be_told(arrival: Arrival) -> int:
        await arrived.wait()
        return 200

    receiver.answering = wait_to_be_told
    async with running(dispatcher):
        for number in range(30):
            dispatcher.wake(source.instance_id, await source.commit(f"o{number}"))
        await receiver.until(lambda: receiver.under_way == 2)
        workshop.point(source, receiver.url("/new"))
        await dispatcher.forget(source.instance_id)
        arrived.set()
        await receiver.until(lambda: len(receiver.accepted) == 30)

    assert [arrival.path for arrival in receiver.arrivals[2:]] == ["/new"] * 28


async def test_a_stolen_lease_settles_nothing_and_the_thief_sends_everything(
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
        await database.execute("update leases set token = token + 1, owner = gen_random_uuid()")
        release.set()
        await receiver.until(lambda: len(receiver.accepted) == 1)

    assert await states(database, source) == {"pending": 1}
    assert await database.fetchval("select count(*) from attempts") == 0

    await workshop.leases.run_once()
    async with running(workshop.dispatcher()):
        await receiver.until(lambda: len(receiver.accepted) == 2)
    assert await states(database, source) == {"delivered": 1}
    assert len({arrival.webhook_id for arrival in receiver.accepted}) == 1


async def test_without_a_lease_nothing_is_sent(
    database: Database, workshop: Workshop, receiver: Receiver, source: Source
) -> None:
    ours = await make_source(database)
    workshop.point(ours, receiver.url("/ours"))
    await workshop.leases.run_once()
    foreign = await make_source(database)
    workshop.point(foreign, receiver.url("/foreign"))

    async with running(workshop.dispatcher()) as dispatcher:
        dispatcher.wake(foreign.instance_id, await foreign.commit("f"))
        dispatcher.wake(ours.instance_id, await ours.commit("o"))
        await receiver.until(lambda: len(receiver.accepted) == 1)

    assert [arrival.path for arrival in receiver.arrivals] == ["/ours"]


async def test_a_stop_waits_for_what_is_under_way_and_records_it(
    database: Database, workshop: Workshop, receiver: Receiver, source: Source
) -> None:
    release = asyncio.Event()

    async def hold(arrival: Arrival) -> int:
        await release.wait()
        return 200

    receiver.answering = hold
    await source.commit(*names("o", range(200)))
    async with running(workshop.dispatcher(max_in_flight_per_endpoint=2)) as dispatcher:
        dispatcher.wake(source.instance_id)
        await receiver.until(lambda: receiver.under_way == 2)
        asyncio.get_running_loop().call_later(0.05, release.set)

    assert len(receiver.arrivals) == 2
    assert await states(database, source) == {"delivered": 2, "pending": 18}


async def test_what_the_grace_period_cuts_off_is_no_failed_attempt(
    database: Database, workshop: Workshop, receiver: Receiver, source: Source
) -> None:
    never = asyncio.Event()

    async def hang(arrival: Arrival) -> int:
        await never.wait()
        return 200

    receiver.answering = hang
    async with running(workshop.dispatcher(grace_seconds=0.05)) as dispatcher:
        dispatcher.wake(source.instance_id, await source.commit("a"))
        await receiver.until(lambda: receiver.under_way == 1)

    assert await states(database, source) == {"retrying": 1}
    assert set((await attempts_spent(database, source)).values()) == {0}
    cut_off = await database.fetchrow("select outcome, spent, number from attempts")
    assert cut_off is not None
    assert tuple(cut_off) == ("cancelled", False, 1)
    assert await database.fetchval("select state from endpoints") == "healthy"
    async with running(workshop.dispatcher()):
        never.set()
        await until(lambda: count(database, "notifications", "state = 'delivered'"), 1)


async def test_one_endpoint_never_gets_more_at_once_than_allowed(
    database: Database, workshop: Workshop, receiver: Receiver, source: Source
) -> None:
    full = asyncio.Event()

    async def wait_until_full(arrival: Arrival) -> int:
        if receiver.under_way == 3:
            full.set()
        if len(receiver.arrivals) > 2:
            await full.wait()
        return 200

    receiver.answering = wait_until_full
    await source.commit(*names("o", range(400)))
    async with running(workshop.dispatcher(max_in_flight_per_endpoint=3)):
        await receiver.until(lambda: len(receiver.accepted) == 40)

    assert receiver.most_under_way == 3


async def test_a_redirect_is_not_followed_and_the_answer_is_kept_short(
    database: Database, workshop: Workshop, receiver: Receiver, source: Source
) -> None:
    async def redirect(arrival: Arrival) -> web.Response:
        headers = {"Location": receiver.url("/elsewhere")}
        return web.Response(status=302, headers=headers, body=b"\x00" + b"x" * 10_000)

    receiver.answering = redirect
    async with running(workshop.dispatcher(retry_schedule_seconds=(0,))) as dispatcher:
        dispatcher.wake(source.instance_id, await source.commit("a"))
        await receiver.until(lambda: len(receiver.arrivals) == 1)

    attempt = await database.fetchrow("select outcome, status, answer from attempts")
    assert attempt is not None
    assert (attempt["outcome"], attempt["status"]) == ("status", 302)
    assert attempt["answer"] == "\N{REPLACEMENT CHARACTER}" + "x" * 4095
    assert [arrival.path for arrival in receiver.arrivals] == ["/callback"]


@pytest.mark.parametrize(
    ("url", "outcome"),
    [
        pytest.param("http://127.0.0.1:1/", "connection", id="nobody listens"),
        pytest.param("http://nowhere.invalid/", "dns", id="no such name"),
        pytest.param("http://10.0.0.1/", "invalid_target", id="private address"),
        pytest.param("gopher://example.org", "invalid_target", id="no web address"),
    ],
)
async def test_what_kept_an_attempt_from_an_answer_is_recorded_in_one_word(
    database: Database, workshop: Workshop, source: Source, url: str, outcome: str
) -> None:
    workshop.point(source, url)
    async with running(workshop.dispatcher(retry_schedule_seconds=(0,))) as dispatcher:
        dispatcher.wake(source.instance_id, await source.commit("a"))
        await until(lambda: count(database, "notifications", "state = 'dead'"), 1)

    assert await database.fetchval("select outcome from attempts") == outcome


async def test_retry_after_holds_a_notification_back_and_others_pass(
    database: Database, workshop: Workshop, receiver: Receiver, source: Source
) -> None:
    async def busy_for_a(arrival: Arrival) -> int | web.Response:
        if arrival.objects == ["a"]:
            return web.Response(status=429, headers={"Retry-After": "3600"})
        return 200

    receiver.answering = busy_for_a
    async with running(workshop.dispatcher()) as dispatcher:
        dispatcher.wake(source.instance_id, await source.commit("a"))
        dispatcher.wake(source.instance_id, await source.commit("b"))
        await receiver.until(lambda: len(receiver.accepted) == 1)

    waits = await database.fetchval(
        "select extract(epoch from due_at - now()) from notifications where state = 'retrying'"
    )
    assert 3590 < waits <= 3600


async def test_of_ten_thousand_pending_ones_only_a_bounded_part_is_in_memory(
    database: Database, workshop: Workshop, receiver: Receiver, source: Source
) -> None:
    await write_backlog(database, source, 10_000)
    dispatcher = workshop.dispatcher()
    most = 0

    async def measure(arrival: Arrival) -> int:
        nonlocal most
        lane = dispatcher._board.find(source.instance_id)
        assert lane is not None
        most = max(most, len(lane._queue))
        return 200

    receiver.answering = measure
    async with running(dispatcher):
        await receiver.until(lambda: len(receiver.accepted) >= 300)

    assert 0 < most <= 40
    done = await count(database, "notifications", "state = 'delivered'")
    ids = [arrival.webhook_id for arrival in receiver.accepted]
    assert done == len(ids) == len(set(ids))
    first = await database.fetch(f"select event_id from notifications order by id limit {done}")
    assert {row["event_id"] for row in first} == set(ids)
