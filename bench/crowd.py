"""The crowd: a database with very many instances and events, as years of use leave them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime

from bench.instances import create_instances
from bench.product import Home, run_product
from bench.queries import load_queries
from bench.scene import Scene
from daemon.polling.history import SPANS, History, Tick
from daemon.store.database import Database
from daemon.store.embedded import EmbeddedPostgres
from daemon.store.encryption import Keyring, open_keyring
from daemon.store.instance_secrets import seal_column

QUERIES = load_queries("crowd")
SIDE = "page"
SECRET = "whsec_c2VjcmV0IG9mIHRoZSBiZW5jaG1hcmtz"
A_DAY = 86_400.0
STEP = 50_000
"""A statement may last a minute."""

POLL_SECONDS = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """What can be looked for in it."""

    event_id: str
    object_key: str
    told_at: datetime

    @property
    def local_time(self) -> str:
        """The instant it was told, as the page's filter wants it."""
        return self.told_at.astimezone().strftime("%Y-%m-%dT%H:%M")


async def make_crowd(scene: Scene, home: Home) -> Samples:
    """One instance is made through the API; all others are copies of its rows."""
    await _make_first(scene, home)
    async with EmbeddedPostgres(home.data) as address:
        database = await Database.open(address.as_arguments(), pool_size=1)
        async with database:
            await database.execute(
                QUERIES["add_instances"], scene.plan.instances - 1, _history().packed()
            )
            await _seal_secrets(database, open_keyring(home.data / "keys"))
            return await _fill(database, scene.plan.page_events)


async def _make_first(scene: Scene, home: Home) -> None:
    await scene.provider.ask("open", side=SIDE, lanes=1, objects=1)
    async with run_product(home) as product:
        await create_instances(
            product,
            side=SIDE,
            lanes=1,
            callback_url=scene.callback_url,
            interval_seconds=A_DAY,
        )


async def _seal_secrets(database: Database, keyring: Keyring) -> None:
    """What is sealed opens for its own instance only: those that wait to send need theirs."""
    for row in await database.fetch(QUERIES["list_failing"]):
        sealed = seal_column(keyring, "webhook_secret", row["instance_id"], [SECRET])
        await database.execute(QUERIES["set_secret"], row["instance_id"], sealed)


async def _fill(database: Database, count: int) -> Samples:
    for begin in range(1, count + 1, STEP):
        await database.execute(QUERIES["add_events"], begin, min(begin + STEP - 1, count), count)
    await database.execute(QUERIES["number_on"], count)
    await database.execute(QUERIES["tidy"])
    row = await database.fetchrow(QUERIES["find_samples"])
    if row is None:
        raise AssertionError("the first instance has events")
    return Samples(**row)


def _history() -> History:
    """That of a resource which was polled every quarter of an hour for a week."""
    now, history = int(time.time()), History()
    for at in range(now - SPANS["week"], now, POLL_SECONDS):
        history = history.noted(
            Tick(at=at, changed=at // POLL_SECONDS % 7, pages=1, milliseconds=240)
        )
    return history
