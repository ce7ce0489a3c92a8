from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from daemon.delivery.endpoint import EndpointStatus
from daemon.delivery.ready import DueNotification
from daemon.delivery.retry import Blame
from daemon.delivery.settlement import Outcome, OutcomeKind, Settlement
from daemon.instance import EndpointState, InstanceId, NotificationId, NotificationState
from daemon.store import deliveries, outbox
from daemon.store.database import Database
from daemon.store.deliveries import Settled
from daemon.store.endpoint_statuses import load_statuses
from tests.delivery.workshop import Source, attempts_spent, make_source, states, write_backlog
from tests.store.plans import fill_tables, indexes_used

NOW = datetime.now(UTC)
LATER = NOW + timedelta(hours=1)
TOKEN = 1
"""The fencing token of a lease that nobody has taken yet."""


@pytest.fixture
async def source(database: Database) -> Source:
    return await make_source(database)


def settlement(
    source: Source,
    notification_id: int,
    state: NotificationState = NotificationState.DELIVERED,
    **changed: Any,
) -> Settlement:
    delivered = state is NotificationState.DELIVERED
    outcome = Outcome(
        kind=OutcomeKind.DELIVERED if delivered else OutcomeKind.TIMEOUT,
        blame=Blame.NOBODY if delivered else Blame.ENDPOINT,
        started_at=NOW,
        duration_seconds=0.5,
        status=200 if delivered else None,
        answer="ok" if delivered else None,
    )
    fields: dict[str, Any] = {
        "instance_id": source.instance_id,
        "notification_id": NotificationId(notification_id),
        "state": state,
        "attempts": 1,
        "due_at": LATER,
        "number": 1,
        "spent": True,
        "outcome": outcome,
    }
    return Settlement(**(fields | changed))


async def settle(
    database: Database,
    *settlements: Settlement,
    token: int = TOKEN,
    endpoints: dict[InstanceId, EndpointStatus] | None = None,
    refunds: Mapping[NotificationId, Sequence[NotificationId]] | None = None,
) -> Settled:
    tokens = {one.instance_id: token for one in settlements}
    return await deliveries.settle(
        database, tokens, settlements, endpoints=endpoints or {}, refunds=refunds or {}
    )


async def take(
    database: Database, *sources: Source, limit: int = 10, **arguments: Any
) -> list[DueNotification]:
    due = await deliveries.take_due(
        database,
        [source.instance_id for source in sources],
        **({"now": datetime.now(UTC), "besides": (), "limit": limit} | arguments),
    )
    return list(due)


async def waiting_ids(database: Database) -> list[int]:
    rows = await database.fetch(
        "select id from notifications where waits_for is not null order by id"
    )
    return [row["id"] for row in rows]


async def test_due_ones_come_in_sending_order_up_to_the_limit_of_each_lane(
    database: Database, source: Source
) -> None:
    other = await make_source(database)
    await write_backlog(database, source, 5)
    await write_backlog(database, other, 1)
    first, second = [due.id for due in await take(database, source, limit=2)]

    both = await take(database, source, other, limit=3)
    besides = await take(database, source, limit=3, besides=[first])

    assert [due.instance_id for due in both].count(source.instance_id) == 3
    assert [due.instance_id for due in both].count(other.instance_id) == 1
    assert [due.due_at for due in both] == sorted(due.due_at for due in both)
    assert besides[0].id == second
    assert all(due.notification is not None for due in both)


async def test_one_not_yet_due_comes_without_its_body_to_tell_when_to_look_again(
    database: Database, source: Source
) -> None:
    (ready,) = await source.commit("a")
    await settle(database, settlement(source, ready.id, NotificationState.RETRYING))

    (due,) = await take(database, source)

    assert (due.id, due.due_at, due.notification) == (ready.id, LATER, None)
    assert await deliveries.next_due(database, [source.instance_id]) == {source.instance_id: LATER}


async def test_what_was_made_by_a_clock_that_was_ahead_does_not_wait_until_then(
    database: Database, source: Source
) -> None:
    (made,), (tried,) = await source.commit("a"), await source.commit("b")
    await database.execute("update notifications set page_read_at = $1, due_at = $1", LATER)
    await database.execute("update notifications set state = 'retrying' where id = $1", tried.id)
    now = datetime.now(UTC)

    first, second = await take(database, source, now=now)

    assert (first.id, first.due_at, first.notification is not None) == (made.id, now, True)
    assert (second.id, second.due_at, second.notification) == (tried.id, LATER, None)
    due = await deliveries.next_due(database, [source.instance_id])
    assert due[source.instance_id] < LATER


async def test_one_that_waits_for_another_is_not_due(database: Database, source: Source) -> None:
    await source.commit("a")
    await source.commit("a")

    assert len(await take(database, source)) == 1


async def test_what_was_stored_is_what_is_loaded(database: Database, source: Source) -> None:
    (ready,) = await source.commit("a")

    (due,) = await take(database, source)

    assert due.notification is not None
    assert (due.notification.body, due.notification.event_id) == (ready.body, ready.event_id)
    assert (due.notification.attempts, due.notification.replay) == (0, False)


async def test_a_settled_attempt_is_on_record_with_its_outcome(
    database: Database, source: Source
) -> None:
    (ready,) = await source.commit("a")

    settled = await settle(database, settlement(source, ready.id))

    assert (settled.held, list(settled.freed)) == ({source.instance_id}, [])
    row = await database.fetchrow("select state, attempts, finished_at from notifications")
    attempt = await database.fetchrow("select * from attempts")
    assert row is not None
    assert attempt is not None
    assert tuple(row) == ("delivered", 1, NOW + timedelta(seconds=0.5))
    assert (attempt["notification_id"], attempt["number"], attempt["spent"]) == (ready.id, 1, True)
    assert (attempt["outcome"], attempt["status"], attempt["answer"]) == ("delivered", 200, "ok")


@pytest.mark.parametrize(
    ("state", "frees"),
    [
        pytest.param(NotificationState.DELIVERED, True, id="delivered"),
        pytest.param(NotificationState.DEAD, True, id="dead"),
        pytest.param(NotificationState.RETRYING, False, id="retrying"),
    ],
)
async def test_a_final_state_frees_all_successors_and_a_retry_none(
    database: Database, source: Source, state: NotificationState, frees: bool
) -> None:
    (ready,) = await source.commit("a", "b")
    await source.commit("a", "b")
    blocked = await waiting_ids(database)
    assert len(blocked) == 2

    settled = await settle(database, settlement(source, ready.id, state))

    assert [due.id for due in settled.freed] == (blocked if frees else [])
    assert await waiting_ids(database) == ([] if frees else blocked)


async def test_a_large_successor_is_freed_without_its_body(
    database: Database, source: Source
) -> None:
    (ready,) = await source.commit("a")
    await source.commit("a")
    await database.execute(
        "update notifications set body = $1 where waits_for is not null",
        b"x" * (deliveries.FREED_BODY_BYTES + 1),
    )

    settled = await settle(database, settlement(source, ready.id))

    assert [due.notification for due in settled.freed] == [None]


async def test_under_a_lost_lease_nothing_is_settled_but_the_others_are(
    database: Database, source: Source
) -> None:
    other = await make_source(database)
    (lost,) = await source.commit("a")
    (kept,) = await other.commit("a")
    await database.execute(
        "update leases set token = token + 1 where instance_id = $1", source.instance_id
    )

    settled = await settle(
        database,
        settlement(source, lost.id),
        settlement(other, kept.id),
        endpoints={
            source.instance_id: EndpointStatus(state=EndpointState.FAILING),
            other.instance_id: EndpointStatus(failures=1),
        },
    )

    assert settled.held == {other.instance_id}
    assert await states(database, source) == {"pending": 1}
    assert await states(database, other) == {"delivered": 1}
    stored = await load_statuses(database, [source.instance_id, other.instance_id, InstanceId(999)])
    assert stored == {
        source.instance_id: EndpointStatus(),
        other.instance_id: EndpointStatus(failures=1),
    }


async def test_a_refund_gives_the_last_attempt_back_and_makes_it_due_again(
    database: Database, source: Source
) -> None:
    (first,) = await source.commit("a")
    (second,) = await source.commit("b")
    retrying = NotificationState.RETRYING
    await settle(database, settlement(source, first.id, retrying, attempts=1))
    await settle(database, settlement(source, first.id, retrying, attempts=2, number=2))

    await settle(
        database,
        settlement(source, second.id, retrying, attempts=0, spent=False),
        refunds={second.id: [first.id], NotificationId(second.id + 1): [second.id]},
    )

    assert await attempts_spent(database, source) == {first.id: 1, second.id: 0}
    rows = await database.fetch(
        "select number, spent from attempts where notification_id = $1 order by id", first.id
    )
    assert [tuple(row) for row in rows] == [(1, True), (2, False)]
    assert first.id in {due.id for due in await take(database, source) if due.notification}


async def test_an_attempt_refunded_while_the_next_was_under_way_is_not_counted_after_all(
    database: Database, source: Source
) -> None:
    (first,) = await source.commit("a")
    retrying = NotificationState.RETRYING
    (other,) = await source.commit("b")
    await settle(database, settlement(source, first.id, retrying))
    shown = settlement(source, other.id, retrying, attempts=0, spent=False)
    await settle(database, shown, refunds={other.id: [first.id]})

    # The second was begun before, when one had been spent.
    await settle(database, settlement(source, first.id, retrying, attempts=2, number=2))
    assert await attempts_spent(database, source) == {first.id: 1, other.id: 0}
    assert await database.fetchval("select count(*) from attempts where spent") == 1


async def test_what_was_recorded_without_a_word_coming_back_is_recorded_once(
    database: Database, source: Source
) -> None:
    (first,), (second,) = await source.commit("a"), await source.commit("b")
    retrying = NotificationState.RETRYING
    for number in (1, 2):
        await settle(
            database, settlement(source, first.id, retrying, attempts=number, number=number)
        )
    shown = settlement(source, second.id, retrying, attempts=0, spent=False)
    for _ in range(3):
        await settle(database, shown, refunds={second.id: [first.id]})

    assert await attempts_spent(database, source) == {first.id: 1, second.id: 0}
    rows = await database.fetch("select notification_id, spent from attempts order by id")
    assert [tuple(row) for row in rows] == [
        (first.id, True),
        (first.id, False),
        (second.id, False),
    ]


async def test_what_was_cancelled_meanwhile_stays_so(database: Database, source: Source) -> None:
    (ready,) = await source.commit("a")
    await database.execute("update notifications set state = 'cancelled', finished_at = now()")

    await settle(database, settlement(source, ready.id))

    assert await states(database, source) == {"cancelled": 1}
    assert await database.fetchval("select count(*) from attempts") == 0


async def test_an_endpoint_is_stored_and_loaded_whole(database: Database, source: Source) -> None:
    status = EndpointStatus(
        state=EndpointState.DISABLED,
        failures=3,
        failing_since=NOW - timedelta(days=9),
        counted_since=NOW,
        next_probe_at=LATER,
        last_error="did not answer in time",
        last_success_at=NOW - timedelta(days=1),
        disabled_reason="Failing for 5 days",
        warned=90,
    )
    (ready,) = await source.commit("a")

    await settle(
        database,
        settlement(source, ready.id, NotificationState.RETRYING),
        endpoints={source.instance_id: status},
    )

    assert await load_statuses(database, [source.instance_id]) == {source.instance_id: status}


async def test_a_settle_that_waited_for_a_page_frees_the_successor_that_page_wrote(
    database: Database, source: Source
) -> None:
    (ready,) = await source.commit("a")
    drafts = await source.drafts("a")

    async with asyncio.timeout(10):
        async with database.transaction() as connection:
            await source.write(connection, drafts)
            settling = asyncio.create_task(settle(database, settlement(source, ready.id)))
            await until_blocked(database)
            assert not settling.done()
        settled = await settling

    assert [due.id for due in settled.freed] == [drafts[0].id]


async def test_a_settle_that_waits_for_a_lease_locks_nothing_meanwhile(
    database: Database, source: Source
) -> None:
    (ready,) = await source.commit("a")

    async with asyncio.timeout(10):
        async with database.transaction() as changing:
            await changing.execute("update leases set token = token + 1")
            settling = asyncio.create_task(settle(database, settlement(source, ready.id)))
            await until_blocked(database)
            await changing.execute("select from notifications for update nowait")
        settled = await settling

    assert settled.held == frozenset()
    assert await states(database, source) == {"pending": 1}


async def test_a_page_that_waited_for_a_settle_does_not_wait_for_what_is_final(
    database: Database, source: Source
) -> None:
    (ready,) = await source.commit("a")

    async def lock() -> set[NotificationId]:
        async with database.transaction() as connection:
            return await outbox.lock_predecessors(connection, {ready.id})

    async with asyncio.timeout(10):
        async with database.transaction() as connection:
            await connection.execute(
                "update notifications set state = 'delivered', finished_at = now()"
            )
            locking = asyncio.create_task(lock())
            await until_blocked(database)
        assert await locking == set()


async def until_blocked(database: Database) -> None:
    """Until some statement waits for a lock."""
    query = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
    while not await database.fetchval(query):  # noqa: ASYNC110  # others' waits set no event
        await asyncio.sleep(0.005)


async def test_pages_and_settles_in_each_others_way_leave_nobody_waiting_for_ever(
    database: Database, source: Source
) -> None:
    chance = random.Random(7)
    pages_done = asyncio.Event()

    async def commit_pages() -> None:
        for _ in range(60):
            await source.commit(*chance.sample("abcdefghij", 4))
        pages_done.set()

    async def settle_everything() -> None:
        while True:
            done = pages_done.is_set()
            due = await take(database, source, limit=5)
            chosen = chance.sample(due, len(due))
            if due:
                await settle(database, *(settlement(source, one.id) for one in chosen))
            elif done:
                return

    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        tasks.create_task(commit_pages())
        tasks.create_task(settle_everything())

    assert set(await states(database, source)) == {"delivered"}
    assert await waiting_ids(database) == []
    assert set((await attempts_spent(database, source)).values()) == {1}


async def test_the_hot_queries_use_their_indexes(database: Database, source: Source) -> None:
    await fill_tables(database, source)
    ids = [1, 2]
    arguments: dict[str, tuple[object, ...]] = {
        "take_due": ([source.instance_id], NOW, [], 32),
        "next_due": ([source.instance_id],),
        "settle": (
            *([deliveries.as_json(settlement(source, key)) for key in ids], ids, ids),
            *([source.instance_id], [TOKEN]),
        ),
        "refund": (ids,),
        "free_successors": (ids, 1000),
    }

    used = {
        name: await indexes_used(database, deliveries.QUERIES[name], *values)
        for name, values in arguments.items()
    }

    assert used == {
        "take_due": {"notifications_due"},
        "next_due": {"notifications_due"},
        "settle": {
            "attempts_by_notification",
            "notifications_pkey",
            "notifications_waiting",
            "sequential scan of leases",  # there is one
        },
        "refund": {"notifications_pkey", "attempts_by_notification"},
        "free_successors": {"notifications_pkey", "notifications_waiting"},
    }
