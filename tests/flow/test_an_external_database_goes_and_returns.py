"""An external database goes and returns: work pauses meanwhile, and nothing is lost."""

from __future__ import annotations

from contextlib import suppress

import pytest

from daemon.errors import DatabaseUnavailable
from daemon.store.database import Database
from daemon.store.migrations import LOCK_KEY
from tests.flow.external import External
from tests.flow.oracle import Oracle
from tests.flow.pollhook import Pollhook, trusted
from tests.flow.processes import eventually, settled
from tests.flow.standins import Provider, Receiver

WAITING = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
RETURN_SECONDS = 10.0
"""How soon after the database's return the work has to go on."""


@pytest.mark.parametrize("way", ["go", "crash"])
@pytest.mark.timeout(120)
async def test_the_work_goes_on_soon_after_the_database_is_back(
    outside: Pollhook, external: External, provider: Provider, receiver: Receiver, way: str
) -> None:
    await external.come()
    await outside.start()
    instance = await outside.connect(receiver.callback())
    await trusted(receiver, instance)
    oracle = Oracle(
        provider=provider, receiver=receiver, instance=instance.id, since=await provider.changes()
    )
    await provider.edit_at_random(20, seed=1)
    await (external.go() if way == "go" else external.crash())
    await provider.edit_at_random(20, seed=2)

    async def is_unready() -> bool:
        return (await outside.health("/readyz"))[0] == 503

    await eventually(is_unready, "/readyz says that the database is away")
    assert (await outside.health("/livez"))[0] == 200
    status, health = await outside.health("/healthz")
    assert (status, health["database"]["available"]) == (200, False)

    await external.come()
    await settled(oracle.missing, RETURN_SECONDS)
    assert (await outside.health("/readyz"))[0] == 200
    assert (await oracle.judge()).wrong == []
    await oracle.report()
    assert outside.program.said(level="error") == []


async def test_a_daemon_started_before_its_database_waits_for_it(
    outside: Pollhook, external: External
) -> None:
    program = await outside.begin()
    outside.url = (await program.line(event="daemon.starting"))["url"]
    await program.line(event="database.waiting")
    assert (await outside.health("/livez"))[0] == 200
    status, content = await outside.health("/readyz")
    assert status == 503
    assert "database" in content["checks"]
    await external.come()
    await program.line(event="daemon.ready")
    assert (await outside.health("/readyz"))[0] == 200
    reasons = [line["reason"] for line in program.said(event="database.waiting")]
    assert len(reasons) == len(set(reasons))


async def test_a_database_that_goes_during_the_start_is_waited_for_again(
    outside: Pollhook, external: External
) -> None:
    await external.come()
    async with Database() as database:
        address = external.address.as_arguments()
        await database.connect(address, pool_size=2, idle_in_transaction_seconds=600)

        async def is_held_up() -> bool:
            waiting: int = await database.fetchval(WAITING)
            return waiting > 0

        with suppress(DatabaseUnavailable):
            async with database.transaction() as connection:
                await connection.execute("select pg_advisory_xact_lock($1)", LOCK_KEY)
                await outside.begin()
                await eventually(is_held_up, "the daemon waits for its turn to migrate")
                await external.go()
    await outside.program.line(event="database.waiting")
    await external.come()
    await outside.program.line(event="daemon.ready")


async def test_a_daemon_stops_cleanly_while_its_database_is_away(
    outside: Pollhook, external: External, receiver: Receiver
) -> None:
    await external.come()
    await outside.start()
    await outside.connect(receiver.callback())
    await external.go()
    await outside.program.line(event="database.away")
    assert await outside.stop() == 0
