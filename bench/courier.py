"""The courier: a worker with the product's delivery on a durable database, and a bare client."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from bench import cpu
from bench.bare_client import post_all
from bench.lanes import Lane, create_lanes, insert_backlog
from bench.queries import load_queries
from bench.shipment import context_of, drafts_of, page_of
from bench.worker import serve
from daemon.address_guard import AddressGuard
from daemon.delivery.dispatcher import Dispatcher
from daemon.delivery.endpoint import EndpointConfiguration
from daemon.delivery.means import DeliveryMeans
from daemon.delivery.ready import ready_from
from daemon.delivery.signing import new_webhook_secret
from daemon.instance import InstanceId
from daemon.leases import Leases
from daemon.logs import configure_logs
from daemon.memory import collect_rarely
from daemon.metrics import Metrics
from daemon.notifications.compose import Draft
from daemon.outbound import Outbound
from daemon.settings import DeliverySettings
from daemon.store import outbox
from daemon.store.database import Connection, Database
from daemon.store.embedded import EmbeddedPostgres
from daemon.store.migrations import migrate

QUERIES = load_queries("deliveries")
POOL_SIZE = 10
LOOK_SECONDS = 0.01
DELIVER_SECONDS = 300.0
LEASE_SECONDS = 3600.0


class Courier:
    """Delivers what is written into its outbox, or posts the same with nothing around it."""

    def __init__(self, database: Database, outbound: Outbound, folder: Path) -> None:
        self.database = database
        self._folder = folder
        self._lanes: list[Lane] = []
        self._endpoints: dict[InstanceId, EndpointConfiguration | None] = {}
        self._sequence = 0
        self._written = 0
        self._metrics = Metrics(version="bench")
        self._settings = DeliverySettings()
        self._leases = Leases(
            database, seconds=LEASE_SECONDS, renew_seconds=LEASE_SECONDS / 3, alone=True
        )
        self.dispatcher = Dispatcher(
            DeliveryMeans(
                database=database,
                outbound=outbound,
                leases=self._leases,
                endpoint_source=self._endpoint,
                settings=self._settings,
                metrics=self._metrics,
            )
        )

    async def open_lanes(self, urls: Sequence[str]) -> None:
        """One instance for each address."""
        for lane in await create_lanes(self.database, urls):
            self._lanes.append(lane)
            self.turn(len(self._lanes) - 1, on=True)

    async def start(self) -> None:
        """Take the leases: from now on everything written before is sent."""
        await self._leases.run_once()
        self.dispatcher.look()

    async def fill(self, lanes: Sequence[int], count: int, body_bytes: int) -> None:
        """So many pending notifications for each of these lanes; nobody is woken yet."""
        for number in lanes:
            await insert_backlog(self.database, self._lanes[number], count, body_bytes)
            self._written += count

    async def tidy(self) -> None:
        """Between two turns."""
        await self.database.execute(QUERIES["tidy"])

    async def deliver(self, lanes: Sequence[int]) -> dict[str, float]:
        """Wake these lanes and wait until all that was written is delivered and recorded.

        The dispatcher looks for work by itself now and then: what it has found before does not
        count.
        """
        count, began = self._written - self._delivered(), time.monotonic()
        used, used_by_database = time.process_time(), self._database_cpu_seconds()
        for number in lanes:
            self.dispatcher.wake(self._lanes[number].instance_id)
        await self._await_delivered(lanes)
        return {
            "count": count,
            "seconds": time.monotonic() - began,
            "cpu": time.process_time() - used,
            "database_cpu": self._database_cpu_seconds() - used_by_database,
        }

    async def post(self, lanes: Sequence[int], count: int, body_bytes: int) -> dict[str, float]:
        """The same posts by the bare client."""
        urls = [self._lanes[number].url for number in lanes]
        at_once = self._settings.max_in_flight
        return await post_all(urls, count=count, body_bytes=body_bytes, at_once=at_once)

    async def trickle(self, lane: int, count: int, pause_seconds: float) -> dict[str, float]:
        """Commit one page of one event at a time, as a poll does; when each was committed."""
        committed = {}
        for _ in range(count):
            event_id, at = await self.commit_one(lane)
            committed[event_id.lower()] = at
            await asyncio.sleep(pause_seconds)
        await self._await_delivered([lane])
        return committed

    def lane(self, number: int) -> Lane:
        """The lane of this number, in the order in which they were opened."""
        return self._lanes[number]

    def turn(self, number: int, *, on: bool) -> None:
        """Say whether anything may be sent to a lane; the dispatcher asks when it opens it."""
        lane = self._lanes[number]
        configuration = EndpointConfiguration(url=lane.url, webhook_secrets=[new_webhook_secret()])
        self._endpoints[lane.instance_id] = configuration if on else None

    async def commit_one(self, number: int) -> tuple[str, float]:
        """Commit one page of one event; its id, and when it was committed."""
        self._sequence += 1
        lane = self._lanes[number]
        ids = await outbox.reserve_ids(self.database, 1)
        drafts = drafts_of(lane.instance_id, lane.resource_id, self._sequence, ids)
        return drafts[0].event_id, await self._commit(lane, drafts)

    async def commit_page(self, number: int, object_ids: Sequence[str]) -> None:
        """Commit a page on which these objects changed, as a poll does."""
        lane, first = self._lanes[number], self._sequence + 1
        self._sequence += len(object_ids)
        found = await outbox.find_predecessors(self.database, lane.resource_id, object_ids)
        ids = await outbox.reserve_ids(self.database, len(object_ids))
        context = context_of(lane.instance_id, lane.resource_id, datetime.now(UTC))
        await self._commit(lane, page_of(context, object_ids, first, found, ids))

    async def _commit(self, lane: Lane, drafts: Sequence[Draft]) -> float:
        read_at = datetime.now(UTC)

        async def work(connection: Connection) -> Sequence[Draft]:
            stored = await outbox.lock_awaited(connection, lane.resource_id, drafts)
            await outbox.insert_drafts(
                connection, lane.instance_id, lane.resource_id, read_at, stored
            )
            return stored

        stored = await self.database.run_transaction(work)
        committed_at = time.monotonic()
        self._written += len(stored)
        self.dispatcher.wake(lane.instance_id, ready_from(stored, read_at))
        return committed_at

    async def _await_delivered(self, lanes: Sequence[int]) -> None:
        ids = [self._lanes[number].instance_id for number in lanes]
        async with asyncio.timeout(DELIVER_SECONDS):
            while not await self._is_delivered(ids):  # noqa: ASYNC110  # a commit sets no event
                await asyncio.sleep(LOOK_SECONDS)

    async def _is_delivered(self, ids: Sequence[InstanceId]) -> bool:
        """The database is asked only once the metrics say that it may be so."""
        if self._delivered() < self._written:
            return False
        return not await self.database.fetchval(QUERIES["is_anything_unfinished"], ids)

    def _delivered(self) -> float:
        """How many so far, whoever asked for them."""
        samples = (
            sample for family in self._metrics.deliveries.collect() for sample in family.samples
        )
        wanted = {"outcome": "delivered"}
        return sum(
            one.value for one in samples if one.labels == wanted and one.name.endswith("_total")
        )

    def _database_cpu_seconds(self) -> float:
        pid_file = self._folder / "postgres" / "pgdata" / "postmaster.pid"
        server = int(pid_file.read_text("ascii").split("\n", 1)[0])
        return cpu.seconds_of_family(server) or 0.0

    async def _endpoint(self, instance_id: InstanceId) -> EndpointConfiguration | None:
        return self._endpoints.get(instance_id)

    def handlers(self) -> Mapping[str, Any]:
        """What may be asked."""
        names = ("open_lanes", "start", "fill", "tidy", "deliver", "post", "trickle")
        return {name: getattr(self, name) for name in names}


@asynccontextmanager
async def open_courier(folder: Path) -> AsyncIterator[Courier]:
    """Its database made and started, durable as the product's; the dispatcher running."""
    async with (
        EmbeddedPostgres(folder) as server,
        await Database.open(server.as_arguments(), pool_size=POOL_SIZE) as database,
        Outbound(AddressGuard([ip_network("127.0.0.0/8")])) as outbound,
    ):
        await migrate(database)
        courier, stop = Courier(database, outbound, folder), asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(courier.dispatcher.run(stop))
            collect_rarely()  # as the daemon does
            yield courier
            stop.set()


async def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "courier.log").open("w") as log:
        configure_logs("info", "json", log)
        async with open_courier(folder) as courier:
            await serve(courier.handlers())


if __name__ == "__main__":
    asyncio.run(main())
