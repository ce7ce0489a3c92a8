"""OAuth2 as connectors use it: the address of consent, the code exchange and the refresh."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import orjson

from daemon.connectors.connector import Grant
from daemon.delivery.retry import retry_after_seconds
from daemon.errors import (
    AddressRefused,
    CredentialsRefused,
    InvalidInput,
    MalformedAnswer,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
    RequestRefused,
)
from daemon.logs import MASK, excerpt
from daemon.outbound import Answer, Outbound, OutboundError, OutboundFailure

TOKEN_CALL_SECONDS = 10.0
"""Deadline of a call for tokens; whatever guards against a second one has to outlive it."""
LARGEST_ANSWER_BYTES = 65_536
REFRESH_SHARE = 0.8
"""Part of a token's life after which it is renewed unasked."""
SHORTEST_SECRET = 4
"""Anything shorter would be found in every text."""
PASSING_ERRORS = frozenset({"temporarily_unavailable", "server_error", "slow_down"})
"""OAuth error codes (RFC 6749 and 8628) that say nothing against the credentials."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthClient:
    """Who asks for tokens. The redirect address is sent with every call, as Maximizer wants it."""

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An address of a provider. `guarded` if an instance, not the configuration, named its host."""

    url: str
    guarded: bool


def authorize_url(address: str, client_id: str, redirect_uri: str, state: str) -> str:
    """Where a person is sent for consent; the order of the parameters is the original's."""
    query = urlencode(
        {
            "scope": "data",
            "response_type": "code",
            "redirect_uri": redirect_uri,
            "state": state,
            "client_id": client_id,
        },
        quote_via=quote,
        safe="",
    )
    return f"{address}{'&' if '?' in address else '?'}{query}"


class OAuth2:
    """Calls for tokens: credentials go into the form, never into a header."""

    def __init__(self, outbound: Outbound, now: Callable[[], datetime]) -> None:
        self._outbound = outbound
        self._now = now

    async def exchange(self, endpoint: Endpoint, client: OAuthClient, code: str) -> Grant:
        """The tokens for a grant code. Raises what `refresh` raises."""
        return await self._ask(endpoint, {"grant_type": "authorization_code", "code": code}, client)

    async def refresh(self, endpoint: Endpoint, client: OAuthClient, refresh_token: str) -> Grant:
        """The next tokens; the refresh token stays as it is where the answer names none.

        Raises CredentialsRefused, RequestRefused, RateLimited, ProviderUnavailable.
        """
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        grant = await self._ask(endpoint, form, client)
        return grant if grant.refresh_token else replace(grant, refresh_token=refresh_token)

    async def _ask(self, endpoint: Endpoint, form: Mapping[str, str], client: OAuthClient) -> Grant:
        fields = {
            **form,
            "client_id": client.client_id,
            "client_secret": client.client_secret,
            "redirect_uri": client.redirect_uri,
        }
        asked_at = self._now()
        answer = await self._send(endpoint, urlencode(fields).encode())
        words = _words(answer, fields)
        if 200 <= answer.status < 300:
            return _grant(answer, asked_at, words)
        raise _refusal(answer, words, self._now())

    async def _send(self, endpoint: Endpoint, body: bytes) -> Answer:
        try:
            return await self._outbound.request(
                "POST",
                endpoint.url,
                headers={
                    "Content-Type": "application/x-www-form-urlencoded",
                    "Accept": "application/json",
                },
                data=body,
                deadline_seconds=TOKEN_CALL_SECONDS,
                max_bytes=LARGEST_ANSWER_BYTES,
                guard=endpoint.guarded,
            )
        except OutboundError as error:
            if error.kind is OutboundFailure.TIMEOUT:
                raise ProviderTimeout(str(error)) from error
            raise ProviderUnavailable(str(error)) from error
        except (AddressRefused, InvalidInput) as error:
            raise RequestRefused(str(error)) from error


def _grant(answer: Answer, asked_at: datetime, words: str) -> Grant:
    body = _json_object(answer)
    access_token = body.get("access_token")
    if not isinstance(access_token, str) or not access_token:
        if "error" in body:
            raise _refusal_of_credentials(answer.status, words)
        raise MalformedAnswer(
            "The provider's answer to a call for tokens holds no access token",
            status=answer.status,
            provider_message=words,
        )
    refresh_token = body.get("refresh_token")
    return Grant(
        access_token=access_token,
        refresh_token=refresh_token if isinstance(refresh_token, str) and refresh_token else None,
        refresh_at=_after(body.get("expires_in"), asked_at, REFRESH_SHARE),
        expires_at=_after(body.get("expires_in"), asked_at, 1),
    )


def _after(expires_in: object, asked_at: datetime, share: float) -> datetime | None:
    """When this share of a token's life of so many seconds is over; None where that is unclear."""
    if isinstance(expires_in, bool) or not isinstance(expires_in, int | float | str):
        return None
    try:
        lifetime = timedelta(seconds=float(expires_in) * share)
        return asked_at + lifetime if lifetime > timedelta(0) else None
    except (ValueError, OverflowError):
        return None


def _refusal(answer: Answer, words: str, now: datetime) -> ProviderError:
    status = answer.status
    if status == 429:
        wait = retry_after_seconds(answer.headers.get("Retry-After"), now)
        return RateLimited(
            "The provider takes no more calls for tokens for now",
            retry_after=timedelta(seconds=wait) if wait else None,
            provider_message=words,
        )
    code = _json_object(answer).get("error")
    if status >= 500 or status in (408, 425) or code in PASSING_ERRORS:
        kind = ProviderTimeout if status in (408, 504) else ProviderUnavailable
        message = f"The provider cannot give tokens now (HTTP {status})"
        return kind(message, status=status, provider_message=words)
    if status in (400, 401) or isinstance(code, str):
        return _refusal_of_credentials(status, words)
    message = f"The provider gives no tokens at this address (HTTP {status})"
    return RequestRefused(message, status=status, provider_message=words)


def _refusal_of_credentials(status: int, words: str) -> CredentialsRefused:
    return CredentialsRefused(
        "The provider refused the credentials", status=status, provider_message=words
    )


def _json_object(answer: Answer) -> Mapping[str, Any]:
    try:
        body = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}


def _words(answer: Answer, fields: Mapping[str, str]) -> str:
    """The provider's own text, without anything secret we sent or got."""
    body = _json_object(answer)
    told = [
        body[name] for name in ("error", "error_description") if isinstance(body.get(name), str)
    ]
    text = ": ".join(told) or answer.body.decode("utf-8", "replace")
    for name in ("code", "refresh_token", "client_secret"):
        secret = fields.get(name, "")
        if len(secret) >= SHORTEST_SECRET:
            text = text.replace(secret, MASK)
    return excerpt(text)
