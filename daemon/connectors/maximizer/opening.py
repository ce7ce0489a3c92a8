"""Opening the Maximizer connector: its parts made and wired."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from daemon.connectors.budget import Budgets
from daemon.connectors.maximizer.addresses import Addresses
from daemon.connectors.maximizer.authorization import MaximizerAuthorization
from daemon.connectors.maximizer.connector import MaximizerConnector, MaximizerParts
from daemon.connectors.maximizer.octopus import Octopus
from daemon.connectors.means import ConnectorMeans
from daemon.connectors.oauth2 import OAuth2
from daemon.connectors.rate_windows import parse_rate_limit
from daemon.connectors.tokens import TokenKeeper
from daemon.settings import MaximizerSettings


@asynccontextmanager
async def open_maximizer(
    settings: MaximizerSettings, means: ConnectorMeans
) -> AsyncIterator[MaximizerConnector]:
    """The connector; leaving it waits for token renewals under way."""
    addresses = Addresses(settings)
    oauth2 = OAuth2(means.outbound, means.now)
    authorization = MaximizerAuthorization(addresses, oauth2, means.guard)
    budgets = Budgets(parse_rate_limit(settings.rate_limit))
    means.metrics.rate_budget_remaining.set_function(lambda: budgets.least_remaining)
    async with TokenKeeper(means.credentials, authorization, means.now, means.metrics) as keeper:
        yield MaximizerConnector(
            MaximizerParts(
                addresses=addresses,
                authorization=authorization,
                octopus=Octopus(means.outbound, means.now, means.metrics),
                budgets=budgets,
                tokens=keeper.tokens,
                now=means.now,
            )
        )
