"""Waiting for what only the server knows: that a statement waits for a lock."""

from __future__ import annotations

import asyncio

from daemon.store.database import Database


async def until_blocked(database: Database) -> None:
    """Until some statement waits for a lock."""
    query = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
    while not await database.fetchval(query):  # noqa: ASYNC110  # others' waits set no event
        await asyncio.sleep(0.005)
