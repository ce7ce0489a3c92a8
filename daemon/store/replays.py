"""The replays: notifications sent again, or given up for good, on a person's word."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from daemon.instance import InstanceId, NotificationId, NotificationState
from daemon.store.database import Database, Row, load_queries
from daemon.store.events import EARLIEST

QUERIES = load_queries("replays")
BATCH = 500
"""Notifications per statement: few enough that no settle waits for one."""

REPLAYABLE = (NotificationState.DEAD, NotificationState.DELIVERED)
_CHOICES = {
    NotificationState.DEAD: QUERIES["choose_dead"],
    NotificationState.DELIVERED: QUERIES["choose_delivered"],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Which notifications of an instance: made from `since` on and before `until`, in one of the
    states of `REPLAYABLE`, of one resource or of all."""

    instance_id: InstanceId
    since: datetime
    until: datetime
    states: Collection[NotificationState]
    object_type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """So many notifications, and so many events in them."""

    notifications: int = 0
    events: int = 0

    def __add__(self, other: Volume) -> Volume:
        return Volume(
            notifications=self.notifications + other.notifications,
            events=self.events + other.events,
        )


async def revive(database: Database, ids: Sequence[NotificationId]) -> Volume:
    """Send these again as soon as may be. Live ones do not wait for them, nor they for live ones.

    What is on its way already is brought forward and gets fresh attempts; it goes on waiting for
    its predecessors.
    """
    return _volume(await database.fetch(QUERIES["revive"], ids))


async def measure(database: Database, ids: Sequence[NotificationId]) -> Volume:
    """What `revive` would send again."""
    return _volume(await database.fetch(QUERIES["measure"], ids))


async def revive_span(database: Database, span: Span) -> Volume:
    """Send a whole span again, in small transactions. A second call continues one cut short, but
    repeats delivered ones that were sent meanwhile."""
    total = Volume()
    async for rows in _batches(database, span):
        total += await revive(database, [NotificationId(row["id"]) for row in rows])
    return total


async def measure_span(database: Database, span: Span) -> Volume:
    """What `revive_span` would send again."""
    total = Volume()
    async for rows in _batches(database, span):
        total += _volume(rows)
    return total


async def purge_dead(database: Database, span: Span, only: NotificationId | None = None) -> Volume:
    """Remove what was given up, all or one; lists by number show it as purged."""
    total, batch = Volume(), Volume(notifications=1)
    while batch.notifications:
        rows = await database.fetch(
            QUERIES["purge_dead"], span.instance_id, span.until, only, span.object_type, BATCH
        )
        batch = _volume(rows)
        total += batch
    return total


async def _batches(database: Database, span: Span) -> AsyncIterator[Sequence[Row]]:
    """What was final when it was asked for: what has ended since was sent again by this very call,
    or needs no repeating."""
    asked_at = datetime.now(UTC)
    for state in REPLAYABLE:
        if state not in span.states:
            continue
        created_at, last = EARLIEST, 0
        while rows := await database.fetch(
            _CHOICES[state],
            span.instance_id,
            span.since,
            span.until,
            created_at,
            last,
            span.object_type,
            BATCH,
        ):
            yield [row for row in rows if row["finished_at"] < asked_at]
            created_at, last = rows[-1]["created_at"], rows[-1]["id"]


def _volume(rows: Sequence[Row]) -> Volume:
    return Volume(notifications=len(rows), events=sum(row["events"] for row in rows))
