"""An endpoint that refuses everything for a week loses nothing, by a clock that a test moves."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import structlog

from daemon.delivery.dispatcher import Dispatcher
from daemon.store import endpoints
from daemon.store.database import Connection, Database
from tests.delivery.receiver import Arrival, Receiver
from tests.delivery.workshop import Source, Workshop, count, names, running, states, until

SCHEDULE = (0, 5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
WEEK = timedelta(days=7)
CHANGES_A_DAY = 23
"""Three notifications on the first day, so many as make the endpoint failing."""
PROBES_AT_MOST = 16
"""Those of the schedule within five days, and one for each warning."""


class Clock:
    """Stands still unless it is moved."""

    def __init__(self) -> None:
        self.began_at = self._now = datetime.now(UTC)

    def now(self) -> datetime:
        return self._now

    def move_to(self, instant: datetime) -> None:
        self._now = max(self._now, instant)

    @property
    def days(self) -> int:
        return (self._now - self.began_at).days


class Week:
    """The days of one instance: changes every day, a probe whenever one is due."""

    def __init__(
        self, database: Database, source: Source, dispatcher: Dispatcher, clock: Clock
    ) -> None:
        self.clock = clock
        self.told = 0
        self._database = database
        self._source = source
        self._dispatcher = dispatcher

    async def bring_changes(self) -> None:
        """A page with an object that changes every day, and others."""
        page = ["often", *names(f"d{self.told}-", range(CHANGES_A_DAY - 1))]
        self.told += len(page)
        self.clock.move_to(datetime.now(UTC) + timedelta(seconds=1))
        self._dispatcher.wake(self._source.instance_id, await self._source.commit(*page))

    async def wait_for_probe(self, attempts: int) -> None:
        """Let the next probe come due and end."""
        due_at = await self._database.fetchval("select next_probe_at from endpoints")
        self.clock.move_to(due_at + timedelta(milliseconds=1))
        self._dispatcher.look()
        await until(lambda: count(self._database, "attempts", "true"), attempts + 1)

    async def state(self) -> str:
        state: str = await self._database.fetchval("select state from endpoints")
        return state


@pytest.mark.parametrize("status", [401, 404])
async def test_what_is_refused_for_a_week_arrives_in_order_once_a_person_enables_it(
    database: Database, workshop: Workshop, receiver: Receiver, source: Source, status: int
) -> None:
    async def refuse(_: Arrival) -> int:
        return status

    receiver.answering = refuse
    clock = Clock()
    dispatcher = workshop.dispatcher(
        now=clock.now, retry_schedule_seconds=SCHEDULE, max_in_flight_per_endpoint=1
    )
    with structlog.testing.capture_logs() as log:
        async with running(dispatcher):
            week = Week(database, source, dispatcher, clock)
            await live_through(week, database)
            assert await week.state() == "disabled"
            refused = len(receiver.arrivals)
            kept = await states(database, source)
            receiver.answering = accept
            await enable(database, source, dispatcher)
            await until(
                lambda: count(database, "notifications", "state = 'delivered'"), sum(kept.values())
            )

    assert set(kept) <= {"pending", "retrying"}
    assert refused <= PROBES_AT_MOST
    assert told(log) == {"endpoint.failing": 1, "endpoint.disabled": 1, 50: 1, 70: 1, 90: 1}
    often, others = sequences(receiver.accepted)
    assert sorted([*often, *others]) == list(range(1, week.told + 1))
    days = [(sequence - 1) // CHANGES_A_DAY for sequence in others]
    assert (often, days) == (sorted(often), sorted(days))
    assert await count(database, "endpoints", "state = 'healthy'") == 1


def sequences(arrivals: list[Arrival]) -> tuple[list[int], list[int]]:
    """In the order of their arrival: of the object that changes every day, and of the others."""
    events = [event for arrival in arrivals for event in arrival.events]
    often = [event["sequence"] for event in events if event["objectId"] == "often"]
    return often, [event["sequence"] for event in events if event["objectId"] != "often"]


async def accept(_: Arrival) -> int:
    return 200


async def live_through(week: Week, database: Database) -> None:
    """Seven days with changes on each; attempts as long as there are any."""
    end = week.clock.began_at + WEEK
    while week.clock.now() < end:
        attempts = await count(database, "attempts", "true")
        if week.told < CHANGES_A_DAY * (week.clock.days + 1):
            await week.bring_changes()
            if await week.state() == "healthy":
                await until(lambda: count(database, "attempts", "true"), 3)
        elif await week.state() == "failing":
            await week.wait_for_probe(attempts)
        else:
            week.clock.move_to(week.clock.now() + timedelta(days=1))


async def enable(database: Database, source: Source, dispatcher: Dispatcher) -> None:
    """As the call of the platform API does it."""

    async def work(connection: Connection) -> None:
        await endpoints.enable(connection, source.instance_id)

    await database.run_transaction(work)
    await dispatcher.forget(source.instance_id)


def told(log: list[Any]) -> dict[Any, int]:
    """How often an operator heard of the endpoint, each warning by its percentage."""
    heard = [line for line in log if line["event"].startswith("endpoint.")]
    return dict(Counter(line.get("percent", line["event"]) for line in heard))
