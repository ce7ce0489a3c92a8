"""The courier: a worker with the product's delivery on a durable database, and a bare client."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import aiohttp

from bench import cpu
from bench.faults import check
from bench.queries import load_queries
from bench.shipment import drafts_of
from bench.worker import serve
from daemon.address_guard import AddressGuard
from daemon.delivery.dispatcher import Dispatcher
from daemon.delivery.endpoint import EndpointConfiguration
from daemon.delivery.means import DeliveryMeans
from daemon.delivery.ready import ready_from
from daemon.delivery.signing import new_webhook_secret
from daemon.instance import InstanceId, ResourceId
from daemon.leases import Leases
from daemon.logs import configure_logs
from daemon.memory import collect_rarely
from daemon.metrics import Metrics
from daemon.outbound import Outbound
from daemon.settings import DeliverySettings
from daemon.store import outbox
from daemon.store.database import Connection, Database
from daemon.store.embedded import EmbeddedPostgres
from daemon.store.migrations import migrate

QUERIES = load_queries("deliveries")
POOL_SIZE = 10
FILLED_AT_ONCE = 10_000
LOOK_SECONDS = 0.01
DELIVER_SECONDS = 300.0
LEASE_SECONDS = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One instance whose notifications all go to one address."""

    instance_id: InstanceId
    resource_id: ResourceId
    url: str


class Courier:
    """Delivers what is written into its outbox, or posts the same with nothing around it."""

    def __init__(self, database: Database, outbound: Outbound, folder: Path) -> None:
        self._database = database
        self._folder = folder
        self._lanes: list[Lane] = []
        self._endpoints: dict[InstanceId, EndpointConfiguration] = {}
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
        rows = await self._database.fetch(QUERIES["create_callbacks"], len(urls))
        for row, url in zip(rows, urls, strict=True):
            lane = Lane(
                instance_id=InstanceId(row["instance_id"]),
                resource_id=ResourceId(row["resource_id"]),
                url=url,
            )
            self._lanes.append(lane)
            self._endpoints[lane.instance_id] = EndpointConfiguration(
                url=url, webhook_secrets=[new_webhook_secret()]
            )

    async def start(self) -> None:
        """Take the leases: from now on everything written before is sent."""
        await self._leases.run_once()
        self.dispatcher.look()

    async def fill(self, lanes: Sequence[int], count: int, body_bytes: int) -> None:
        """So many pending notifications for each of these lanes; nobody is woken yet."""
        for number in lanes:
            lane = self._lanes[number]
            for begin in range(0, count, FILLED_AT_ONCE):
                await self._database.execute(
                    QUERIES["insert_backlog"],
                    lane.instance_id,
                    lane.resource_id,
                    min(FILLED_AT_ONCE, count - begin),
                    b"x" * body_bytes,
                )
            self._written += count

    async def tidy(self) -> None:
        """Between two turns."""
        await self._database.execute(QUERIES["tidy"])

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
        """The same posts by the bare client: no signature, no record, no order."""
        work = iter([(self._lanes[lanes[turn % len(lanes)]].url) for turn in range(count)])
        body, headers = b"x" * body_bytes, {"Content-Type": "application/json"}

        async def post_some(session: aiohttp.ClientSession) -> None:
            for url in work:
                async with session.post(url, data=body, headers=headers) as response:
                    await response.read()
                    check(response.status == 200, f"the bare client was answered {response.status}")

        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as session:
            began, used = time.monotonic(), time.process_time()
            async with asyncio.TaskGroup() as tasks:
                for _ in range(self._settings.max_in_flight):
                    tasks.create_task(post_some(session))
            return {
                "count": count,
                "seconds": time.monotonic() - began,
                "cpu": time.process_time() - used,
            }

    async def trickle(self, lane: int, count: int, pause_seconds: float) -> dict[str, float]:
        """Commit one page of one event at a time, as a poll does; when each was committed."""
        committed = {}
        for _ in range(count):
            event_id, at = await self._commit_one(self._lanes[lane])
            committed[event_id.lower()] = at
            await asyncio.sleep(pause_seconds)
        await self._await_delivered([lane])
        return committed

    async def _commit_one(self, lane: Lane) -> tuple[str, float]:
        self._sequence += 1
        self._written += 1
        read_at = datetime.now(UTC)
        ids = await outbox.reserve_ids(self._database, 1)
        drafts = drafts_of(lane.instance_id, lane.resource_id, self._sequence, ids)

        async def work(connection: Connection) -> None:
            await outbox.insert_drafts(
                connection, lane.instance_id, lane.resource_id, read_at, drafts
            )

        await self._database.run_transaction(work)
        committed_at = time.monotonic()
        self.dispatcher.wake(lane.instance_id, ready_from(drafts, read_at))
        return drafts[0].event_id, committed_at

    async def _await_delivered(self, lanes: Sequence[int]) -> None:
        ids = [self._lanes[number].instance_id for number in lanes]
        async with asyncio.timeout(DELIVER_SECONDS):
            while not await self._is_delivered(ids):  # noqa: ASYNC110  # a commit sets no event
                await asyncio.sleep(LOOK_SECONDS)

    async def _is_delivered(self, ids: Sequence[InstanceId]) -> bool:
        """The database is asked only once the metrics say that it may be so."""
        if self._delivered() < self._written:
            return False
        return not await self._database.fetchval(QUERIES["is_anything_unfinished"], ids)

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
