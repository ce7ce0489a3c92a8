"""The bare pipeline: a worker that does the product's work once through, with nothing around it.

Fetch 100 records, parse, hash and compare, one transaction, deliver in tens, mark. No retries, no
lease, no order, no log, no metric: what the machine and the libraries allow.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import asyncpg
import orjson

from bench.plan import RECORDS_PER_PAGE
from bench.queries import load_queries
from bench.question import question_body
from bench.worker import serve
from daemon.logs import configure_logs
from daemon.store.embedded import EmbeddedPostgres

QUERIES = load_queries("bare")
KEY = b"0123456789abcdef0123456789abcdef"
PER_NOTIFICATION = 10
HASH_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A record that differs from what was known; `raw` are the bytes that travel on."""

    object_id: str
    hash: bytes
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What the pipeline works with."""

    pool: asyncpg.Pool[asyncpg.Record]
    session: aiohttp.ClientSession
    api_url: str
    callback_url: str


class Lane:
    """One account polled, one page after the other."""

    def __init__(self, number: int, means: Means) -> None:
        self._number = number
        self._means = means
        self._known: dict[str, bytes] = {}
        self._sequence = 0

    async def poll(self, pages: int) -> None:
        """Read so many pages, each to its end."""
        for page in range(pages):
            changes = self._compare(await self._fetch(page * RECORDS_PER_PAGE))
            ids = await self._commit(changes, str(page))
            await self._deliver(ids, changes)
            await self._means.pool.execute(QUERIES["mark_delivered"], ids)

    async def look(self) -> int:
        """Read one page and compare it; answers how many records have changed."""
        return len(self._compare(await self._fetch(0)))

    async def _fetch(self, offset: int) -> Sequence[dict[str, object]]:
        async with self._means.session.post(
            f"{self._means.api_url}/Read",
            data=question_body(offset, RECORDS_PER_PAGE),
            headers={"Authorization": f"Bearer bare-{self._number}"},
        ) as response:
            records: list[dict[str, object]] = orjson.loads(await response.read())["AbEntry"][
                "Data"
            ]
            return records

    def _compare(self, records: Sequence[dict[str, object]]) -> list[Change]:
        changes = []
        for record in records:
            raw = orjson.dumps(record, option=orjson.OPT_SORT_KEYS)
            digest = hashlib.sha256(raw).digest()[:HASH_BYTES]
            object_id = str(record["Key"])
            if self._known.get(object_id) != digest:
                self._known[object_id] = digest
                changes.append(Change(object_id=object_id, hash=digest, raw=raw))
        return changes

    async def _commit(self, changes: Sequence[Change], cursor: str) -> list[int]:
        objects = [change.object_id for change in changes]
        async with self._means.pool.acquire() as connection, connection.transaction():
            hashes = [change.hash for change in changes]
            await connection.execute(QUERIES["store_states"], self._number, objects, hashes)
            payloads = [change.raw.decode() for change in changes]
            rows = await connection.fetch(QUERIES["append"], self._number, objects, payloads)
            await connection.execute(QUERIES["store_cursor"], self._number, cursor)
        return [row["id"] for row in rows]

    async def _deliver(self, ids: Sequence[int], changes: Sequence[Change]) -> None:
        steps = range(0, len(changes), PER_NOTIFICATION)
        await asyncio.gather(
            *(
                self._send(
                    ids[step : step + PER_NOTIFICATION], changes[step : step + PER_NOTIFICATION]
                )
                for step in steps
            )
        )

    async def _send(self, ids: Sequence[int], changes: Sequence[Change]) -> None:
        body = self._body(ids, changes)
        async with self._means.session.post(
            f"{self._means.callback_url}/bare/{self._number}",
            data=body,
            headers={
                "Content-Type": "application/json",
                "X-Signature": hmac.digest(KEY, body, "sha256").hex(),
            },
        ) as response:
            await response.read()
            response.raise_for_status()

    def _body(self, ids: Sequence[int], changes: Sequence[Change]) -> bytes:
        entries = []
        for event_id, change in zip(ids, changes, strict=True):
            self._sequence += 1
            told = (self._sequence, event_id, change.object_id.encode())
            entries.append(b'{"sequence":%d,"eventId":"%d","objectId":"%s"}' % told)
        records = b",".join(change.raw for change in changes)
        events = b",".join(entries)
        return b'{"message":{"events":[%s],"raw":{"contacts":[%s]}}}' % (events, records)


class Bare:
    """All lanes, and the database of their own."""

    def __init__(self, means: Means, lanes: int) -> None:
        self._means = means
        self._lanes = [Lane(number, means) for number in range(lanes)]

    async def events(self, pages: int) -> int:
        """Poll every lane once; answers how many changes have not arrived."""
        await asyncio.gather(*(lane.poll(pages) for lane in self._lanes))
        return int(await self._means.pool.fetchval(QUERIES["count_pending"]))

    async def idle(self, seconds: float) -> int:
        """Look for changes again and again; answers how many were seen, which should be none."""
        until = time.monotonic() + seconds

        async def look(lane: Lane) -> int:
            seen = 0
            while time.monotonic() < until:
                seen += await lane.look()
            return seen

        return sum(await asyncio.gather(*(look(lane) for lane in self._lanes)))


@asynccontextmanager
async def open_bare(
    folder: str, api_url: str, callback_url: str, lanes: int
) -> AsyncIterator[Bare]:
    """The pipeline on a server like the product's, with the same settings."""
    async with (
        EmbeddedPostgres(Path(folder)) as address,
        asyncpg.create_pool(**address.as_arguments(), min_size=lanes, max_size=lanes) as pool,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session,
    ):
        await pool.execute(QUERIES["create"])
        await pool.executemany(QUERIES["begin_lane"], [(number,) for number in range(lanes)])
        yield Bare(
            Means(pool=pool, session=session, api_url=api_url, callback_url=callback_url), lanes
        )


async def main(folder: str, api_url: str, callback_url: str, lanes: str) -> None:
    configure_logs("warning", "json")
    async with open_bare(folder, api_url, callback_url, int(lanes)) as bare:
        await serve({"events": bare.events, "idle": bare.idle})


if __name__ == "__main__":
    import sys

    asyncio.run(main(*sys.argv[1:]))
