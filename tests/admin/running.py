"""The daemon's own parts, polling a CRM stand-in, behind an admin server that tests can call."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp.test_utils import TestClient, TestServer

from daemon.admin.context import AdminContext
from daemon.admin.server import create_application
from daemon.composition import assemble
from daemon.settings import Settings
from daemon.store.embedded import ServerAddress
from tests.admin.api import Api, platform
from tests.admin.maximizer import addresses_of, body_with_token
from tests.sandbox.clients import Crm

PATIENCE_SECONDS = 30.0
PEOPLE = "addressbook-entries"


@dataclass(frozen=True)
class Running:
    """What runs, and a caller of it. Instances poll only when they are told to."""

    context: AdminContext
    api: Api
    crm: Crm

    async def create(self, polled: dict[str, Any]) -> str:
        """The address of a new instance that polls these resources."""
        body = body_with_token(
            self.crm,
            **{"event.poller.configuration": polled, "event.poller.refresh_interval": 600},
        )
        reply = await self.api.call("POST", "/instances", body)
        assert reply.status == 200, reply.text
        return f"/instances/{reply.json['id']}"

    async def alter(self, path: str, polled: dict[str, Any], decision: str | None = None) -> None:
        """Poll other resources, or these in another way."""
        body = {"configuration": {"event.poller.configuration": polled}, "onFilterChange": decision}
        reply = await self.api.call("PATCH", path, body)
        assert reply.status == 200, reply.text

    async def order(self, path: str, call: str, body: Any = None) -> dict[str, Any]:
        """Make a call about the people of an instance; their state afterwards."""
        method, _, name = call.partition(" ")
        reply = await self.api.call(method, f"{path}/resources/{PEOPLE}/{name}", body)
        assert reply.status == 200, reply.text
        state: dict[str, Any] = reply.json
        assert state["lastError"] is None
        return state

    async def told(self) -> list[tuple[str, str]]:
        """The types and objects of all events, in order."""
        rows = await self.context.database.fetch(
            "select type, object_key from events order by resource_id, sequence"
        )
        return [(row["type"], row["object_key"]) for row in rows]


@asynccontextmanager
async def running(address: ServerAddress, crm: Crm, data_dir: Path) -> AsyncIterator[Running]:
    """Everything but the loops of the daemon, so that nothing happens by itself."""
    settings = Settings.model_validate({"data_dir": data_dir, "connectors": addresses_of(crm)})
    async with assemble(settings) as parts, parts.foundation.database as database:
        await database.connect(address.as_arguments(), pool_size=5)
        await parts.foundation.leases.run_once()
        context = parts.admin
        credentials = await context.accounts.add_user("anna", "ours")
        async with TestClient(TestServer(create_application(context))) as client:
            api = Api(client=client, authorization=platform(credentials))
            yield Running(context=context, api=api, crm=crm)
        await parts.supervisor.drain(PATIENCE_SECONDS)
