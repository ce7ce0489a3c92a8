"""Calls of the Octopus API: token, rate budget, and every failure classified once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TypeVar

from daemon.connectors.budget import Budget, Priority
from daemon.connectors.connector import Tokens
from daemon.connectors.oauth2 import Endpoint
from daemon.delivery.retry import retry_after_seconds
from daemon.errors import (
    AddressRefused,
    AnswerTooSlow,
    InvalidInput,
    MalformedAnswer,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
    RequestRefused,
    TokenRejected,
)
from daemon.logs import excerpt
from daemon.metrics import Metrics
from daemon.outbound import Answer, Outbound, OutboundError, OutboundFailure

T = TypeVar("T")

DEADLINE_SECONDS = 60.0
QUICK_SECONDS = 5.0
LARGEST_ANSWER_BYTES = 32 * 1024 * 1024
JSON_HEADERS: Mapping[str, str] = {
    "Content-Type": "application/json",
    "Accept": "application/json",
}
PAUSE_UNASKED = timedelta(seconds=10)
"""After a 429 that names no wait: the window of the smallest edition's documented limit."""

# Source: the vendor's table as third parties quote it. What is not here is told by its class.
STATUSES: Mapping[int, type[ProviderError]] = {
    401: TokenRejected,
    408: AnswerTooSlow,
    413: AnswerTooSlow,
    425: ProviderUnavailable,
    429: RateLimited,
    504: ProviderTimeout,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call: which method of the API, with what body, and who is waiting for it.

    `repeatable` says that asking twice does no harm.
    """

    method: str
    body: bytes
    priority: Priority = Priority.LIVE
    repeatable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The way to one account: its API, its tokens and its rate budget."""

    api: Endpoint
    tokens: Tokens
    budget: Budget


class Octopus:
    """Makes calls and lets `judge` say what their answers mean."""

    def __init__(self, outbound: Outbound, now: Callable[[], datetime], metrics: Metrics) -> None:
        self._outbound = outbound
        self._now = now
        self._metrics = metrics

    async def ask(self, line: Line, call: Call, judge: Callable[[Answer], T]) -> T:
        """What `judge` makes of the answer; a rejected token is renewed once, the call repeated.

        Raises CredentialsRefused, RequestRefused, RateLimited, AnswerTooSlow, MalformedAnswer,
        ProviderTimeout, ProviderUnavailable.
        """
        token, generation = await line.tokens.current()
        try:
            return await self._ask(line, call, judge, token, generation)
        except TokenRejected:
            pass
        try:
            token, generation = await line.tokens.renew(generation)
            return await self._ask(line, call, judge, token, generation)
        except TokenRejected as error:
            raise RequestRefused(
                f"The provider goes on rejecting a token that it has just issued: {error}",
                status=error.status,
                provider_message=error.provider_message,
            ) from error

    async def _ask(
        self, line: Line, call: Call, judge: Callable[[Answer], T], token: str, generation: int
    ) -> T:
        answer = await self._send(line, call, token)
        try:
            _check_status(answer, self._now())
            result = judge(answer)
        except RateLimited as error:
            line.budget.pause(error.retry_after or PAUSE_UNASKED)
            raise
        except RequestRefused:
            line.tokens.accept(generation)
            raise
        line.tokens.accept(generation)
        return result

    async def _send(self, line: Line, call: Call, token: str) -> Answer:
        try:
            return await self._post(line, call, token)
        except OutboundError as error:
            if error.kind is not OutboundFailure.RESET or not call.repeatable:
                raise _unreachable(error) from error
        try:
            # A kept connection that the other side had just closed: a new one will do.
            return await self._post(line, call, token)
        except OutboundError as error:
            raise _unreachable(error) from error

    async def _post(self, line: Line, call: Call, token: str) -> Answer:
        async with await line.budget.acquire(call.priority):
            try:
                answer = await self._outbound.request(
                    "POST",
                    f"{line.api.url}/{call.method}",
                    headers={"Authorization": f"Bearer {token}", **JSON_HEADERS},
                    data=call.body,
                    deadline_seconds=DEADLINE_SECONDS,
                    max_bytes=LARGEST_ANSWER_BYTES,
                    guard=line.api.guarded,
                )
            except OutboundError as error:
                self._count(error.kind)
                raise
            except (AddressRefused, InvalidInput) as error:
                raise RequestRefused(f"The API's address cannot be called: {error}") from error
            self._count(str(answer.status))
            if answer.status == 429:
                # Within the turn: its end would send the next one in line right away.
                line.budget.pause(_wait(answer, self._now()))
            return answer

    def _count(self, status: str) -> None:
        self._metrics.provider_requests.labels(element="maximizer", status=status).inc()


def provider_time(answer: Answer, now: datetime) -> datetime:
    """The provider's clock when the call began: its `Date` less the duration, ours without one."""
    told = _told_time(answer)
    return (now if told is None else told) - timedelta(seconds=answer.duration_seconds)


def clock_skew(answer: Answer, now: datetime) -> timedelta | None:
    """How far the provider's clock is ahead of ours, to a few seconds; None if it cannot be told.

    A slow answer says too little of when its `Date` was written.
    """
    told = _told_time(answer)
    if told is None or answer.duration_seconds > QUICK_SECONDS:
        return None
    return told - now


def _told_time(answer: Answer) -> datetime | None:
    try:
        told = parsedate_to_datetime(answer.headers["Date"])
    except (KeyError, ValueError, TypeError):
        return None
    return told if told.tzinfo is not None else told.replace(tzinfo=UTC)


def _check_status(answer: Answer, now: datetime) -> None:
    """Raises what an HTTP status stands for; whether 200 is a success is for its body to tell."""
    status = answer.status
    if 200 <= status < 300:
        if answer.truncated:
            raise AnswerTooSlow("The provider's answer is longer than 32 MiB", status=status)
        return
    words = excerpt(answer.body[:4096].decode("utf-8", "replace"))
    kind = STATUSES.get(status) or _kind_of_others(status, words)
    message = f"The provider answered HTTP {status}"
    if kind is RateLimited:
        raise RateLimited(message, retry_after=_wait(answer, now), provider_message=words)
    raise kind(message, status=status, provider_message=words)


def _wait(answer: Answer, now: datetime) -> timedelta:
    seconds = retry_after_seconds(answer.headers.get("Retry-After"), now)
    return timedelta(seconds=seconds) if seconds else PAUSE_UNASKED


def _kind_of_others(status: int, words: str) -> type[ProviderError]:
    """403 is mostly a lack of rights, which no token changes; but some call a bad token that."""
    if status == 403 and "token" in words.casefold():
        return TokenRejected
    if status >= 500:
        return ProviderUnavailable
    return RequestRefused if status >= 300 else MalformedAnswer


def _unreachable(error: OutboundError) -> ProviderUnavailable:
    kind = ProviderTimeout if error.kind is OutboundFailure.TIMEOUT else ProviderUnavailable
    return kind(str(error))
