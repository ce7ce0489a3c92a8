"""The events as people look them up: lists page by page, one in detail, the stream of new ones."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime

from daemon.errors import NotFound
from daemon.instance import (
    EventId,
    EventType,
    InstanceId,
    NotificationId,
    NotificationState,
)
from daemon.notifications.context import NotificationFormat
from daemon.store.database import Database, Row, load_queries
from daemon.store.recorded import (
    EventFilter,
    Place,
    RecordedAttempt,
    RecordedEvent,
    RecordedNotification,
    Scope,
)

QUERIES = load_queries("events")

UNFINISHED = frozenset({NotificationState.PENDING, NotificationState.RETRYING})
UNDELIVERED = frozenset(
    {NotificationState.DEAD, NotificationState.CANCELLED, NotificationState.SPLIT}
)
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(9999, 1, 1, tzinfo=UTC)


async def list_events(
    database: Database, scope: Scope, wanted: EventFilter, before: Place | None, limit: int
) -> Sequence[RecordedEvent]:
    """Up to `limit` events, the newest first, from behind a place on."""
    until = wanted.until or LATEST
    if before is None or before.created_at > until:
        before = Place(created_at=until, event_id="")
    arguments: list[object] = [
        scope.organization_id,
        scope.instance_id,
        before.created_at,
        before.event_id,
        wanted.since or EARLIEST,
        wanted.types,
        wanted.object_type,
        wanted.states,
        limit,
    ]
    found: list[RecordedEvent] = []
    for name in _list_names(scope, wanted):
        known = [*arguments, wanted.object_key] if name == "list_of_object" else arguments
        found += [_event(row) for row in await database.fetch(QUERIES[name], *known)]
    newest_first = sorted(found, key=lambda one: (one.created_at, one.event_id), reverse=True)
    return newest_first[:limit]


async def list_by_sequence(
    database: Database, instance_id: InstanceId, object_type: str, first: int, limit: int
) -> Sequence[tuple[int, RecordedEvent | None]]:
    """Up to `limit` numbers of a resource from `first` on; None for what is no longer kept."""
    rows = await database.fetch(QUERIES["list_by_sequence"], instance_id, object_type, first, limit)
    return [
        (row["wanted_sequence"], None if row["event_id"] is None else _event(row)) for row in rows
    ]


async def horizon(database: Database) -> datetime:
    """The instant before which no event appears any more that is not there already."""
    instant: datetime = await database.fetchval(QUERIES["horizon"])
    return instant


async def list_new(
    database: Database, scope: Scope, after: Place, until: datetime, limit: int
) -> Sequence[RecordedEvent]:
    """Up to `limit` events behind a place and before the horizon, the oldest first."""
    rows = await database.fetch(
        QUERIES["list_new"],
        scope.organization_id,
        scope.instance_id,
        after.created_at,
        after.event_id,
        until,
        limit,
    )
    return [_event(row) for row in rows]


async def get_notification(database: Database, scope: Scope, name: str) -> RecordedNotification:
    """By its event id, by that of an event in it, or by its number. Raises NotFound."""
    number = int(name) if name.isascii() and name.isdigit() and len(name) <= 18 else None
    row = await database.fetchrow(
        QUERIES["find_notification"], scope.organization_id, scope.instance_id, name, number
    )
    if row is None:
        raise NotFound(f"No event found with id {name[:60]}.")
    return _notification(row)


async def list_of_notification(
    database: Database, notification_id: NotificationId
) -> Sequence[RecordedEvent]:
    """The events it tells."""
    rows = await database.fetch(QUERIES["list_of_notification"], notification_id)
    return [_event(row) for row in rows]


async def list_parts(
    database: Database, notification_id: NotificationId
) -> Mapping[EventId, NotificationState]:
    """What a split one was replaced by, by event id."""
    rows = await database.fetch(QUERIES["list_parts"], notification_id)
    return {EventId(row["event_id"]): NotificationState(row["state"]) for row in rows}


async def list_attempts(
    database: Database, notification_ids: Collection[NotificationId]
) -> Mapping[NotificationId, Sequence[RecordedAttempt]]:
    """Every attempt, by notification and then in order; those never tried are left out."""
    attempts: dict[NotificationId, list[RecordedAttempt]] = {}
    for row in await database.fetch(QUERIES["list_attempts"], list(notification_ids)):
        attempt = RecordedAttempt(**{**row, "notification_id": NotificationId(row[0])})
        attempts.setdefault(attempt.notification_id, []).append(attempt)
    return attempts


def _list_names(scope: Scope, wanted: EventFilter) -> Sequence[str]:
    """The queries that need not pass over many events which are not wanted."""
    states = set(wanted.states or ())
    if wanted.object_key is not None:
        return ["list_of_object"]
    if not states or NotificationState.DELIVERED in states:
        return ["list_by_time" if scope.instance_id is None else "list_of_instance"]
    by_states = {"list_unfinished": UNFINISHED, "list_ended": UNDELIVERED}
    return [name for name, those in by_states.items() if states & those]


def _event(row: Row) -> RecordedEvent:
    return RecordedEvent(
        event_id=EventId(row["event_id"]),
        instance_id=InstanceId(row["instance_id"]),
        element_key=row["element_key"],
        object_type=row["object_type"],
        sequence=row["sequence"],
        object_key=row["object_key"],
        type=EventType(row["type"]),
        revision=row["revision"],
        occurred_at=row["occurred_at"],
        changed=row["changed"],
        backfill=row["backfill"],
        created_at=row["created_at"],
        notification_id=NotificationId(row["notification_id"]),
        notification_event_id=EventId(row["notification_event_id"]),
        state=NotificationState(row["state"]),
        replay=row["replay"],
        attempts=row["attempts"],
        due_at=row["due_at"],
        finished_at=row["finished_at"],
        page_read_at=row["page_read_at"],
    )


def _notification(row: Row) -> RecordedNotification:
    return RecordedNotification(
        id=NotificationId(row["id"]),
        instance_id=InstanceId(row["instance_id"]),
        event_id=EventId(row["event_id"]),
        object_type=row["object_type"],
        format=NotificationFormat(row["format"]),
        state=NotificationState(row["state"]),
        parent_id=row["parent_id"],
        waits_for=row["waits_for"],
        replay=row["replay"],
        due_at=row["due_at"],
        attempts=row["attempts"],
        events=row["events"],
        body=row["body"],
        created_at=row["created_at"],
        finished_at=row["finished_at"],
    )
