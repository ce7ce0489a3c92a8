"""Snapshot rows written the shortest way, for tests of what is done with many of them."""

from __future__ import annotations

from datetime import UTC, datetime

from daemon.instance import ResourceId
from daemon.store.database import Database

STAMP = datetime(2026, 3, 1, tzinfo=UTC)


async def write_snapshots(
    database: Database, resource_id: ResourceId, count: int, *, absent: int = 0, first: int = 0
) -> list[str]:
    """Objects `000000`, `000001` and so on, stamped a minute apart; answers their ids."""
    await database.execute(
        "insert into snapshots (resource_id, object_id, object_key, stamp_at, content_hash,"
        " digests, revision, projection, absent_sweeps)"
        " select $1, lpad(n::text, 6, '0'), 'key ' || n, $2::timestamptz + n * interval '1 minute',"
        " '\\x0123456789abcdef', '\\x0102030405060708', 1, 1, $5::smallint"
        " from generate_series($4::integer, $4 + $3::integer - 1) as n",
        resource_id,
        STAMP,
        count,
        first,
        absent,
    )
    return [f"{number:06}" for number in range(first, first + count)]


async def absences(database: Database, resource_id: ResourceId) -> dict[str, int]:
    """In how many sweeps each object was absent (below zero: it was read by its id)."""
    rows = await database.fetch(
        "select object_id, absent_sweeps from snapshots where resource_id = $1 order by object_id",
        resource_id,
    )
    return {row["object_id"]: row["absent_sweeps"] for row in rows}
