"""The daemon's own parts, polling a CRM stand-in, behind an admin server that tests can call."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aiohttp.test_utils import TestClient, TestServer

from daemon.admin.server import create_application
from daemon.composition import Parts, assemble
from daemon.instance import InstanceId
from daemon.settings import Settings
from daemon.store.embedded import ServerAddress
from tests.admin.api import Api, platform
from tests.admin.maximizer import addresses_of
from tests.sandbox.clients import Crm

PATIENCE_SECONDS = 30.0


@dataclass(frozen=True)
class Running:
    """What runs, and a caller of it."""

    parts: Parts
    api: Api
    crm: Crm

    async def create(self, **configuration: Any) -> str:
        """The address of a new instance that polls as configured."""
        reply = await self.api.call("POST", "/instances", body_of_running(self.crm, configuration))
        assert reply.status == 200, reply.text
        return f"/instances/{reply.json['id']}"

    async def poll(self, path: str, resource: str = "contacts") -> dict[str, Any]:
        """Poll now; the resource's state afterwards."""
        reply = await self.api.call("POST", f"{path}/resources/{resource}/poll")
        assert reply.status == 200, reply.text
        state: dict[str, Any] = reply.json
        assert state["lastError"] is None
        return state

    async def told(self) -> list[tuple[str, str]]:
        """The types and keys of all events, in order."""
        rows = await self.parts.foundation.database.fetch(
            "select type, object_key from events order by resource_id, sequence"
        )
        return [(row["type"], row["object_key"]) for row in rows]
