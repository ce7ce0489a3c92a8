"""Which indexes PostgreSQL uses for a query, to pin the hot ones to theirs."""

from __future__ import annotations

from typing import Any

import orjson

from daemon.store.database import Connection, Database
from tests.delivery.workshop import Source, make_source, write_backlog


async def fill_tables(database: Database, source: Source) -> None:
    """Enough rows that the planner has a choice, most of them long since delivered."""
    for _ in range(3):
        await write_backlog(database, await make_source(database), 3000)
    await database.execute("update notifications set state = 'delivered', finished_at = now()")
    await database.execute(
        "insert into attempts (notification_id, number, started_at, duration_seconds, outcome,"
        " spent) select id, 1, now(), 0, 'delivered', true from notifications"
    )
    await write_backlog(database, source, 3000)
    await database.execute("analyze")


async def indexes_used(database: Database, query: str, *arguments: object) -> set[str]:
    """The names of the indexes, and `sequential scan of <table>` where there is one.

    As a generic plan, which is what a statement that was prepared once and runs often gets.
    """

    async def explain(connection: Connection) -> Any:
        await connection.execute("set local plan_cache_mode = force_generic_plan")
        return await connection.fetchval(f"explain (format json) {query}", *arguments)

    plan = await database.run_transaction(explain)
    (tree,) = orjson.loads(plan) if isinstance(plan, str) else plan
    return set(_names(tree["Plan"]))


def _names(node: dict[str, Any]) -> list[str]:
    own = []
    if "Index Name" in node:
        own.append(node["Index Name"])
    if node["Node Type"] == "Seq Scan":
        own.append(f"sequential scan of {node['Relation Name']}")
    return own + [name for child in node.get("Plans", []) for name in _names(child)]
