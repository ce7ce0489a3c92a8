from __future__ import annotations

import asyncio
import logging
import socket
from contextlib import suppress

import pytest

from daemon.errors import DatabaseFull, DatabaseUnavailable, InvalidInput
from daemon.store.database import Database
from daemon.store.embedded import ServerAddress

TERMINATE_OTHERS = """
    select pg_terminate_backend(pid, 20000) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()
"""
BACKENDS = "select count(*) from pg_stat_activity where datname = current_database()"
CUTS = 20


async def test_a_session_that_does_nothing_in_a_transaction_loses_it(
    database: Database, database_address: ServerAddress
) -> None:
    stuck = Database()
    await stuck.connect(
        database_address.as_arguments(), pool_size=1, idle_in_transaction_seconds=0.05
    )

    async def do_nothing() -> None:
        async with stuck.transaction() as connection:
            await connection.execute("select 1")
            async with asyncio.timeout(20):
                while await database.fetchval(BACKENDS) > 1:
                    await database.fetchval("select pg_sleep(0.01)")
            await connection.execute("select 1")

    async with stuck:
        with pytest.raises(DatabaseUnavailable):
            await do_nothing()


async def test_a_cut_session_is_at_most_an_outage_without_noise_and_the_next_call_finds_another(
    database: Database, database_address: ServerAddress, caplog: pytest.LogCaptureFixture
) -> None:
    async with await Database.open(database_address.as_arguments(), pool_size=1) as cut:
        for _ in range(CUTS):
            await cut.execute("select 1")
            await database.fetch(TERMINATE_OTHERS)
            with caplog.at_level(logging.WARNING), suppress(DatabaseUnavailable):
                await cut.execute("select 1")  # the pool may have noticed already
            assert await cut.fetchval("select 1") == 1
    assert caplog.records == []


async def test_closing_after_the_server_is_gone_is_not_one_more_error(
    database_address: ServerAddress,
) -> None:
    gone = await Database.open(database_address.as_arguments(), pool_size=1)
    async with gone.transaction() as connection:
        transport: asyncio.Transport = connection._con._transport
    transport.get_extra_info("socket").shutdown(socket.SHUT_WR)  # the next write breaks the pipe
    await gone.close()


@pytest.mark.parametrize(
    "host", ["/nowhere/at/all", "127.0.0.1"], ids=["no socket", "nothing listens"]
)
async def test_a_server_that_is_not_there_is_an_outage(host: str) -> None:
    with pytest.raises(DatabaseUnavailable, match="does not answer"):
        await Database.open({"host": host, "port": 9, "user": "nobody"})


async def test_a_database_that_was_never_reached_says_so() -> None:
    with pytest.raises(DatabaseUnavailable, match="has not been reached yet"):
        await Database().fetchval("select 1")


async def test_a_dsn_that_asks_for_what_cannot_be_is_wrong_and_not_an_outage() -> None:
    with pytest.raises(InvalidInput) as caught:
        await Database().connect("postgresql://u:hunter2@127.0.0.1:9/d?sslmode=bogus")
    assert str(caught.value).startswith("database.dsn: is wrong: ")
    assert "hunter2" not in str(caught.value)


async def test_a_full_disk_is_one_reason_whichever_file_could_not_grow(database: Database) -> None:
    refuse = """
        do $$ begin
            raise disk_full using message = 'could not extend file "base/5/%s": No space left';
        end $$
    """
    for number in range(2):
        with pytest.raises(DatabaseFull) as caught:
            await database.execute(refuse % number)
        assert str(caught.value) == "The database has no room left: No space left"


async def test_whoever_waits_for_a_database_that_hangs_is_let_go_when_it_is_cut_off(
    database: Database,
) -> None:
    async with asyncio.timeout(20):
        waiting = asyncio.create_task(database.fetchval("select pg_sleep(60)"))
        while not await database.fetchval(
            "select count(*) from pg_stat_activity where query = 'select pg_sleep(60)'"
        ):
            await database.fetchval("select pg_sleep(0.01)")
        database.cut_off()
        with pytest.raises(DatabaseUnavailable):
            await waiting
        with pytest.raises(DatabaseUnavailable):
            await database.execute("select 1")
