"""The retry: what an answer means, whether there is a next attempt, and when."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Self

RETRY_AFTER_AT_MOST_SECONDS = 86_400.0

ATTEMPTS_AT_MOST = 100
WAIT_AT_MOST_SECONDS = 2_592_000


class Blame(StrEnum):
    """Whose trouble an attempt's outcome is.

    NOBODY: accepted. NOTIFICATION: the endpoint works and refuses this body. ENDPOINT: it may well
    be the endpoint's own. GONE: the endpoint asks to be left alone for good. UNKNOWN: nobody waited
    for the end.
    """

    NOBODY = "nobody"
    NOTIFICATION = "notification"
    ENDPOINT = "endpoint"
    GONE = "gone"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """`schedule_seconds` are the waits before each attempt, the first one's included.

    `jitter` is the fraction by which a wait is made longer or shorter at random. An endpoint that
    has been failing for `disable_after` is disabled.
    """

    schedule_seconds: Sequence[float]
    jitter: float
    disable_after: timedelta

    def following(self, schedule_seconds: Sequence[float] | None) -> Self:
        """The same with another schedule, if there is one."""
        if schedule_seconds is None:
            return self
        return replace(self, schedule_seconds=schedule_seconds)

    def wait_seconds(self, number: int, chance: float) -> float | None:
        """The wait before attempt `number` (from 1), None if there is no such attempt."""
        if number > len(self.schedule_seconds):
            return None
        return self._jittered(self.schedule_seconds[number - 1], chance)

    def probe_seconds(self, failures: int, chance: float) -> float:
        """The wait before the next probe after so many failed ones: from the second wait on."""
        position = min(failures + 1, len(self.schedule_seconds) - 1)
        return self._jittered(self.schedule_seconds[position], chance)

    def _jittered(self, seconds: float, chance: float) -> float:
        return seconds * (1 + self.jitter * (2 * chance - 1))


def read_schedule(waits: object) -> list[float]:
    """The waits before each attempt as a person gives them. Raises ValueError with the reason."""
    if not isinstance(waits, list) or not 1 <= len(waits) <= ATTEMPTS_AT_MOST:
        raise ValueError(f"has to be a list of 1 to {ATTEMPTS_AT_MOST} waits in seconds")
    for position, wait in enumerate(waits, 1):
        is_number = isinstance(wait, int | float) and not isinstance(wait, bool)
        if not is_number or not 0 <= wait <= WAIT_AT_MOST_SECONDS:
            raise ValueError(
                f"has a wait {position} that is no number of seconds from 0 to"
                f" {WAIT_AT_MOST_SECONDS}"
            )
    return waits


REFUSALS_OF_A_BODY = frozenset({400, 413, 422})
"""What a receiver answers that cannot take this very body: one event of several may be to blame."""

_STATUSES_OF_THE_ENDPOINT = frozenset({401, 403, 404, 408, 425, 429})


def blame_for_status(status: int) -> Blame:
    """Classify an HTTP status. Redirects are not followed, so they are the endpoint's trouble."""
    if 200 <= status < 300:
        return Blame.NOBODY
    if status == 410:
        return Blame.GONE
    if 400 <= status < 500 and status not in _STATUSES_OF_THE_ENDPOINT:
        return Blame.NOTIFICATION
    return Blame.ENDPOINT


def retry_after_seconds(header: str | None, now: datetime) -> float:
    """What a `Retry-After` asks for, in seconds or as an HTTP date; 0 if nothing intelligible."""
    if header is None:
        return 0.0
    seconds = _seconds(header.strip(), now)
    return min(max(seconds, 0.0), RETRY_AFTER_AT_MOST_SECONDS)


def next_due_at(
    policy: RetryPolicy, attempts: int, retry_after: float, now: datetime, chance: float
) -> datetime | None:
    """When to try again after `attempts` spent ones; None when they were the last."""
    wait = policy.wait_seconds(attempts + 1, chance)
    if wait is None:
        return None
    return now + timedelta(seconds=max(wait, retry_after))


def _seconds(text: str, now: datetime) -> float:
    try:
        seconds = float(text)
    except ValueError:
        return _seconds_until(text, now)
    return seconds if math.isfinite(seconds) else 0.0


def _seconds_until(text: str, now: datetime) -> float:
    try:
        instant = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0.0
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    return (instant - now).total_seconds()
