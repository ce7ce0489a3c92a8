"""The registry: which elements there are, and how their connectors are opened."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from daemon.address_guard import AddressGuard
from daemon.connectors.connector import Connector
from daemon.connectors.maximizer.opening import open_maximizer
from daemon.metrics import Metrics
from daemon.outbound import Outbound
from daemon.settings import ConnectorsSettings
from daemon.store.credentials import Credentials


@asynccontextmanager
async def open_connectors(
    settings: ConnectorsSettings,
    outbound: Outbound,
    guard: AddressGuard,
    credentials: Credentials,
    metrics: Metrics,
) -> AsyncIterator[Mapping[str, Connector]]:
    """Every element's connector by the element's key; a further element is a further line."""
    shared = (outbound, guard, credentials, metrics)
    async with AsyncExitStack() as stack:
        connectors: list[Connector] = [
            await stack.enter_async_context(open_maximizer(settings.maximizer, *shared)),
        ]
        yield {connector.element.key: connector for connector in connectors}
