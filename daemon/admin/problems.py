"""Problems: what went wrong with a request, put into the platform API's words and statuses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from aiohttp import web

from daemon.errors import (
    AddressRefused,
    Conflict,
    CredentialsRefused,
    DatabaseUnavailable,
    Fault,
    InstanceDisabled,
    InvalidInput,
    NotFound,
    PollhookError,
    ProviderError,
    ProviderTimeout,
    RateLimited,
    RequestRefused,
)

MAXIMUM_PROVIDER_MESSAGE = 500


class Unauthorized(PollhookError):
    """The call does not prove who makes it."""


class CrossSite(PollhookError):
    """A browser made the call for another site's page, or without our page's token."""


class NotAcceptable(PollhookError):
    """The caller takes no JSON."""


class UnsupportedMediaType(PollhookError):
    """The caller sends something else than JSON."""


STATUSES: tuple[tuple[type[PollhookError], int], ...] = (
    (InvalidInput, 400),
    (AddressRefused, 400),
    (CredentialsRefused, 400),
    (RequestRefused, 400),
    (Unauthorized, 401),
    (InstanceDisabled, 403),
    (CrossSite, 403),
    (NotFound, 404),
    (NotAcceptable, 406),
    (Conflict, 409),
    (UnsupportedMediaType, 415),
    (RateLimited, 429),
    (ProviderTimeout, 504),
    (ProviderError, 502),
    (DatabaseUnavailable, 503),
)
"""The first class that fits decides; what is not in the table is our own fault, a 500."""

_WORDS: Mapping[int, str] = {
    400: "The request is not understood.",
    404: "There is nothing under this address.",
    405: "The method is not allowed under this address.",
    413: "The body is larger than 1 MiB.",
    500: "Something went wrong here; the log has it under this request id.",
}


def status_of(error: Exception) -> int:
    """The HTTP status that an error is answered with."""
    if isinstance(error, web.HTTPException):
        return error.status
    return next((status for kind, status in STATUSES if isinstance(error, kind)), 500)


def render(error: Exception, request_id: str) -> web.Response:
    """The answer: a sentence, all faults of the body, and what the provider said."""
    status = status_of(error)
    content: dict[str, Any] = {"requestId": request_id, "message": _sentence(error, status)}
    if status == 400:
        content["faults"] = [
            {"field": fault.field, "message": fault.message} for fault in _faults(error)
        ]
    if isinstance(error, ProviderError) and error.provider_message:
        content["providerMessage"] = error.provider_message[:MAXIMUM_PROVIDER_MESSAGE]
    return web.Response(
        status=status,
        body=orjson.dumps(content),
        content_type="application/json",
        headers=_headers(error, status),
    )


def _sentence(error: Exception, status: int) -> str:
    if isinstance(error, web.HTTPException):
        return _WORDS.get(status) or f"{error.reason}."
    if isinstance(error, ProviderError) and error.field is not None:
        return f"{error.field}: {error}"
    return _WORDS[500] if status == 500 else str(error)


def _faults(error: Exception) -> Sequence[Fault]:
    """What is wrong with which field, as far as that is known."""
    if isinstance(error, InvalidInput):
        return error.faults
    if isinstance(error, ProviderError) and error.field is not None:
        words = f" ({error.provider_message})" if error.provider_message else ""
        return [Fault(field=error.field, message=f"{error}{words}")]
    return ()


def _headers(error: Exception, status: int) -> Mapping[str, str]:
    if isinstance(error, web.HTTPMethodNotAllowed):
        return {"Allow": ", ".join(sorted(error.allowed_methods))}
    if status == 401:
        return {"WWW-Authenticate": 'User realm="pollhook"'}
    if isinstance(error, RateLimited) and error.retry_after is not None:
        return {"Retry-After": str(max(1, round(error.retry_after.total_seconds())))}
    return {"Retry-After": "5"} if status == 503 else {}
