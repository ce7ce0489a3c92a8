"""The lanes: instances with a callback each, and notifications that wait for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.queries import load_queries
from daemon.instance import InstanceId, ResourceId
from daemon.store.database import Database

QUERIES = load_queries("deliveries")
FILLED_AT_ONCE = 10_000  # a statement may last a minute


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One instance whose notifications all go to one address."""

    instance_id: InstanceId
    resource_id: ResourceId
    url: str


async def create_lanes(database: Database, urls: Sequence[str]) -> list[Lane]:
    """One for each address."""
    rows = await database.fetch(QUERIES["create_callbacks"], len(urls))
    return [
        Lane(
            instance_id=InstanceId(row["instance_id"]),
            resource_id=ResourceId(row["resource_id"]),
            url=url,
        )
        for row, url in zip(rows, urls, strict=True)
    ]


async def insert_backlog(database: Database, lane: Lane, count: int, body_bytes: int) -> None:
    """So many notifications of one event each, all of them due."""
    body = b"x" * body_bytes
    for begin in range(0, count, FILLED_AT_ONCE):
        some = min(FILLED_AT_ONCE, count - begin)
        await database.execute(
            QUERIES["insert_backlog"], lane.instance_id, lane.resource_id, some, body
        )
