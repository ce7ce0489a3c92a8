"""The means of delivery: everything the dispatcher is given from outside."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from daemon.delivery.endpoint import EndpointConfiguration
from daemon.delivery.retry import RetryPolicy
from daemon.instance import InstanceId
from daemon.leases import Leases
from daemon.metrics import Metrics
from daemon.outbound import Outbound
from daemon.settings import DeliverySettings
from daemon.store.database import Database

EndpointSource = Callable[[InstanceId], Awaitable[EndpointConfiguration | None]]
"""Where an instance wants to be called; None, NotFound or InstanceDisabled while nothing may be
sent for it (it is disabled, has been deleted, or asks for no notifications)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryMeans:
    """`grace_seconds` is how long a stop waits for attempts under way. `now` and `chance` (0 to 1)
    are the clock and the dice.
    """

    database: Database
    outbound: Outbound
    leases: Leases
    endpoint_source: EndpointSource
    settings: DeliverySettings
    metrics: Metrics
    grace_seconds: float = 30.0
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    chance: Callable[[], float] = random.random

    def policy(self) -> RetryPolicy:
        """When failed attempts are repeated, and when an endpoint is given up."""
        return RetryPolicy(
            schedule_seconds=self.settings.retry_schedule_seconds,
            jitter=self.settings.retry_jitter,
            disable_after=timedelta(days=self.settings.disable_after_days),
        )
