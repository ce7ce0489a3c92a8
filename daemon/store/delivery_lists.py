"""The deliveries as people list them: notifications by how far they are at which callback."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from daemon.instance import (
    EndpointState,
    EventId,
    InstanceId,
    NotificationId,
    NotificationState,
    OrganizationId,
)
from daemon.store.database import Database, Row, load_queries
from daemon.store.events import LATEST

QUERIES = load_queries("delivery_lists")

UNDELIVERED = frozenset(
    {NotificationState.PENDING, NotificationState.RETRYING, NotificationState.DEAD}
)
LAST_NUMBER = 2**62


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryFilter:
    """Which deliveries: in `states` where the endpoint is sent to, in `held_states` where it is
    disabled; at some instances, at some callback addresses. None lets everything through."""

    states: Collection[NotificationState]
    held_states: Collection[NotificationState]
    instance_ids: Collection[InstanceId] | None = None
    urls: Collection[str] | None = None

    @property
    def is_undelivered(self) -> bool:
        return UNDELIVERED.issuperset({*self.states, *self.held_states})


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One notification on its way to the callback of its instance, or at the end of it."""

    id: NotificationId
    instance_id: InstanceId
    event_id: EventId
    state: NotificationState
    endpoint_state: EndpointState
    replay: bool
    events: int
    attempts: int
    due_at: datetime
    created_at: datetime
    tried_at: datetime | None
    finished_at: datetime | None


async def list_deliveries(
    database: Database,
    organization_id: OrganizationId,
    wanted: DeliveryFilter,
    before: tuple[datetime, int] | None,
    limit: int,
) -> Sequence[Delivery]:
    """Up to `limit`, the newest first, from behind one on (when it was made, its number)."""
    created_at, number = before or (LATEST, LAST_NUMBER)
    undelivered = wanted.is_undelivered
    rows = await database.fetch(
        QUERIES["list_undelivered" if undelivered else "list_deliveries"],
        organization_id,
        wanted.instance_ids,
        wanted.states,
        wanted.held_states,
        wanted.urls,
        created_at if undelivered else LATEST,
        number,
        limit,
    )
    return [_delivery(row) for row in rows]


async def list_of_notification(
    database: Database, notification_id: NotificationId
) -> Sequence[Delivery]:
    """The delivery of one notification, and those of its parts if it was split."""
    rows = await database.fetch(QUERIES["list_of_notification"], notification_id)
    return [_delivery(row) for row in rows]


async def list_matching(
    database: Database, organization_id: OrganizationId, wanted: DeliveryFilter
) -> Sequence[InstanceId]:
    """The instances whose callbacks the filter means."""
    rows = await database.fetch(
        QUERIES["matching_endpoints"], organization_id, wanted.instance_ids, wanted.urls
    )
    return [InstanceId(row["id"]) for row in rows]


def _delivery(row: Row) -> Delivery:
    return Delivery(
        id=NotificationId(row["id"]),
        instance_id=InstanceId(row["instance_id"]),
        event_id=EventId(row["event_id"]),
        state=NotificationState(row["state"]),
        endpoint_state=EndpointState(row["endpoint_state"]),
        replay=row["replay"],
        events=row["events"],
        attempts=row["attempts"],
        due_at=row["due_at"],
        created_at=row["created_at"],
        tried_at=row["tried_at"],
        finished_at=row["finished_at"],
    )
