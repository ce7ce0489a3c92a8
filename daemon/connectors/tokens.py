"""The token keeper: gives each account its access token, fresh, and hides how it is renewed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol, Self
from weakref import WeakKeyDictionary

import structlog

from daemon.connectors.connector import Account, Tokens
from daemon.connectors.token_renewal import Held, Holder, Refresher, Renewals
from daemon.errors import ProviderUnavailable, RateLimited
from daemon.metrics import Metrics
from daemon.store.credentials import Credentials

log = structlog.get_logger(__name__)

RETRY_UNASKED = timedelta(seconds=30)
"""After a renewal ahead of time has failed, the token is used as it is for so long."""


class Authorization(Refresher, Protocol):
    """How an element's tokens are had."""

    def fixed_token(self, configuration: Mapping[str, Any]) -> str | None:
        """The token that a person put into the configuration, if any: it is never renewed."""


class TokenKeeper:
    """The tokens of one element's instances. Leaving it waits for renewals under way."""

    def __init__(
        self,
        credentials: Credentials,
        authorization: Authorization,
        now: Callable[[], datetime],
        metrics: Metrics,
    ) -> None:
        self._authorization = authorization
        self._now = now
        self._renewals = Renewals(credentials, authorization, now, metrics)
        # Values must not refer to their keys, or they would never go.
        self._tokens: WeakKeyDictionary[Account, Tokens] = WeakKeyDictionary()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._renewals.close()

    def tokens(self, account: Account) -> Tokens:
        """What calls for this account take their token from, for as long as it lives."""
        tokens = self._tokens.get(account)
        if tokens is None:
            tokens = self._tokens[account] = self._open(account)
        return tokens

    def _open(self, account: Account) -> Tokens:
        holder = Holder(instance_id=account.instance_id, configuration=account.configuration)
        fixed = self._authorization.fixed_token(account.configuration)
        if fixed is not None:
            return FixedTokens(self._renewals, holder, fixed)
        return RenewedTokens(self._renewals, holder, self._now)


class FixedTokens:
    """One token for ever: once it is rejected, only a person can help."""

    def __init__(self, renewals: Renewals, holder: Holder, token: str) -> None:
        self._renewals = renewals
        self._holder = holder
        self._token = token

    async def current(self) -> tuple[str, int]:
        return self._token, 0

    async def renew(self, _generation: int, /) -> tuple[str, int]:
        reason = "The provider rejects the access token of the configuration"
        raise await self._renewals.refuse(self._holder, reason)

    def accept(self, _generation: int, /) -> None:
        return None


class RenewedTokens:
    """Tokens that end: renewed when they are about to, or when the provider rejects one."""

    def __init__(self, renewals: Renewals, holder: Holder, now: Callable[[], datetime]) -> None:
        self._renewals = renewals
        self._holder = holder
        self._now = now
        self._held: Held | None = None
        self._not_before: datetime | None = None

    async def current(self) -> tuple[str, int]:
        held = self._held or await self._renewals.load(self._holder)
        self._held = await self._renew_unasked(held) if self._is_due(held) else held
        return self._held.grant.access_token, self._held.generation

    async def renew(self, generation: int, /) -> tuple[str, int]:
        if self._held is None or self._held.generation <= generation:
            self._held = await self._renewals.replace_rejected(self._holder, generation)
        return self._held.grant.access_token, self._held.generation

    def accept(self, generation: int, /) -> None:
        self._renewals.accept(self._holder.instance_id, generation)

    def _is_due(self, held: Held) -> bool:
        now = self._now()
        if self._not_before is not None and now < self._not_before:
            return False
        return held.grant.refresh_at is not None and held.grant.refresh_at <= now

    async def _renew_unasked(self, held: Held) -> Held:
        """New tokens, or the old ones a while longer if the provider has none now."""
        if held.grant.refresh_token is None:
            return held
        try:
            return await self._renewals.renew(self._holder, held.generation)
        except (ProviderUnavailable, RateLimited) as error:
            self._not_before = self._now() + RETRY_UNASKED
            log.info(
                "credentials.renewal_postponed",
                instance=self._holder.instance_id,
                reason=str(error),
            )
            return held
