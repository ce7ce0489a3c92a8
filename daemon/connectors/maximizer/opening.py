"""Opening the Maximizer connector: its parts made and wired."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from daemon.address_guard import AddressGuard
from daemon.connectors.budget import Budgets
from daemon.connectors.maximizer.addresses import Addresses
from daemon.connectors.maximizer.authorization import MaximizerAuthorization
from daemon.connectors.maximizer.connector import MaximizerConnector, MaximizerParts
from daemon.connectors.maximizer.discovery import Discovery
from daemon.connectors.maximizer.octopus import Octopus
from daemon.connectors.oauth2 import OAuth2
from daemon.connectors.rate_windows import parse_rate_limit
from daemon.connectors.tokens import TokenKeeper
from daemon.metrics import Metrics
from daemon.outbound import Outbound
from daemon.settings import MaximizerSettings
from daemon.store.credentials import Credentials


@asynccontextmanager
async def open_maximizer(
    settings: MaximizerSettings,
    outbound: Outbound,
    guard: AddressGuard,
    credentials: Credentials,
    metrics: Metrics,
) -> AsyncIterator[MaximizerConnector]:
    """The connector; leaving it waits for token renewals under way."""
    addresses = Addresses(settings)
    oauth2 = OAuth2(outbound, _now)
    authorization = MaximizerAuthorization(addresses, oauth2, guard)
    budgets = Budgets(parse_rate_limit(settings.rate_limit))
    metrics.rate_budget_remaining.set_function(lambda: budgets.least_remaining)
    async with TokenKeeper(credentials, authorization, _now, metrics) as keeper:
        yield MaximizerConnector(
            MaximizerParts(
                addresses=addresses,
                authorization=authorization,
                discovery=Discovery(outbound, addresses),
                octopus=Octopus(outbound, _now, metrics),
                budgets=budgets,
                tokens=keeper.tokens,
                now=_now,
            )
        )


def _now() -> datetime:
    """Our clock: good for durations and the ends of tokens, never for marks."""
    return datetime.now(UTC)
