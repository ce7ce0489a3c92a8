from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from daemon.address_guard import AddressGuard
from daemon.connectors.connector import Account, Connector, Page, Query, Record
from daemon.connectors.registry import open_connectors
from daemon.instance import InstanceId
from daemon.metrics import Metrics
from daemon.outbound import Outbound
from daemon.settings import ConnectorsSettings, MaximizerSettings
from daemon.store.credentials import Credentials
from daemon.store.database import Database
from daemon.store.encryption import Keyring
from tests.sandbox.clients import Crm

KEYRING = Keyring([bytes(32)])


@dataclass(kw_only=True)
class Stage:
    """The connector in front of a provider that listens on loopback."""

    connector: Connector
    base: str
    metrics: Metrics
    configuration: Mapping[str, Any]
    instance_id: int = 1

    @property
    def account(self) -> Account:
        return Account(instance_id=InstanceId(self.instance_id), configuration=self.configuration)

    async def read(self, resource: str = "contacts", **query: Any) -> Page:
        return await self.connector.read(self.account, Query(resource=resource, **query))

    async def records(self, resource: str = "contacts", **query: Any) -> list[Record]:
        return list((await self.read(resource, **query)).records)

    async def walk(self, resource: str = "contacts", **query: Any) -> list[Page]:
        """Every page by its key, as the reads of one window go."""
        pages = [await self.read(resource, **query)]
        while pages[-1].next_key is not None:
            pages.append(await self.read(resource, page_key=pages[-1].next_key, **query))
        return pages

    def requests(self, status: str) -> float:
        labels = {"element": "maximizer", "status": status}
        value = self.metrics.registry.get_sample_value("pollhook_provider_requests_total", labels)
        return value or 0


@asynccontextmanager
async def stage(
    crm: Crm,
    configuration: Mapping[str, Any],
    *,
    rate_limit: str = "10000/1s",
    api_path: str = "/octopus",
    database: Database | None = None,
) -> AsyncIterator[Stage]:
    base = str(crm.http.make_url("")).rstrip("/")
    settings = MaximizerSettings(
        authorize_url=f"{base}/OAuth2/{{alias}}/Authorize",
        token_url=f"{base}/oauth2/{{alias}}/token",
        api_url=f"{base}{api_path}",
        rate_limit=rate_limit,
    )
    guard, metrics = AddressGuard(), Metrics(version="0")
    credentials = Credentials(database or Database(), KEYRING)
    async with (
        Outbound(guard) as outbound,
        open_connectors(
            ConnectorsSettings(maximizer=settings), outbound, guard, credentials, metrics
        ) as connectors,
    ):
        yield Stage(
            connector=connectors["maximizer"],
            base=base,
            metrics=metrics,
            configuration=configuration,
        )
