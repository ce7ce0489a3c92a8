"""The renewal of tokens: once per generation, by one process at a time, stored before use."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog

from daemon.connectors.connector import Grant
from daemon.connectors.oauth2 import TOKEN_CALL_SECONDS
from daemon.errors import (
    CredentialsRefused,
    DatabaseUnavailable,
    ProviderError,
    ProviderUnavailable,
    TokenRejected,
)
from daemon.instance import InstanceId
from daemon.metrics import Metrics
from daemon.store.credentials import Credentials, StoredCredentials

log = structlog.get_logger(__name__)

LOCK = timedelta(seconds=TOKEN_CALL_SECONDS + 5)
"""How long a renewal belongs to one caller: longer than its call can take."""
LOOK_AGAIN_SECONDS = 0.25
LONGEST_WAIT = 4 * LOCK
"""After so long of others renewing without a result, something is wrong with all of us."""
UNTRIED_FOR = timedelta(seconds=5)
LONGEST_UNTRIED = timedelta(minutes=5)
"""A new token that is rejected at once is not replaced sooner, and each that follows upon one not
after twice as long at most this: it may have ended before its first call, but rather none is good.
"""


class Refresher(Protocol):
    """How the next tokens of an instance with this configuration are had."""

    async def refresh(self, configuration: Mapping[str, Any], refresh_token: str) -> Grant:
        """Raises CredentialsRefused, RequestRefused, ProviderUnavailable, RateLimited."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A grant and the generation it is stored as."""

    generation: int
    grant: Grant = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Untried:
    """The generation that no call was good with so far, and from when on it may be replaced."""

    generation: int
    patience: timedelta
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Whose tokens they are. `configuration` has the client's secrets."""

    instance_id: InstanceId
    configuration: Mapping[str, Any] = field(repr=False)


class Renewals:
    """The renewals under way, one per instance.

    Callers of this process share a task, other processes are kept out by the lock column. A task
    outlives callers that are cancelled, for the pair it fetches may be the only valid one.
    """

    def __init__(
        self,
        credentials: Credentials,
        refresher: Refresher,
        now: Callable[[], datetime],
        metrics: Metrics,
    ) -> None:
        self._credentials = credentials
        self._refresher = refresher
        self._now = now
        self._metrics = metrics
        self._tasks: dict[InstanceId, asyncio.Task[Held]] = {}
        self._unstored: dict[InstanceId, Held] = {}
        self._untried: dict[InstanceId, _Untried] = {}
        self._closing = asyncio.Event()

    async def close(self) -> None:
        """Wait for the renewals under way, and store what could not be stored before."""
        self._closing.set()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        for instance_id in list(self._unstored):
            try:
                await self._store(instance_id)
            except DatabaseUnavailable as error:
                log.error("credentials.not_stored", instance=instance_id, reason=str(error))

    async def load(self, holder: Holder) -> Held:
        """What is stored. Raises CredentialsRefused if that is nothing."""
        if holder.instance_id in self._unstored and holder.instance_id not in self._tasks:
            await self._store(holder.instance_id)
        stored = await self._credentials.load(holder.instance_id)
        if stored.grant is None:
            raise await self.refuse(holder, "The instance holds no tokens")
        return Held(generation=stored.generation, grant=stored.grant)

    async def replace_rejected(self, holder: Holder, generation: int) -> Held:
        """Newer tokens than these, which the provider rejected.

        Raises TokenRejected if they are new and were never accepted, besides what `renew` raises.
        """
        untried = self._untried.get(holder.instance_id)
        if untried is None or untried.generation != generation or self._now() >= untried.until:
            return await self.renew(holder, generation)
        stored = await self._credentials.load(holder.instance_id)
        if stored.generation > generation:
            return _held(stored)
        raise TokenRejected("The provider rejects the access token that it has just issued")

    async def renew(self, holder: Holder, generation: int) -> Held:
        """Tokens of a newer generation than this one, fetched by whoever asks first.

        Raises CredentialsRefused, RequestRefused, RateLimited, ProviderUnavailable,
        DatabaseUnavailable.
        """
        task = self._tasks.get(holder.instance_id)
        if task is None:
            task = self._begin(holder, generation)
        held = await asyncio.shield(task)
        # The task may have been renewing an older generation than the one rejected since.
        return held if held.generation > generation else await self.renew(holder, generation)

    def accept(self, instance_id: InstanceId, generation: int) -> None:
        """A token of this generation was good for a call."""
        untried = self._untried.get(instance_id)
        if untried is not None and untried.generation == generation:
            del self._untried[instance_id]

    async def refuse(self, holder: Holder, reason: str) -> CredentialsRefused:
        """Note that only a person can help; answers the error to raise."""
        stored = await self._credentials.load(holder.instance_id)
        await self._credentials.refuse(holder.instance_id, stored.generation, reason)
        log.warning("credentials.refused", instance=holder.instance_id, reason=reason)
        return CredentialsRefused(f"{reason}. The instance needs to be authorized again")

    def _begin(self, holder: Holder, generation: int) -> asyncio.Task[Held]:
        def ended(task: asyncio.Task[Held]) -> None:
            del self._tasks[holder.instance_id]
            if not task.cancelled():
                task.exception()  # whoever waited for it has it; if nobody did, it is of no use

        name = f"renew tokens {holder.instance_id}"
        task = asyncio.create_task(self._renew(holder, generation), name=name)
        self._tasks[holder.instance_id] = task
        task.add_done_callback(ended)
        return task

    async def _renew(self, holder: Holder, generation: int) -> Held:
        if holder.instance_id in self._unstored:
            await self._store(holder.instance_id)
        stored, until = await self._take_turn(holder.instance_id, generation)
        if until is None:
            return _held(stored)
        refresh_token = stored.grant.refresh_token if stored.grant else None
        if not refresh_token:
            reason = "The access token is rejected and there is no refresh token"
            raise await self.refuse(holder, reason)
        try:
            grant = await self._refresher.refresh(holder.configuration, refresh_token)
        except CredentialsRefused as error:
            return await self._after_refusal(holder, generation, error)
        except ProviderError:
            self._count("failed")
            await self._credentials.unlock(holder.instance_id, until)
            raise
        self._count("renewed")
        self._unstored[holder.instance_id] = Held(generation=generation, grant=grant)
        return await self._store(holder.instance_id)

    async def _take_turn(
        self, instance_id: InstanceId, generation: int
    ) -> tuple[StoredCredentials, datetime | None]:
        """Wait until this caller may renew, and until when; None if others renewed meanwhile."""
        give_up_at = self._now() + LONGEST_WAIT
        while self._now() < give_up_at:
            stored = await self._credentials.load(instance_id)
            if stored.generation > generation:
                return stored, None
            until = await self._credentials.lock(instance_id, generation, LOCK)
            if until is not None:
                return stored, until
            await self._pause(min(LOOK_AGAIN_SECONDS, stored.locked.total_seconds() + 0.01))
        raise ProviderUnavailable("Other processes are renewing the tokens and do not finish")

    async def _after_refusal(
        self, holder: Holder, generation: int, error: CredentialsRefused
    ) -> Held:
        """Another process may have spent the same refresh token: then its result is ours."""
        stored = await self._credentials.load(holder.instance_id)
        if stored.generation > generation:
            return _held(stored)
        self._count("refused")
        words = f" ({error.provider_message})" if error.provider_message else ""
        refusal = await self.refuse(holder, f"{error}{words}")
        refusal.status, refusal.provider_message = error.status, error.provider_message
        raise refusal from error

    async def _store(self, instance_id: InstanceId) -> Held:
        """Store the pair just fetched; while that fails it is kept, and tried again later."""
        fetched = self._unstored[instance_id]
        generation = await self._credentials.store(instance_id, fetched.generation, fetched.grant)
        self._unstored.pop(instance_id, None)
        if generation is None:
            return _held(await self._credentials.load(instance_id))
        self._untried[instance_id] = self._not_tried(instance_id, generation)
        return Held(generation=generation, grant=fetched.grant)

    def _not_tried(self, instance_id: InstanceId, generation: int) -> _Untried:
        before = self._untried.get(instance_id)
        patience = min(2 * before.patience, LONGEST_UNTRIED) if before else UNTRIED_FOR
        return _Untried(generation=generation, patience=patience, until=self._now() + patience)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._closing.wait()
        except TimeoutError:
            return
        raise ProviderUnavailable("The daemon is stopping")

    def _count(self, outcome: str) -> None:
        self._metrics.oauth_refreshes.labels(outcome=outcome).inc()


def _held(stored: StoredCredentials) -> Held:
    if stored.grant is None:
        raise CredentialsRefused("The instance holds no tokens")
    return Held(generation=stored.generation, grant=stored.grant)
