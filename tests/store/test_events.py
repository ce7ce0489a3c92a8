from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from daemon.errors import NotFound
from daemon.instance import EventType, OrganizationId
from daemon.store import analytics, delivery_lists, events, replays
from daemon.store.analytics import Interval, Timespan
from daemon.store.database import Database
from daemon.store.recorded import EventFilter, Place, RecordedEvent, Scope
from tests.delivery.workshop import Source, make_source, write_backlog
from tests.store.plans import fill_tables, indexes_used

NOW = datetime.now(UTC)


@pytest.fixture
async def source(database: Database) -> Source:
    return await make_source(database)


async def scope_of(database: Database, source: Source, *, whole: bool = False) -> Scope:
    organization = await database.fetchval(
        "select organization_id from instances where id = $1", source.instance_id
    )
    return Scope(
        organization_id=OrganizationId(organization),
        instance_id=None if whole else source.instance_id,
    )


async def walk(database: Database, scope: Scope, wanted: EventFilter, size: int) -> list[int]:
    """The numbers of all pages, one after the other."""
    found: list[int] = []
    place: Place | None = None
    while page := await events.list_events(database, scope, wanted, place, size):
        found += [event.sequence for event in page]
        place = page[-1].place
    return found


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        pytest.param({}, 30, id="everything"),
        pytest.param({"states": ["pending"]}, 20, id="unfinished"),
        pytest.param({"states": ["dead"]}, 5, id="dead"),
        pytest.param({"states": ["dead", "delivered"]}, 10, id="dead or delivered"),
        pytest.param({"states": ["dead", "pending"]}, 25, id="dead or unfinished"),
        pytest.param({"types": [EventType.CREATED]}, 0, id="of another type"),
        pytest.param({"types": [EventType.UPDATED], "states": ["dead"]}, 5, id="type and state"),
        pytest.param({"object_type": "contacts"}, 30, id="of the resource"),
        pytest.param({"object_type": "tasks"}, 0, id="of another resource"),
        pytest.param({"until": NOW - timedelta(days=1)}, 0, id="long ago"),
        pytest.param({"since": NOW + timedelta(days=1)}, 0, id="in the future"),
        pytest.param({"object_key": "o1"}, 3, id="of one object"),
        pytest.param({"object_key": "o1", "object_type": "tasks"}, 0, id="of one elsewhere"),
    ],
)
async def test_pages_bring_every_wanted_event_once(
    database: Database, source: Source, wanted: dict[str, Any], count: int
) -> None:
    for _ in range(3):
        await source.commit(*(f"o{number}" for number in range(10)))
    # Each event in a notification of its own; those without successors are given a state.
    await database.execute(
        "with numbered as (select notification_id, row_number() over (order by sequence) as n"
        " from events where sequence > 20)"
        " update notifications set state = case when n <= 5 then 'dead' else 'delivered' end,"
        " finished_at = now(), waits_for = null from numbered where id = notification_id"
    )
    scope = await scope_of(database, source)

    found = await walk(database, scope, EventFilter(**wanted), 4)

    assert len(found) == len(set(found)) == count


async def test_the_newest_come_first_over_all_instances_of_the_organization(
    database: Database, source: Source
) -> None:
    other = await make_source(database)
    organization = await scope_of(database, source, whole=True)
    await database.execute(
        "update instances set organization_id = $1", organization.organization_id
    )
    for one in (source, other, source):
        await one.commit("a")

    found = await events.list_events(database, organization, EventFilter(), None, 10)

    assert [event.instance_id for event in found] == [
        source.instance_id,
        other.instance_id,
        source.instance_id,
    ]
    mine = await events.list_events(
        database, await scope_of(database, source), EventFilter(), None, 10
    )
    assert [event.sequence for event in mine] == [2, 1]


async def test_an_object_is_found_by_the_key_that_people_know(
    database: Database, source: Source
) -> None:
    await source.commit("a", "b")
    await database.execute("update events set object_id = 'inner ' || object_id")
    await database.execute(
        "insert into snapshots (resource_id, object_id, object_key, content_hash, revision,"
        " projection) values ($1, 'inner a', 'a', '', 1, 1)",
        source.resource_id,
    )

    found = await walk(database, await scope_of(database, source), EventFilter(object_key="a"), 10)

    assert found == [1]


async def test_every_number_is_listed_and_a_missing_one_is_told(
    database: Database, source: Source
) -> None:
    await source.commit("a")
    await source.commit("b")
    await source.commit("c")
    await database.execute("update resources set next_sequence = 4")
    await database.execute(
        "delete from notifications where id = (select notification_id from events"
        " where sequence = 2)"
    )

    rows = await events.list_by_sequence(database, source.instance_id, "contacts", 1, 10)
    tail = await events.list_by_sequence(database, source.instance_id, "contacts", 3, 10)

    assert [(number, event is None) for number, event in rows] == [
        (1, False),
        (2, True),
        (3, False),
    ]
    assert [number for number, _ in tail] == [3]


async def test_a_notification_is_found_by_its_name_its_number_and_its_events(
    database: Database, source: Source
) -> None:
    (ready,) = await source.commit("a", "b")
    scope = await scope_of(database, source)
    told = await events.list_of_notification(database, ready.id)

    for name in (ready.event_id, str(ready.id), *(event.event_id for event in told)):
        found = await events.get_notification(database, scope, name)
        assert (found.id, found.body) == (ready.id, ready.body)

    stranger = await scope_of(database, await make_source(database))
    for name in (ready.event_id, str(ready.id), "nothing", "9" * 30):
        with pytest.raises(NotFound):
            await events.get_notification(database, stranger, name)


async def test_the_stream_shows_nothing_behind_a_transaction_that_is_still_open(
    database: Database, source: Source
) -> None:
    scope = await scope_of(database, source)
    place = Place(created_at=await events.horizon(database), event_id="")
    late = await make_source(database)
    await database.execute("update instances set organization_id = $1", scope.organization_id)
    whole = Scope(organization_id=scope.organization_id)
    drafts = await late.drafts("late")

    async def new() -> Sequence[RecordedEvent]:
        until = await events.horizon(database)
        return await events.list_new(database, whole, place, until, 10)

    async with asyncio.timeout(10):
        async with database.transaction() as connection:
            await connection.fetchval("select now()")
            await source.commit("early")
            while not await database.fetchval(  # noqa: ASYNC110  # the margin passes by itself
                "select max(created_at) < now() - interval '200 ms' from events"
            ):
                await asyncio.sleep(0.01)
            assert await new() == []
            await late.write(connection, drafts)
        while len(found := await new()) < 2:  # noqa: ASYNC110  # the margin passes by itself
            await asyncio.sleep(0.01)

    assert [event.object_key for event in found] == ["late", "early"]


async def test_the_queries_behind_lists_use_their_indexes(
    database: Database, source: Source
) -> None:
    await write_backlog(database, source, 200)
    await database.execute("update notifications set state = 'dead', finished_at = now()")
    dead = source
    source = await make_source(database)
    await fill_tables(database, source)
    await database.execute(
        "insert into snapshots (resource_id, object_id, object_key, content_hash, revision,"
        " projection) select resource_id, object_id, object_key, '', 1, 1 from events"
    )
    await database.execute("analyze")
    scope = await scope_of(database, dead)
    named = [scope.organization_id, dead.instance_id]
    listing = [*named, NOW, "x", events.EARLIEST, None, None, ["dead"], 100]
    queries: dict[str, tuple[str, Sequence[object]]] = {
        "list_by_time": (
            events.QUERIES["list_by_time"],
            [scope.organization_id, None, *listing[2:]],
        ),
        "list_of_instance": (events.QUERIES["list_of_instance"], listing),
        "list_unfinished": (
            events.QUERIES["list_unfinished"],
            [*named, NOW, "x", events.EARLIEST, None, None, ["pending"], 100],
        ),
        "list_ended": (events.QUERIES["list_ended"], listing),
        "list_of_object": (events.QUERIES["list_of_object"], [*listing, "1"]),
        "list_by_sequence": (
            events.QUERIES["list_by_sequence"],
            [dead.instance_id, "contacts", 1, 100],
        ),
        "list_new": (
            events.QUERIES["list_new"],
            [scope.organization_id, None, NOW, "x", NOW, 100],
        ),
        "find_notification": (events.QUERIES["find_notification"], [*named, "x", None]),
        "list_attempts": (events.QUERIES["list_attempts"], [[1, 2]]),
        "choose_dead": (
            replays.QUERIES["choose_dead"],
            [dead.instance_id, NOW, NOW, NOW, 1, None, 500],
        ),
        "choose_delivered": (
            replays.QUERIES["choose_delivered"],
            [dead.instance_id, NOW, NOW, NOW, 1, None, 500],
        ),
        "list_undelivered": (
            delivery_lists.QUERIES["list_undelivered"],
            [scope.organization_id, None, ["dead"], ["dead"], None, NOW, 1, 100],
        ),
        "list_deliveries": (
            delivery_lists.QUERIES["list_deliveries"],
            [scope.organization_id, None, ["dead"], ["dead"], None, NOW, 2**62, 100],
        ),
        "count_buckets": (
            analytics.QUERIES["count_buckets"],
            [*named, NOW, NOW, "minute"],
        ),
    }

    dead_ones = {"notifications_dead", "notifications_undelivered"}  # here all are one instance's
    for name, (query, arguments) in queries.items():
        used = await indexes_used(database, query, *arguments)
        large = {f"sequential scan of {table}" for table in ("events", "notifications", "attempts")}
        assert not used & large, (name, used)
        wanted = {
            "list_by_time": {"events_by_instant"},
            "list_of_instance": {"events_by_time"},
            "list_unfinished": {"notifications_unfinished"},
            "list_ended": {"notifications_undelivered"},
            "list_of_object": {"events_by_object"},
            "list_by_sequence": {"events_pkey"},
            "list_new": {"events_by_instant"},
            "choose_dead": dead_ones,
            "choose_delivered": {"events_by_time"},
            "list_undelivered": dead_ones,
            "list_deliveries": {"notifications_by_instance"},
            "count_buckets": {"events_by_time", "events_by_instant"},
        }.get(name)
        assert wanted is None or wanted & used, (name, used)


async def test_events_are_counted_by_time_and_instance(database: Database, source: Source) -> None:
    (first,) = await source.commit("a", "b")
    await source.commit("c")
    await database.execute(
        "update notifications set state = 'delivered', finished_at = now() where id = $1", first.id
    )
    span = Timespan(
        since=NOW - timedelta(hours=1), until=NOW + timedelta(hours=1), interval=Interval.MINUTE
    )

    buckets = await analytics.list_buckets(database, span, 1000)
    tallies = await analytics.count_events(database, await scope_of(database, source), span)

    assert len(buckets) == 121
    assert {tally.bucket for tally in tallies} <= set(buckets)
    assert sum(tally.count for tally in tallies) == 3
    assert sum(tally.success for tally in tallies) == 2
