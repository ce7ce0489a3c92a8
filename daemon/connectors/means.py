"""The means: what every element's connector is opened with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from daemon.address_guard import AddressGuard
from daemon.metrics import Metrics
from daemon.outbound import Outbound
from daemon.store.credentials import Credentials


def utc_now() -> datetime:
    """Our clock: good for durations and the ends of tokens, never for marks."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorMeans:
    """The door out with its guard, the stored tokens, the counters and the clock."""

    outbound: Outbound
    guard: AddressGuard
    credentials: Credentials
    metrics: Metrics
    now: Callable[[], datetime] = utc_now
