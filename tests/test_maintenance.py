from pathlib import Path

import pytest
from pydantic import SecretStr

from daemon.errors import Conflict, DatabaseUnavailable
from daemon.maintenance import add_user, list_users, migrate_schema
from daemon.settings import DatabaseSettings, Settings
from daemon.store.database import Database
from daemon.store.embedded import EmbeddedPostgres, ServerAddress
from daemon.store.migrations import list_migrations


async def test_commands_share_the_embedded_server_of_a_running_daemon(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    async with EmbeddedPostgres(tmp_path, durable=False) as address:
        names = await migrate_schema(settings)
        assert len(names) == len(list_migrations())
        await add_user(settings, "ann", None)
        async with await Database.open(address.as_arguments(), pool_size=1) as database:
            assert await database.fetchval("select username from users") == "ann"


async def test_commands_start_the_embedded_server_when_no_daemon_runs(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    assert await migrate_schema(settings) != []
    assert await list_users(settings) == []
    async with EmbeddedPostgres(tmp_path, durable=False):
        assert await migrate_schema(settings) == []


async def test_accounts_of_a_database_that_was_never_migrated_are_refused_in_words(
    postgres: ServerAddress, tmp_path: Path
) -> None:
    dsn = f"postgresql://{postgres.user}@/{postgres.database}?host={postgres.host}"
    settings = Settings(data_dir=tmp_path, database=DatabaseSettings(dsn=SecretStr(dsn)))
    with pytest.raises(Conflict, match=r"run pollhook migrate\.$"):
        await list_users(settings)


async def test_a_server_that_is_not_there_is_named_as_an_outage(tmp_path: Path) -> None:
    dsn = SecretStr("postgresql://127.0.0.1:9/d")
    settings = Settings(data_dir=tmp_path, database=DatabaseSettings(dsn=dsn))
    with pytest.raises(DatabaseUnavailable):
        await migrate_schema(settings)
