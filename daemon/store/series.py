"""The series: how many changes there have been, and how long deliveries took, bucket by bucket."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from daemon.instance import EventType, InstanceId, OrganizationId
from daemon.store.database import Database, load_queries
from daemon.store.events import horizon

QUERIES = load_queries("series")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MEASURED_AT_MOST = 20_000
KEPT_AT_MOST = 100
"""Spans whose counts are kept, each a few hundred numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What a chart covers: an organization or one instance of it, the past `length` in buckets."""

    organization_id: OrganizationId
    instance_id: InstanceId | None
    length: timedelta
    bucket: timedelta

    @property
    def key(self) -> tuple[object, ...]:
        """What is the same for every span that is cut into the same buckets."""
        return (self.organization_id, self.instance_id, self.bucket)

    def begin_of_bucket(self, instant: datetime) -> datetime:
        """When the bucket begins that this instant lies in."""
        return instant - (instant - EPOCH) % self.bucket


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeCount:
    """Changes of one type in one bucket; `resource` is empty over a whole organization."""

    at: datetime
    resource: str
    type: EventType
    changes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """How long deliveries took in one bucket, in seconds from the page read to the 2xx."""

    at: datetime
    p50: float
    p99: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """Counts of whole buckets, all those before `until`."""

    until: datetime
    counts: Sequence[ChangeCount]


class ChangeCounts:
    """Counts each bucket once: again only those that something may still be added to.

    What is removed later, with its instance or by retention, stays counted for as long as the
    bucket is looked at.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: OrderedDict[tuple[object, ...], _Kept] = OrderedDict()

    async def count(self, span: Span, now: datetime) -> Sequence[ChangeCount]:
        """Changes by bucket, resource and type, oldest first; buckets without any are left out."""
        begins_at = span.begin_of_bucket(now - span.length)
        settled_until = span.begin_of_bucket(min(now, await horizon(self._database)))
        kept = self._kept.pop(span.key, None)
        known = [] if kept is None else [one for one in kept.counts if one.at >= begins_at]
        since = begins_at if kept is None else max(kept.until, begins_at)
        counts = [*known, *await self._count_between(span, since, now)]
        settled = [one for one in counts if one.at < settled_until]
        self._kept[span.key] = _Kept(until=settled_until, counts=settled)
        if len(self._kept) > KEPT_AT_MOST:
            self._kept.popitem(last=False)
        return counts

    async def _count_between(
        self, span: Span, since: datetime, until: datetime
    ) -> Sequence[ChangeCount]:
        arguments = (span.organization_id, since, until, span.bucket.total_seconds())
        rows = (
            await self._database.fetch(QUERIES["count_changes"], *arguments)
            if span.instance_id is None
            else await self._database.fetch(
                QUERIES["count_changes_of_instance"], *arguments, span.instance_id
            )
        )
        return [
            ChangeCount(
                at=row["bucket_at"],
                resource=row["resource"],
                type=EventType(row["type"]),
                changes=row["changes"],
            )
            for row in rows
        ]


async def measure_latency(database: Database, span: Span) -> Sequence[Latency]:
    """Latency by bucket, oldest first; buckets in which nothing was delivered are left out."""
    rows = await database.fetch(
        QUERIES["measure_latency"],
        span.organization_id,
        span.instance_id,
        span.length.total_seconds(),
        span.bucket.total_seconds(),
        MEASURED_AT_MOST,
    )
    return [Latency(at=row["bucket_at"], p50=row["p50"], p99=row["p99"]) for row in rows]
