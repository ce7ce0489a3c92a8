"""The table: one resource with as many snapshots as wanted, and pages committed to it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import orjson

from bench.faults import CheckFailed, check
from bench.plan import RECORDS_PER_PAGE
from bench.queries import load_queries
from bench.records import make_template
from bench.shipment import context_of
from daemon.instance import EventType, InstanceId, ResourceId
from daemon.notifications.change import Change
from daemon.notifications.compose import compose
from daemon.polling.fingerprint import Fingerprint
from daemon.polling.snapshot import Snapshot, SnapshotWrite
from daemon.store import outbox, pages, snapshots
from daemon.store.database import Database
from daemon.store.embedded import ServerAddress
from daemon.store.migrations import migrate
from daemon.store.pages import PageCommit
from daemon.store.resources import load_progress

QUERIES = load_queries("table")
PREFIX = "2401"
PROJECTION = 1
LEASE_TOKEN = 1
FILLED_AT_ONCE = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Milliseconds to look up what is known of a page's objects, and to commit it."""

    lookup: float
    commit: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One database of the server. `records` are what every page tells of its objects. Filling it
    took `fill_seconds`, and so many bytes on the disk.
    """

    database: Database
    fill_seconds: float
    size: int
    instance_id: InstanceId
    resource_id: ResourceId
    records: Sequence[Mapping[str, object]] = field(repr=False)

    async def commit_page(self, numbers: Sequence[int], expected_known: int) -> Timing:
        """A page on which these objects are new or have changed, timed where the database works."""
        ids = [object_id(number) for number in numbers]
        began = time.perf_counter()
        known = await snapshots.find_known(self.database, self.resource_id, ids)
        looked_up = time.perf_counter()
        check(len(known) == expected_known, f"{len(known)} objects known, not {expected_known}")
        page = await self._page(numbers, known)
        composed = time.perf_counter()
        await pages.commit(self.database, page)
        ended = time.perf_counter()
        return Timing(lookup=(looked_up - began) * 1000, commit=(ended - composed) * 1000)

    async def warm(self) -> None:
        """Write down what was changed, and have all of it in memory."""
        await self.database.execute(QUERIES["checkpoint"])
        await self.database.execute(QUERIES["warm"])

    async def settle(self) -> None:
        """Let everything told so far have arrived, so that nothing has to wait for it."""
        await self.database.execute(QUERIES["settle"])

    async def _page(self, numbers: Sequence[int], known: Mapping[str, Snapshot]) -> PageCommit:
        now = datetime.now(UTC)
        pairs = zip(numbers, self.records, strict=True)
        writes = [_write(number, record, now, known) for number, record in pairs]
        told = zip(writes, self.records, strict=True)
        changes = [_change(write, record, now) for write, record in told]
        before = await load_progress(self.database, self.resource_id)
        drafts = compose(
            context_of(self.instance_id, self.resource_id, now),
            changes,
            first_sequence=before.next_sequence,
            predecessors={},
            ids=iter(await outbox.reserve_ids(self.database, len(changes))),
        )
        return PageCommit(
            instance_id=self.instance_id,
            lease_token=LEASE_TOKEN,
            resource_id=self.resource_id,
            before=before,
            after=replace(before, next_sequence=before.next_sequence + len(changes)),
            writes=writes,
            drafts=drafts,
            read_at=now,
        )


@asynccontextmanager
async def open_table(server: ServerAddress, name: str, rows: int) -> AsyncIterator[Table]:
    """A fresh database with so many snapshots: objects 0 to `rows` - 1."""
    async with await Database.open(server.as_arguments(), pool_size=1) as maintenance:
        await maintenance.execute(f"create database {name}")
    address = replace(server, database=name)
    async with await Database.open(address.as_arguments(), pool_size=2) as database:
        await migrate(database)
        row = await database.fetchrow(QUERIES["create_resource"])
        if row is None:
            raise CheckFailed("the resource was not made")
        resource_id = ResourceId(row["id"])
        began = time.perf_counter()
        for first in range(0, rows, FILLED_AT_ONCE):
            until = min(rows, first + FILLED_AT_ONCE)
            await database.execute(QUERIES["fill"], resource_id, PREFIX, first, until)
        await database.execute(QUERIES["tidy"])
        yield Table(
            database=database,
            fill_seconds=time.perf_counter() - began,
            size=await database.fetchval(QUERIES["size"]),
            instance_id=InstanceId(row["instance_id"]),
            resource_id=resource_id,
            records=_records(),
        )


def _records() -> Sequence[Mapping[str, object]]:
    now = datetime.now(UTC)
    rows = (make_template(0, number).row(1, now) for number in range(RECORDS_PER_PAGE))
    return [orjson.loads(row) for row in rows]


def object_id(number: int) -> str:
    """The identity of an object; they grow, as Maximizer's do."""
    return f"{PREFIX}{number:014d}\t0"


def _write(
    number: int, record: Mapping[str, object], now: datetime, known: Mapping[str, Snapshot]
) -> SnapshotWrite:
    identity = object_id(number)
    before = known.get(identity)
    snapshot = Snapshot(
        object_id=identity,
        object_key=str(record["Key"]),
        stamp=now,
        content_hash=hashlib.sha256(str(now).encode()).digest()[:16],
        digests=Fingerprint(record, record).digests(),
        revision=1 if before is None else before.revision + 1,
        projection=PROJECTION,
    )
    expected = None if before is None else before.revision
    return SnapshotWrite(snapshot=snapshot, expected_revision=expected)


def _change(write: SnapshotWrite, record: Mapping[str, object], now: datetime) -> Change:
    is_new = write.expected_revision is None
    return Change(
        object_id=write.snapshot.object_id,
        object_key=write.snapshot.object_key,
        type=EventType.CREATED if is_new else EventType.UPDATED,
        revision=write.snapshot.revision,
        occurred_at=now,
        raw=record,
        changed=None if is_new else ("Position",),
    )
