"""When each resource is polled next: due times in memory, written down many at a time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from daemon.errors import DatabaseUnavailable
from daemon.instance import InstanceId, ResourceId
from daemon.leases import Leases
from daemon.store.database import Database
from daemon.store.resources import PollOutcome, derive_instance_states, flush_polls

log = structlog.get_logger(__name__)

FLUSH_SECONDS = 1.0
FIRST_SHARE = 0.1
"""New and overdue resources start at random within this share of their interval."""


def first_due(
    stored: datetime | None, now: datetime, interval: timedelta, share: float
) -> datetime:
    """When to poll after a start; `share` is a random number from 0 to 1.

    A due time that was written down is kept if it is still to come and not beyond one interval.
    Where there is none, somebody waits for the poll: nobody waits for one that is overdue.
    """
    if stored is None:
        return now
    if now < stored:
        return min(stored, now + interval)
    return now + interval * FIRST_SHARE * share


def next_due(due: datetime, now: datetime, interval: timedelta) -> datetime:
    """The next beat of the same rhythm that is still to come; beats missed are not made up for."""
    if due + interval > now:
        return due + interval
    missed = (now - due) // interval
    return due + (missed + 1) * interval


def backoff(
    failures: int, first: timedelta, most: timedelta, random_number: Callable[[], float]
) -> timedelta:
    """The wait after so many failures in a row: doubling, capped, spread by a quarter."""
    doubled = first * 2 ** min(failures - 1, 20) if failures > 0 else first
    return min(doubled, most) * (0.75 + 0.5 * random_number())


class Schedule:
    """The outcomes of polls, kept until the next grouped write. A crash at worst polls early."""

    def __init__(self, database: Database, leases: Leases) -> None:
        self._database = database
        self._leases = leases
        self._outcomes: dict[ResourceId, PollOutcome] = {}
        self._turned: set[InstanceId] = set()

    def record(self, outcome: PollOutcome) -> None:
        """Remember how a poll went; the latest outcome of a resource takes in earlier ones."""
        earlier = self._outcomes.get(outcome.resource_id)
        self._outcomes[outcome.resource_id] = outcome.after(earlier)

    def states_changed(self, instance_id: InstanceId) -> None:
        """A resource of this instance began to fail, failed anew or recovered."""
        self._turned.add(instance_id)

    def forget(self, instance_id: InstanceId) -> None:
        """Drop what belongs to a configuration that no longer holds."""
        self._outcomes = {
            key: outcome
            for key, outcome in self._outcomes.items()
            if outcome.instance_id != instance_id
        }

    async def run(self, stop: asyncio.Event) -> None:
        """Write what has gathered, about once a second and once more at the end."""
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_SECONDS):
                    await stop.wait()
            await self.flush()

    async def flush(self) -> None:
        """Write everything gathered so far; while the database is away it stays gathered."""
        outcomes, self._outcomes = self._outcomes, {}
        turned, self._turned = self._turned, set()
        try:
            if outcomes:
                await flush_polls(self._database, self._tokens(outcomes), list(outcomes.values()))
            if turned:
                await derive_instance_states(self._database, turned)
        except DatabaseUnavailable as error:
            since, self._outcomes = self._outcomes, outcomes
            for outcome in since.values():
                self.record(outcome)
            self._turned |= turned
            log.debug("schedule.flush_waits", reason=str(error))

    def _tokens(self, outcomes: dict[ResourceId, PollOutcome]) -> dict[InstanceId, int]:
        leases = {
            outcome.instance_id: self._leases.holds(outcome.instance_id)
            for outcome in outcomes.values()
        }
        return {key: lease.token for key, lease in leases.items() if lease is not None}
