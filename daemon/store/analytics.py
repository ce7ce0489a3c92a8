"""The analytics: events counted by time, and what the poller did about each resource."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from daemon.instance import InstanceId, ResourceId, ResourceState
from daemon.store.database import Database, load_queries
from daemon.store.recorded import Scope

QUERIES = load_queries("analytics")


class Interval(StrEnum):
    """How long a bucket is; weeks begin on Monday, all in UTC."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timespan:
    """From one instant to another, both of whose buckets belong to it."""

    since: datetime
    until: datetime
    interval: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """The events of one instance in one bucket; what is neither delivered nor dead, waits."""

    bucket: datetime
    instance_id: InstanceId
    count: int
    success: int
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PollerRecord:
    """One polled resource, and how far it got."""

    id: ResourceId
    instance_id: InstanceId
    element_key: str
    name: str
    state: ResourceState
    cursor_at: datetime | None
    last_poll_at: datetime | None
    last_success_at: datetime | None
    next_poll_at: datetime | None
    last_error: str | None
    next_sequence: int
    created_at: datetime


async def list_buckets(database: Database, span: Timespan, limit: int) -> Sequence[datetime]:
    """The beginnings of up to `limit` buckets."""
    rows = await database.fetch(
        QUERIES["list_buckets"], span.since, span.until, span.interval, limit
    )
    return [row["bucket"] for row in rows]


async def count_events(
    database: Database, scope: Scope, span: Timespan, *, outcomes: bool = True
) -> Sequence[Tally]:
    """What there is to count; empty buckets are left out. Without `outcomes` only the counts are
    told, much faster."""
    rows = await database.fetch(
        QUERIES["count_buckets" if outcomes else "count_plain"],
        scope.organization_id,
        scope.instance_id,
        span.since,
        span.until,
        span.interval,
    )
    return [Tally(**{**row, "instance_id": InstanceId(row["instance_id"])}) for row in rows]


async def list_poller_records(
    database: Database, scope: Scope, after: int, limit: int
) -> Sequence[PollerRecord]:
    """Up to `limit` resources, from behind an id on."""
    rows = await database.fetch(
        QUERIES["list_poller_records"], scope.organization_id, scope.instance_id, after, limit
    )
    return [
        PollerRecord(
            **{
                **row,
                "id": ResourceId(row["id"]),
                "instance_id": InstanceId(row["instance_id"]),
                "state": ResourceState(row["state"]),
            }
        )
        for row in rows
    ]
