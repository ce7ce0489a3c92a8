"""Fixtures of the tests of polling."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest_asyncio

from daemon.delivery.ready import ReadyNotification
from daemon.instance import InstanceId
from daemon.leases import Leases
from daemon.metrics import Metrics
from daemon.polling.means import PollingMeans
from daemon.polling.schedule import Schedule
from daemon.settings import DeliverySettings, PollingSettings
from daemon.store.database import Database
from daemon.store.resources import list_targets
from tests.polling.bench import Bench
from tests.polling.model import Traits, World
from tests.store.factories import make_instance, make_resource


@pytest_asyncio.fixture
async def bench(database: Database) -> AsyncIterator[Bench]:
    instance_id = await make_instance(database)
    await make_resource(database, instance_id)
    leases = Leases(database, seconds=10, renew_seconds=3, alone=True)
    await leases.run_once()
    [target] = await list_targets(database, [instance_id])
    woken: list[ReadyNotification] = []

    def wake(_: InstanceId, ready: Sequence[ReadyNotification]) -> None:
        woken.extend(ready)

    means = PollingMeans(
        database=database,
        leases=leases,
        connectors={},
        accounts=_no_account,
        schedule=Schedule(database, leases),
        wake=wake,
        settings=PollingSettings(),
        delivery=DeliverySettings(),
        metrics=Metrics(version="0"),
    )
    world = World(1, Traits(kills=0, edits_between_pages=False))
    for _ in range(6):
        world.edit()
        world.pass_time(30)
    yield Bench(database, leases, target, world, means, woken)


async def _no_account(_: InstanceId) -> Any:
    raise AssertionError("the model has no account")
