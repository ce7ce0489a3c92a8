"""The means of polling: everything the polling tasks are given from outside."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from daemon.connectors.connector import Account, Connector
from daemon.delivery.ready import ReadyNotification
from daemon.instance import InstanceId
from daemon.leases import Leases
from daemon.metrics import Metrics
from daemon.polling.schedule import Schedule
from daemon.settings import DeliverySettings, PollingSettings
from daemon.store.database import Database

Wake = Callable[[InstanceId, Sequence[ReadyNotification]], None]
"""Tells delivery what was committed; an empty sequence means: look for yourself."""

LOADS_AT_ONCE = 3
"""Of the pool's connections: a start with very many resources leaves some for everybody else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PollingMeans:
    """`accounts` answers an instance's configuration with its secrets, new after each change.

    `on_needs_reauth` is called when a provider has refused an instance's credentials. Inside
    `loading` a task reads what it resumes from.
    """

    database: Database
    leases: Leases
    connectors: Mapping[str, Connector]
    accounts: Callable[[InstanceId], Awaitable[Account]]
    schedule: Schedule
    wake: Wake
    settings: PollingSettings
    delivery: DeliverySettings
    metrics: Metrics
    on_needs_reauth: Callable[[], None] = lambda: None
    loading: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(LOADS_AT_ONCE))
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
