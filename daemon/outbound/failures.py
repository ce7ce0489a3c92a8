"""The failures of calls: why no answer came, in our own terms and without anything secret."""

from __future__ import annotations

import re
import ssl
from enum import StrEnum

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from daemon.errors import PollhookError


class OutboundFailure(StrEnum):
    """Why no answer came.

    DNS: the name does not resolve. CONNECTION: nothing listens, or no route. TLS: handshake or
    certificate failed. TIMEOUT: too slow, in connecting or answering. INVALID_TARGET: nothing that
    can be called. RESET: the connection broke, or what came was not HTTP.
    """

    DNS = "dns"
    CONNECTION = "connection"
    TLS = "tls"
    TIMEOUT = "timeout"
    INVALID_TARGET = "invalid_target"
    RESET = "reset"


class OutboundError(PollhookError):
    """No answer came; `kind` says what failed, `connecting` that a time-out came before all was
    ready to speak. The text names the host, never path or query.
    """

    def __init__(self, kind: OutboundFailure, message: str, *, connecting: bool = False) -> None:
        super().__init__(message)
        self.kind = kind
        self.connecting = connecting


CALL_FAILURES = (aiohttp.ClientError, HttpProcessingError, OSError, ValueError)
"""What a call raises besides our own errors."""

NO_ADDRESS = (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError)
NO_HTTP = (aiohttp.ClientResponseError, HttpProcessingError)
# The first row that fits decides, so the narrower classes stand first.
FAILURES: tuple[tuple[tuple[type[Exception], ...], OutboundFailure, str], ...] = (
    ((aiohttp.ConnectionTimeoutError,), OutboundFailure.TIMEOUT, "accepted no connection in time"),
    ((TimeoutError,), OutboundFailure.TIMEOUT, "did not answer in time"),
    ((aiohttp.ClientConnectorDNSError,), OutboundFailure.DNS, "is not a name that resolves"),
    ((ssl.SSLError, aiohttp.ClientSSLError), OutboundFailure.TLS, "could not be reached by TLS"),
    ((aiohttp.ClientConnectorError,), OutboundFailure.CONNECTION, "could not be connected to"),
    (NO_HTTP, OutboundFailure.RESET, "did not answer in HTTP"),
    (NO_ADDRESS, OutboundFailure.INVALID_TARGET, "cannot be called"),
    ((aiohttp.ClientError, OSError), OutboundFailure.RESET, "broke the connection"),
    ((ValueError,), OutboundFailure.INVALID_TARGET, "cannot be called with these headers"),
)


def classify(error: Exception, url: str) -> OutboundError:
    """What one of `CALL_FAILURES` means for a call of this URL."""
    kind, words = next((kind, words) for those, kind, words in FAILURES if isinstance(error, those))
    reason = "" if kind is OutboundFailure.TIMEOUT else _reason(error)
    connecting = isinstance(error, aiohttp.ConnectionTimeoutError)
    return OutboundError(kind, f"{_place(url)} {words}{reason}", connecting=connecting)


def _reason(error: Exception) -> str:
    """The system's own words where there are any; the client's could hold the whole address."""
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f": {cause.verify_message}"
    return f": {cause.strerror}" if isinstance(cause, OSError) and cause.strerror else ""


def _place(url: str) -> str:
    """Scheme and host of a URL: the parts of it that are no secret."""
    scheme, _, rest = url.partition("://")
    host = re.split(r"[/?#\\]", rest, maxsplit=1)[0]
    return f"{scheme}://{host.rpartition('@')[2]}"
