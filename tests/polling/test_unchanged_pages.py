"""An unchanged page writes nothing: a poll leaves one line in its resource, once a second."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

import pytest
import pytest_asyncio

from daemon.polling.cadence import Cadence
from daemon.polling.means import PollingMeans
from daemon.store.database import Database
from tests.polling.watching import Watching, watching

POLLS = 5
RECORDS = 30
RESOURCE = "companies"


@dataclass(slots=True, kw_only=True)
class Idle:
    """A resource of the stand-in on which nothing changes any more, as one process polls it."""

    watching: Watching
    means: PollingMeans
    cadence: Cadence = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """A new process, which knows no page and has to compare it."""
        self.cadence = Cadence(self.means, self.watching.target, asyncio.Semaphore(1))

    async def poll(self) -> None:
        self.watching.clock.advance(2)
        await self.cadence.run_once(self.watching.now())

    async def wal(self) -> int:
        """Where the log of all that is written ends."""
        end = "pg_current_wal_insert_lsn() - '0/0'::pg_lsn"
        return int(await self.watching.database.fetchval(f"select {end}"))

    async def counted(self, outcome: str) -> float:
        counter = self.means.metrics.records.labels("maximizer", RESOURCE, outcome)
        return float(counter._value.get())


@pytest_asyncio.fixture
async def idle(database: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Idle]:
    async with watching(database, monkeypatch, RESOURCE) as watched:
        for number in range(RECORDS):
            await watched.crm.add(RESOURCE, {"CompanyName": f"Doe {number}"})
        idle = Idle(watching=watched, means=watched.means)
        for _ in range(3):
            await idle.poll()
        await idle.means.schedule.flush()
        await database.execute("vacuum (freeze, analyze)")  # reading writes hints of its own before
        yield idle


async def rows_written(database: Database, since: int) -> Mapping[str, int]:
    """How many rows of each table were written by transactions from this one on."""
    tables = await database.fetch("select relname from pg_stat_user_tables")
    counts = {
        row["relname"]: await database.fetchval(
            f"select count(*) from {row['relname']} where xmin::text::bigint >= $1", since
        )
        for row in tables
    }
    return {name: count for name, count in counts.items() if count}


@pytest.mark.parametrize("restarts", [False, True], ids=["the same bytes", "compared"])
async def test_a_poll_of_an_unchanged_page_writes_nothing_to_the_log(
    idle: Idle, restarts: bool
) -> None:
    written = []
    before = await idle.counted("suppressed")
    for _ in range(POLLS):
        if restarts:
            idle.restart()
        begins = await idle.wal()
        await idle.poll()
        written.append(await idle.wal() - begins)
    assert await idle.counted("suppressed") - before == POLLS * RECORDS
    assert min(written) == 0, "each poll writes, and not only the server on its own account"


async def test_many_polls_of_unchanged_pages_leave_one_row_written_of_their_resource(
    idle: Idle,
) -> None:
    database = idle.watching.database
    since = await database.fetchval("select pg_current_xact_id()::text::bigint")
    for _ in range(POLLS):
        await idle.poll()
    assert await rows_written(database, since) == {}
    await idle.means.schedule.flush()
    assert await rows_written(database, since) == {"resources": 1}
