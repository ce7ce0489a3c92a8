"""Everything a test of delivery needs: pages in the outbox, and a dispatcher that sends them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any

from daemon.address_guard import AddressGuard
from daemon.delivery.dispatcher import Dispatcher
from daemon.delivery.endpoint import EndpointConfiguration
from daemon.delivery.means import DeliveryMeans, EndpointSource
from daemon.delivery.ready import ReadyNotification, ready_from
from daemon.delivery.signing import new_webhook_secret
from daemon.instance import EventType, InstanceId, NotificationId, ResourceId
from daemon.leases import Leases
from daemon.metrics import Metrics
from daemon.notifications.change import Change
from daemon.notifications.compose import Draft, compose
from daemon.notifications.context import Context
from daemon.outbound import Outbound
from daemon.settings import DeliverySettings
from daemon.store import outbox
from daemon.store.database import Connection, Database
from tests.notifications.samples import make_context
from tests.store.factories import make_instance, make_resource

QUICK_SCHEDULE = (0.0, 0.01, 0.01, 0.01)
"""The first attempt and three retries, with hardly a wait."""


@dataclass(slots=True, kw_only=True)
class Source:
    """One instance with one resource, and the pages it brings about."""

    database: Database
    instance_id: InstanceId
    resource_id: ResourceId
    sequence: int = 1
    revisions: dict[str, int] = field(default_factory=dict)

    async def commit(self, *object_ids: str) -> list[ReadyNotification]:
        """A page on which these objects changed; answers what may be sent at once."""
        drafts = await self.drafts(*object_ids)

        async def work(connection: Connection) -> list[Draft]:
            return await self.write(connection, drafts)

        stored = await self.database.run_transaction(work)
        return ready_from(stored, datetime.now(UTC))

    async def drafts(self, *object_ids: str) -> list[Draft]:
        """The page in words, before it is written."""
        found = await outbox.find_predecessors(self.database, self.resource_id, object_ids)
        ids = await outbox.reserve_ids(self.database, len(object_ids))
        drafts = compose(
            self._context(),
            [self._change(object_id) for object_id in object_ids],
            first_sequence=self.sequence,
            predecessors=found,
            ids=iter(ids),
        )
        self.sequence += len(object_ids)
        return drafts

    async def write(self, connection: Connection, drafts: Sequence[Draft]) -> list[Draft]:
        """As the page commit does it; answers the drafts as stored."""
        stored = list(await outbox.lock_awaited(connection, self.resource_id, drafts))
        await outbox.insert_drafts(
            connection, self.instance_id, self.resource_id, datetime.now(UTC), stored
        )
        return stored

    def _change(self, object_id: str) -> Change:
        revision = self.revisions[object_id] = self.revisions.get(object_id, 0) + 1
        return Change(
            object_id=object_id,
            object_key=object_id,
            type=EventType.UPDATED,
            revision=revision,
            occurred_at=datetime.now(UTC),
            raw={"Key": object_id, "Revision": revision},
        )

    def _context(self) -> Context:
        now = datetime.now(UTC)
        return make_context(
            instance_id=self.instance_id,
            resource_id=self.resource_id,
            object_type="contacts",
            id_field="Key",
            poll_at=now,
            created_at=now,
        )


async def make_source(database: Database) -> Source:
    instance_id = await make_instance(database)
    resource_id = await make_resource(database, instance_id)
    return Source(database=database, instance_id=instance_id, resource_id=resource_id)


@dataclass(slots=True, kw_only=True)
class Workshop:
    """A dispatcher's surroundings; `endpoints` says where each instance wants to be called."""

    database: Database
    outbound: Outbound
    leases: Leases
    endpoints: dict[InstanceId, EndpointConfiguration | None] = field(default_factory=dict)

    def point(self, source: Source, url: str) -> None:
        self.endpoints[source.instance_id] = EndpointConfiguration(
            url=url, webhook_secrets=[new_webhook_secret()]
        )

    async def configuration(self, instance_id: InstanceId) -> EndpointConfiguration | None:
        return self.endpoints.get(instance_id)

    def dispatcher(
        self,
        *,
        grace_seconds: float = 5.0,
        endpoint_source: EndpointSource | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        **settings: Any,
    ) -> Dispatcher:
        defaults: dict[str, Any] = {"retry_schedule_seconds": QUICK_SCHEDULE, "retry_jitter": 0}
        return Dispatcher(
            DeliveryMeans(
                database=self.database,
                outbound=self.outbound,
                leases=self.leases,
                endpoint_source=endpoint_source or self.configuration,
                settings=DeliverySettings(**(defaults | settings)),
                metrics=Metrics(version="test"),
                grace_seconds=grace_seconds,
                now=now,
            )
        )


@asynccontextmanager
async def open_workshop(database: Database) -> AsyncIterator[Workshop]:
    """Leases on everything that exists when `leases.run_once` is called, loopback allowed."""
    leases = Leases(database, seconds=60, renew_seconds=20, alone=True)
    async with Outbound(AddressGuard([ip_network("127.0.0.0/8")])) as outbound:
        yield Workshop(database=database, outbound=outbound, leases=leases)


@asynccontextmanager
async def running(dispatcher: Dispatcher) -> AsyncIterator[Dispatcher]:
    """The dispatcher at work; leaving stops it the graceful way."""
    stop = asyncio.Event()
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        tasks.create_task(dispatcher.run(stop))
        try:
            yield dispatcher
        finally:
            stop.set()


async def states(database: Database, source: Source) -> dict[str, int]:
    """How many of the instance's notifications are in which state."""
    rows = await database.fetch(
        "select state, count(*) from notifications where instance_id = $1 group by state",
        source.instance_id,
    )
    return {row["state"]: row["count"] for row in rows}


async def attempts_spent(database: Database, source: Source) -> dict[NotificationId, int]:
    rows = await database.fetch(
        "select id, attempts from notifications where instance_id = $1", source.instance_id
    )
    return {NotificationId(row["id"]): row["attempts"] for row in rows}


def names(prefix: str, numbers: Iterable[int]) -> list[str]:
    return [f"{prefix}{number}" for number in numbers]


async def count(database: Database, table: str, condition: str) -> int:
    number: int = await database.fetchval(f"select count(*) from {table} where {condition}")
    return number


async def until(measure: Callable[[], Awaitable[int]], at_least: int) -> None:
    """Wait for what only the database shows, ten seconds at most."""
    async with asyncio.timeout(10):
        while await measure() < at_least:  # noqa: ASYNC110  # commits elsewhere set no event
            await asyncio.sleep(0.005)


async def write_backlog(database: Database, source: Source, notifications: int) -> None:
    """So many pending notifications of one free object each, due one after the other."""
    await database.execute(
        """
        with told as (
            insert into notifications (
                id, instance_id, resource_id, event_id, format, due_at, events, body, page_read_at
            )
            select
                nextval('notification_ids'), $1::bigint, $2::bigint,
                left(md5($2::bigint || '/' || n), 20),
                'openconnectors', now() - interval '1 day' + n * interval '1 ms', 1, '{}', now()
            from generate_series(1, $3::integer) as n
            returning id, event_id
        )
        insert into events (
            event_id, instance_id, resource_id, sequence, notification_id, object_id, object_key,
            type, revision, occurred_at
        )
        select
            event_id, $1::bigint, $2::bigint, row_number() over (order by id), id, id::text,
            id::text, 'UPDATED', 1, now()
        from told
        """,
        source.instance_id,
        source.resource_id,
        notifications,
    )
