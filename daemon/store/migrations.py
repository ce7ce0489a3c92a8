"""The schema's version: numbered files, applied in order, forward only, one transaction each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

from daemon.errors import Fault, InvalidInput, SchemaTooNew
from daemon.store.database import Database, load_queries

QUERIES = load_queries("migrations")
OLDEST_SERVER = 150_000
LOCK_KEY = 0x706F6C6C686F6F6B  # "pollhook": one migration at a time per database


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One step of the schema: its number, its name and its statements."""

    number: int
    name: str
    statements: str


def list_migrations() -> Sequence[Migration]:
    """All migrations this version knows, in order."""
    folder = resources.files("daemon.store").joinpath("sql", "migrations")
    found = [
        Migration(
            number=int(match[1]),
            name=match[2],
            statements=file.read_text("utf-8"),
        )
        for file in folder.iterdir()
        if (match := re.fullmatch(r"(\d{4})_(\w+)\.sql", file.name))
    ]
    return sorted(found, key=lambda migration: migration.number)


async def migrate(database: Database) -> Sequence[Migration]:
    """Bring the schema up to date; answers the migrations applied. Raises SchemaTooNew."""
    await check_schema(database)
    return [migration for migration in list_migrations() if await _apply(database, migration)]


async def check_server(database: Database) -> None:
    """Raises InvalidInput if the server is older than what the queries need."""
    version = await database.fetchval(QUERIES["server_version"])
    if version < OLDEST_SERVER:
        message = f"is PostgreSQL {version // 10_000}; {OLDEST_SERVER // 10_000} or newer is needed"
        raise InvalidInput([Fault(field="database.dsn", message=message)])


async def check_schema(database: Database) -> None:
    """Raises SchemaTooNew if the database was migrated by a newer version of the program."""
    newest = list_migrations()[-1].number
    stored = await schema_version(database)
    if stored > newest:
        raise SchemaTooNew(
            f"The database schema has version {stored}, this program knows {newest}: "
            "install the version of pollhook that migrated it, or a newer one."
        )


async def schema_version(database: Database) -> int:
    """The number of the newest migration applied, 0 for an empty database."""
    if not await database.fetchval(QUERIES["migrations_table_exists"]):
        return 0
    return int(await database.fetchval(QUERIES["schema_version"]))


async def is_current(database: Database) -> bool:
    """Whether the schema is exactly the one this version works with."""
    return await schema_version(database) == list_migrations()[-1].number


async def _apply(database: Database, migration: Migration) -> bool:
    async with database.transaction() as connection:
        await connection.execute(QUERIES["lock_migrations"], LOCK_KEY)
        await connection.execute(QUERIES["create_migrations_table"])
        if await connection.fetchval(QUERIES["is_applied"], migration.number):
            return False
        await connection.execute(migration.statements)
        await connection.execute(QUERIES["record_migration"], migration.number, migration.name)
    return True
