"""The deliveries: due notifications loaded for their lanes, attempts settled."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from daemon.delivery.endpoint import EndpointStatus
from daemon.delivery.ready import DueNotification, ReadyNotification
from daemon.delivery.settlement import Settlement
from daemon.instance import EventId, InstanceId, NotificationId, NotificationState
from daemon.notifications.context import NotificationFormat
from daemon.store import splits
from daemon.store.database import Connection, Database, Row, load_queries
from daemon.store.endpoint_statuses import store_statuses

QUERIES = load_queries("deliveries")

FREED_BODY_BYTES = 65_536
"""Bodies up to here come along when a successor is freed; larger ones wait for a refill."""

UNFINISHED_STATES = frozenset({NotificationState.PENDING, NotificationState.RETRYING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What a settle did: the instances whose leases still held, and the successors it freed."""

    held: frozenset[InstanceId]
    freed: Sequence[DueNotification] = ()


async def take_due(
    database: Database,
    instance_ids: Sequence[InstanceId],
    *,
    now: datetime,
    besides: Collection[NotificationId],
    limit: int,
) -> Sequence[DueNotification]:
    """Up to `limit` per instance in sending order, without those `besides` which are in memory."""
    rows = await database.fetch(QUERIES["take_due"], instance_ids, now, list(besides), limit)
    return [_due(row) for row in rows]


async def next_due(
    database: Database, instance_ids: Collection[InstanceId]
) -> Mapping[InstanceId, datetime]:
    """When each of these instances has something to send, sent or not by somebody right now."""
    rows = await database.fetch(QUERIES["next_due"], list(instance_ids))
    return {InstanceId(row["instance_id"]): row["due_at"] for row in rows}


async def settle(
    database: Database,
    tokens: Mapping[InstanceId, int],
    settlements: Sequence[Settlement],
    *,
    endpoints: Mapping[InstanceId, EndpointStatus],
    refunds: Mapping[NotificationId, Sequence[NotificationId]],
) -> Settled:
    """Record attempts and endpoints of several instances, and free what waited for final ones.

    What is to be split is replaced by one notification per event, which are freed like successors.

    `tokens` are the leases under which the attempts were made; what belongs to one no longer held
    is dropped. `refunds` names, by the notification whose attempt showed it, those that get their
    last attempt back and are due again. What was recorded before, by a commit of which no word came
    back, is not recorded twice. Raises DatabaseUnavailable; then nothing was recorded, or nobody
    knows.
    """

    async def work(connection: Connection) -> Settled:
        held, settled = await _settle(connection, tokens, settlements, refunds)
        stored = {key: status for key, status in endpoints.items() if key in held}
        if stored:
            await store_statuses(connection, stored)
        if refunded := [one for key in settled for one in refunds.get(key, ())]:
            await connection.execute(QUERIES["refund"], refunded)
        freed = await _free([one for one in settlements if one.instance_id in held], connection)
        return Settled(held=held, freed=freed)

    return await database.run_transaction(work)


async def _settle(
    connection: Connection,
    tokens: Mapping[InstanceId, int],
    settlements: Sequence[Settlement],
    refunds: Mapping[NotificationId, Sequence[NotificationId]],
) -> tuple[frozenset[InstanceId], Sequence[NotificationId]]:
    """The instances whose leases still hold, and the notifications that were settled just now."""
    ids = [one.notification_id for one in settlements]
    row = await connection.fetchrow(
        QUERIES["settle"],
        [as_json(one) for one in settlements],
        [*ids, *(refunded for key in ids for refunded in refunds.get(key, ()))],
        [one.notification_id for one in settlements if one.state not in UNFINISHED_STATES],
        list(tokens.keys()),
        list(tokens.values()),
    )
    if row is None:
        raise AssertionError("unreachable: the statement always answers a row")
    return frozenset(row["held"]), row["settled"]


async def _free(
    settlements: Sequence[Settlement], connection: Connection
) -> Sequence[DueNotification]:
    """What may be sent now that these are recorded."""
    split, final = [], []
    for one in settlements:
        if one.state is NotificationState.SPLIT:
            split.append(one.notification_id)
        elif one.state not in UNFINISHED_STATES:
            final.append(one.notification_id)
    parts = await _replace_split(connection, sorted(split))
    freed = await _free_successors(connection, final)
    return sorted([*parts, *freed], key=lambda row: (row.due_at, row.id))


def as_json(one: Settlement) -> Mapping[str, Any]:
    """A settlement as `settle` takes it: an array for each column would cost several times more."""
    return {
        "instance_id": one.instance_id,
        "notification_id": one.notification_id,
        "state": one.state,
        "attempts": one.attempts,
        "due_at": one.due_at,
        "number": one.number,
        "started_at": one.outcome.started_at,
        "duration_seconds": one.outcome.duration_seconds,
        "outcome": one.outcome.kind,
        "status": one.outcome.status,
        "spent": one.spent,
        "answer": one.outcome.answer,
    }


async def _replace_split(
    connection: Connection, split: Sequence[NotificationId]
) -> Sequence[DueNotification]:
    if not split:
        return ()
    rows = await splits.replace_split(connection, split, FREED_BODY_BYTES)
    return [_due(row) for row in rows]


async def _free_successors(
    connection: Connection, final: Sequence[NotificationId]
) -> Sequence[DueNotification]:
    """A statement of its own: one that began before would not see a page it had to wait for."""
    if not final:
        return ()
    rows = await connection.fetch(QUERIES["free_successors"], final, FREED_BODY_BYTES)
    return [_due(row) for row in rows]


def _due(row: Row) -> DueNotification:
    return DueNotification(
        instance_id=InstanceId(row["instance_id"]),
        id=NotificationId(row["id"]),
        due_at=row["due_at"],
        notification=None if row["body"] is None else _ready(row),
    )


def _ready(row: Row) -> ReadyNotification:
    return ReadyNotification(
        id=NotificationId(row["id"]),
        event_id=EventId(row["event_id"]),
        format=NotificationFormat(row["format"]),
        body=row["body"],
        due_at=row["due_at"],
        page_read_at=row["page_read_at"],
        events=row["events"],
        attempts=row["attempts"],
        replay=row["replay"],
    )
