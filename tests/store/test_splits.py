"""Refused notifications, replaced by one per event in the transaction that settles them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from daemon.delivery.retry import Blame
from daemon.delivery.settlement import Outcome, OutcomeKind, Settlement
from daemon.instance import NotificationId, NotificationState
from daemon.store import deliveries, splits
from daemon.store.database import Database
from daemon.store.deliveries import Settled
from tests.delivery.workshop import Source, count, make_source, states
from tests.store.plans import fill_tables, indexes_used
from tests.store.waiting import until_blocked

TOKEN = 1


@pytest.fixture
async def source(database: Database) -> Source:
    source = await make_source(database)
    await database.execute('update resources set configuration = \'{"idField": "Key"}\'')
    return source


def settlement(
    source: Source, number: int, state: NotificationState = NotificationState.SPLIT
) -> Settlement:
    outcome = Outcome(
        kind=OutcomeKind.STATUS,
        blame=Blame.NOTIFICATION,
        started_at=datetime.now(UTC),
        duration_seconds=0.1,
        status=400,
    )
    return Settlement(
        instance_id=source.instance_id,
        notification_id=NotificationId(number),
        state=state,
        attempts=1,
        due_at=datetime.now(UTC) - timedelta(seconds=1),
        number=1,
        spent=True,
        outcome=outcome,
    )


async def settle(database: Database, *settlements: Settlement, token: int = TOKEN) -> Settled:
    tokens = {one.instance_id: token for one in settlements}
    return await deliveries.settle(database, tokens, settlements, endpoints={}, refunds={})


async def holder(database: Database, object_id: str, sequence: int) -> int:
    number: int = await database.fetchval(
        "select notification_id from events where object_id = $1 and sequence = $2",
        object_id,
        sequence,
    )
    return number


async def test_each_event_gets_a_notification_of_its_own_with_fresh_attempts(
    database: Database, source: Source
) -> None:
    (whole,) = await source.commit("a", "b", "c")
    told = await database.fetch("select event_id from events order by sequence")

    settled = await settle(database, settlement(source, whole.id))

    rows = await database.fetch(
        "select * from notifications where parent_id = $1 order by id", whole.id
    )
    assert [row["state"] for row in rows] == ["pending"] * 3
    assert [(row["attempts"], row["events"]) for row in rows] == [(0, 1)] * 3
    assert len({row["event_id"] for row in rows} | {whole.event_id}) == 4
    assert [orjson.loads(row["body"])["message"]["raw"]["contacts"][0]["Key"] for row in rows] == [
        *"abc"
    ]
    assert [due.id for due in settled.freed] == [row["id"] for row in rows]
    assert [due.notification.body for due in settled.freed if due.notification] == [
        row["body"] for row in rows
    ]
    assert await states(database, source) == {"split": 1, "pending": 3}
    kept = await database.fetch("select event_id, notification_id from events order by sequence")
    assert [row["event_id"] for row in kept] == [row["event_id"] for row in told]
    assert [row["notification_id"] for row in kept] == [row["id"] for row in rows]


async def test_successors_wait_for_the_part_that_holds_their_object(
    database: Database, source: Source
) -> None:
    (whole,) = await source.commit("a", "b")
    await source.commit("a", "b")
    await source.commit("a")

    settled = await settle(database, settlement(source, whole.id))

    part = {each: await holder(database, each, n) for n, each in enumerate("ab", 1)}
    waits = {
        row["object_id"] + str(row["sequence"]): row["waits_for"]
        for row in await database.fetch(
            "select object_id, sequence, waits_for from events"
            " join notifications on notifications.id = notification_id where sequence > 2"
        )
    }
    assert waits == {"a3": part["a"], "b4": part["b"], "a5": await holder(database, "a", 3)}
    assert {due.id for due in settled.freed} == set(part.values())

    dead = await settle(database, settlement(source, part["a"], NotificationState.DEAD))
    assert [due.id for due in dead.freed] == [await holder(database, "a", 3)]


async def test_under_a_lost_lease_nothing_is_split(database: Database, source: Source) -> None:
    (whole,) = await source.commit("a", "b")

    await settle(database, settlement(source, whole.id), token=TOKEN + 1)

    assert await states(database, source) == {"pending": 1}


async def test_a_split_recorded_twice_is_made_once(database: Database, source: Source) -> None:
    (whole,) = await source.commit("a", "b")

    await settle(database, settlement(source, whole.id))
    again = await settle(database, settlement(source, whole.id))

    assert list(again.freed) == []
    assert await states(database, source) == {"split": 1, "pending": 2}
    assert await count(database, "attempts", "true") == 1


async def test_a_repeat_that_is_split_stays_a_repeat(database: Database, source: Source) -> None:
    (whole,) = await source.commit("a", "b")
    await database.execute("update notifications set replay = true")

    settled = await settle(database, settlement(source, whole.id))

    assert [due.notification.replay for due in settled.freed if due.notification] == [True, True]


async def test_a_split_that_waited_for_a_page_moves_the_successor_that_page_wrote(
    database: Database, source: Source
) -> None:
    (whole,) = await source.commit("a", "b")
    drafts = await source.drafts("b")

    async with asyncio.timeout(10):
        async with database.transaction() as connection:
            await source.write(connection, drafts)
            settling = asyncio.create_task(settle(database, settlement(source, whole.id)))
            await until_blocked(database)
        await settling

    waits_for = await database.fetchval(
        "select waits_for from notifications where id = $1", drafts[0].id
    )
    assert waits_for == await holder(database, "b", 2)


async def test_a_page_that_waited_for_a_split_waits_for_the_part_with_its_object(
    database: Database, source: Source
) -> None:
    (whole,) = await source.commit("a", "b")
    drafts = await source.drafts("b")
    assert [draft.waits_for for draft in drafts] == [whole.id]

    async def write() -> None:
        async with database.transaction() as connection:
            await source.write(connection, drafts)

    async with asyncio.timeout(10):
        async with database.transaction() as connection:
            await connection.execute(
                "update notifications set state = 'split', finished_at = now() where id = $1",
                whole.id,
            )
            writing = asyncio.create_task(write())
            await until_blocked(database)
            await splits.replace_split(connection, [whole.id], 1000)
        await writing

    waits_for = await database.fetchval(
        "select waits_for from notifications where id = $1", drafts[0].id
    )
    assert waits_for == await holder(database, "b", 2)


async def test_the_queries_of_a_split_use_their_indexes(database: Database, source: Source) -> None:
    await fill_tables(database, source)
    ids, texts = [1, 2], ["a", "b"]

    used = {
        name: await indexes_used(database, splits.QUERIES[name], *arguments)
        for name, arguments in {
            "load_split": (ids,),
            "move_events": (texts, ids),
            "move_successors": (ids, ids, ids, texts),
        }.items()
    }

    assert not {name for names in used.values() for name in names if "events" in name} - {
        "events_by_notification",
        "events_by_event_id",
    }
    assert not any("scan of notifications" in name for names in used.values() for name in names)
