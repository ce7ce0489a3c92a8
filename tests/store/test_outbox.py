from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from daemon.instance import NotificationId
from daemon.store import outbox
from daemon.store.database import Database
from tests.delivery.workshop import Source, make_source, write_backlog
from tests.store.plans import fill_tables, indexes_used

NOW = datetime.now(UTC)


@pytest.fixture
async def source(database: Database) -> Source:
    return await make_source(database)


async def finish(database: Database, condition: str, state: str = "delivered") -> None:
    await database.execute(
        f"update notifications set state = $1, finished_at = now() where {condition}", state
    )


async def test_a_page_is_stored_with_exact_bytes_and_all_of_its_events(
    database: Database, source: Source
) -> None:
    drafts = await source.drafts(*(f"o{number}" for number in range(12)))
    event = replace(drafts[0].events[0], changed=("Phone", "Ärger"), backfill=True)
    bare = replace(drafts[0].events[1], changed=())
    drafts[0] = replace(drafts[0], events=(event, bare, *drafts[0].events[2:]))

    async with database.transaction() as connection:
        await source.write(connection, drafts)

    stored = await database.fetch("select * from notifications order by id")
    assert [(row["id"], row["body"], row["events"]) for row in stored] == [
        (draft.id, draft.body, len(draft.events)) for draft in drafts
    ]
    assert {row["state"] for row in stored} == {"pending"}
    events = await database.fetch("select * from events order by sequence")
    assert [row["sequence"] for row in events] == list(range(1, 13))
    assert [row["changed"] for row in events[:3]] == [["Phone", "Ärger"], [], None]
    assert [row["backfill"] for row in events[:2]] == [True, False]
    assert [row["notification_id"] for row in events] == [drafts[0].id] * 10 + [drafts[1].id] * 2


async def test_numbers_are_reserved_once_and_ascend(database: Database) -> None:
    first, second = await outbox.reserve_ids(database, 3), await outbox.reserve_ids(database, 2)

    assert [*first, *second] == sorted({*first, *second})
    assert await outbox.reserve_ids(database, 0) == []


async def test_a_predecessor_is_the_unfinished_notification_of_the_latest_event(
    database: Database, source: Source
) -> None:
    other = await make_source(database)
    await other.commit("a")
    (first,) = await source.commit("a", "b")
    await source.commit("a")
    latest = await database.fetchval("select max(id) from notifications")

    async def find() -> dict[str, NotificationId]:
        wanted = ["a", "b", "unknown"]
        return dict(await outbox.find_predecessors(database, source.resource_id, wanted))

    assert await find() == {"a": latest, "b": first.id}
    await finish(database, f"id = {first.id}")
    assert await find() == {"a": latest}
    await finish(database, f"id = {latest}", "dead")
    assert await find() == {}


async def test_only_unfinished_predecessors_are_locked(database: Database, source: Source) -> None:
    (first,) = await source.commit("a")
    (second,) = await source.commit("b")
    await finish(database, f"id = {first.id}")

    async with database.transaction() as connection:
        locked = await outbox.lock_predecessors(connection, {first.id, second.id})

    assert locked == {second.id}


async def test_the_backlog_counts_what_has_not_ended(database: Database, source: Source) -> None:
    assert (await outbox.measure_backlog(database)).oldest_at is None
    await source.commit("a")
    await source.commit("a")
    await source.commit("b")
    await finish(database, "id = (select max(id) from notifications)")

    backlog = await outbox.measure_backlog(database)

    assert backlog.pending == 2
    assert backlog.oldest_at is not None


async def test_only_what_was_final_long_ago_is_purged_and_never_what_is_waited_for(
    database: Database, source: Source
) -> None:
    for name in ("old", "recent", "unfinished", "awaited", "awaited"):
        await source.commit(name)
    ids = [row["id"] for row in await database.fetch("select id from notifications order by id")]
    await finish(database, f"id in ({ids[0]}, {ids[1]}, {ids[3]})")
    await database.execute(
        "update notifications set finished_at = $1 where id = any($2)",
        NOW - timedelta(days=31),
        [ids[0], ids[3]],
    )
    await database.execute(
        "insert into attempts (notification_id, number, started_at, duration_seconds, outcome,"
        " spent) select id, 1, now(), 0, 'status', true from notifications"
    )

    assert await outbox.purge_finished(database, before=NOW - timedelta(days=30), limit=10) == 1
    assert await outbox.purge_finished(database, before=NOW - timedelta(days=30), limit=10) == 0

    left = [row["id"] for row in await database.fetch("select id from notifications order by id")]
    assert left == ids[1:]
    assert await database.fetchval("select count(*) from events") == 4
    assert await database.fetchval("select count(*) from attempts") == 4


async def test_a_purge_takes_no_more_at_once_than_it_was_told(
    database: Database, source: Source
) -> None:
    await write_backlog(database, source, 25)
    await finish(database, "true")

    later = datetime.now(UTC) + timedelta(days=1)
    purged = [await outbox.purge_finished(database, before=later, limit=10) for _ in range(4)]

    assert purged == [10, 10, 5, 0]


async def test_the_hot_queries_use_their_indexes(database: Database, source: Source) -> None:
    await fill_tables(database, source)
    arguments: dict[str, tuple[object, ...]] = {
        "find_predecessors": (source.resource_id, ["a", "b"]),
        "lock_predecessors": ([1, 2],),
        "purge_finished": (NOW, 100),
    }

    used = {
        name: await indexes_used(database, outbox.QUERIES[name], *values)
        for name, values in arguments.items()
    }

    assert used == {
        "find_predecessors": {"events_by_object", "notifications_pkey"},
        "lock_predecessors": {"notifications_pkey"},
        "purge_finished": {
            "notifications_finished",
            "notifications_waiting",
            "notifications_pkey",
        },
    }
