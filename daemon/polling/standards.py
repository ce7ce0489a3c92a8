"""PURE: the noun PollingStandards: what holds where a polling configuration says nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, timedelta, tzinfo


@dataclass(frozen=True, slots=True, kw_only=True)
class PollingStandards:
    """What holds where an entry says nothing, and the bounds of what it may say. From the settings;
    `zone` from the instance where it names one."""

    zone: tzinfo = UTC
    page_size: int = 100
    largest_page_size: int = 1000
    created_check_tolerance: timedelta = timedelta(seconds=10)
    overlap_seconds: float = 120
    settle_lag_seconds: float = 0
    reconcile_interval: timedelta = timedelta(minutes=60)
    reconcile_window: timedelta = timedelta(hours=48)
    sweep_interval: timedelta = timedelta(minutes=360)
    sweep_max_fraction: float = 0.05
    least_interval: timedelta = timedelta(seconds=1)
