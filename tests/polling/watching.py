"""One resource of the CRM stand-in, watched by the real connector into a real database.

The clock of the stand-in stands still unless a test moves it; ours follows it, plus `our_error`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from daemon.connectors.connector import Account
from daemon.instance import InstanceId, PollTarget
from daemon.leases import Leases
from daemon.metrics import Metrics
from daemon.polling.means import PollingMeans
from daemon.polling.schedule import Schedule
from daemon.polling.source import Tally
from daemon.polling.watch import Watch, open_watch
from daemon.sandbox import crm as crm_app
from daemon.sandbox.clock import Clock
from daemon.sandbox.service import Options
from daemon.settings import DeliverySettings, PollingSettings
from daemon.store.database import Database
from daemon.store.resources import list_targets
from tests.connectors.maximizer.stage import Stage, stage
from tests.sandbox.clients import Crm
from tests.store.factories import make_instance, make_resource

NOON = datetime(2026, 6, 1, 12, 0, 0, tzinfo=UTC)
MOST_STEPS = 200


@dataclass(kw_only=True)
class Watching:
    """A resource and everything that polls it, as one process would."""

    crm: Crm
    clock: Clock
    stage: Stage
    database: Database
    target: PollTarget
    leases: Leases
    our_error: timedelta = timedelta(0)
    watch: Watch | None = None
    _told: int = field(default=0)

    def now(self) -> datetime:
        return self.clock.now() + self.our_error

    @property
    def means(self) -> PollingMeans:
        return PollingMeans(
            database=self.database,
            leases=self.leases,
            connectors={"maximizer": self.stage.connector},
            accounts=self._account,
            schedule=Schedule(self.database, self.leases),
            wake=lambda *_: None,
            settings=PollingSettings(),
            delivery=DeliverySettings(),
            metrics=Metrics(version="0"),
            now=self.now,
        )

    async def _account(self, instance_id: InstanceId) -> Account:
        return Account(instance_id=instance_id, configuration=self.stage.configuration)

    async def opened(self) -> Watch:
        """The watch, opened as the cadence does."""
        if self.watch is None or self.watch.is_outdated:
            self.watch = await open_watch(self.means, self.target)
        return self.watch

    def forget(self) -> None:
        """The process ends; the next one begins with what was committed."""
        self.watch = None

    async def poll(self, after_seconds: float = 5) -> Tally:
        """One poll, after the stand-in's clock has moved on."""
        self.clock.advance(after_seconds)
        watch = await self.opened()
        watch.journal.polled_at = self.now()
        return await watch.poll()

    async def slow_work(self) -> None:
        """Everything that slow passes have to do now."""
        watch = await self.opened()
        for _ in range(MOST_STEPS):
            due = watch.slow_work.next_due_at()
            if due is None or due > self.now():
                return
            await watch.slow_work.step()
        raise AssertionError("slow work does not come to an end")

    async def told(self) -> list[tuple[str, str]]:
        """The events since this was last asked: type and object's key, in their order."""
        rows = await self.database.fetch(
            "select sequence, type, object_key from events where resource_id = $1"
            " and sequence > $2 order by sequence",
            self.target.resource_id,
            self._told,
        )
        self._told = max((row["sequence"] for row in rows), default=self._told)
        return [(row["type"], row["object_key"]) for row in rows]

    async def requests(self) -> list[Mapping[str, Any]]:
        return await self.crm.requests()


@asynccontextmanager
async def watching(
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    resource: str,
    *,
    at: datetime = NOON,
    switches: Mapping[str, Any] | None = None,
    zone: str | None = None,
    **polling: Any,
) -> AsyncIterator[Watching]:
    """A resource of an empty stand-in; `polling` is its entry, `zone` `event.poller.timezone`."""
    clock = Clock(frozen_at=at)
    monkeypatch.setattr("daemon.connectors.maximizer.opening._now", clock.now)
    app = crm_app.create_app(
        Options(seed=None, faults={"rate_limit_calls": 0, **(switches or {})}), clock
    )
    async with TestClient(TestServer(app)) as http:
        crm = Crm(http)
        token = {"maximizer.personal.access.token": crm.service.personal_access_token}
        async with stage(crm, token, database=database) as opened:
            given = {} if zone is None else {"event.poller.timezone": zone}
            instance_id = await make_instance(database, **given)
            await make_resource(database, instance_id, resource, **polling)
            leases = Leases(database, seconds=3600, renew_seconds=3, alone=True)
            await leases.run_once()
            [target] = await list_targets(database, [instance_id])
            yield Watching(
                crm=crm,
                clock=clock,
                stage=replace(opened, instance_id=instance_id),
                database=database,
                target=target,
                leases=leases,
            )
