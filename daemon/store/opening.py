"""The database opened by a command beside the daemon, whether that runs or not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from daemon.errors import Conflict
from daemon.settings import Settings
from daemon.store.database import Database
from daemon.store.embedded import borrow_server
from daemon.store.migrations import check_schema, is_current


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncIterator[Database]:
    """The database of the settings; the embedded one through the daemon's socket if it runs.

    Raises DatabaseUnavailable.
    """
    async with _locate(settings) as connect, await Database.open(connect, pool_size=2) as database:
        yield database


@asynccontextmanager
async def open_current_database(settings: Settings) -> AsyncIterator[Database]:
    """The same with a schema that this program knows. Raises Conflict, SchemaTooNew."""
    async with open_database(settings) as database:
        await check_schema(database)
        if not await is_current(database):
            raise Conflict("The database schema is older than this program: run pollhook migrate.")
        yield database


@asynccontextmanager
async def _locate(settings: Settings) -> AsyncIterator[str | Mapping[str, str | int]]:
    """The DSN, or how to reach the embedded server."""
    if settings.database.dsn is not None:
        yield settings.database.dsn.get_secret_value()
    else:
        async with borrow_server(settings.data_dir) as server:
            yield server.as_arguments()
