"""The one door out: calls to providers and callbacks, with deadline, size cap and address guard."""

from __future__ import annotations

import math
import re
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache, partial
from typing import NotRequired, Required, Self, TypedDict, Unpack

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from daemon import __version__
from daemon.address_guard import AddressGuard, parse_literal
from daemon.errors import AddressRefused, PollhookError

CONNECT_SECONDS = 5.0
NAMES_KEPT_SECONDS = 10
URLS_REMEMBERED = 4096


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
    """No answer came; `kind` says what failed. The text names the host, never path or query."""

    def __init__(self, kind: OutboundFailure, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An HTTP answer of any status. `headers` ignores case. `body` ends at the cap, `truncated`
    tells of more; `duration_seconds` is from the call to its last byte.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    truncated: bool
    duration_seconds: float


class CallOptions(TypedDict):
    """How a call is made: `deadline_seconds` for all of it, `connect_seconds` up to TLS, at most
    `max_bytes` of (decompressed) body; `guard` for each address not from the configuration file.
    """

    headers: Required[Mapping[str, str]]
    deadline_seconds: Required[float]
    max_bytes: Required[int]
    guard: Required[bool]
    data: NotRequired[bytes | None]
    connect_seconds: NotRequired[float]


class Outbound:
    """Sessions shared by everything that calls out. Redirects, cookies and proxies are not used.

    Guarded calls have connections of their own: none travels on one the guard did not see.
    """

    def __init__(
        self, guard: AddressGuard, names: Callable[[], AbstractResolver] = aiohttp.ThreadedResolver
    ) -> None:
        self._guard = guard
        self._names = names
        self._sessions: dict[bool, aiohttp.ClientSession] = {}
        self._check_url = lru_cache(URLS_REMEMBERED)(guard.check_url)  # what it refuses is not kept

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()

    async def request(self, method: str, url: str, **options: Unpack[CallOptions]) -> Answer:
        """Make one call and read its answer. Raises OutboundError, AddressRefused, InvalidInput."""
        if guard := options["guard"]:
            self._check_url(url)
        started = time.monotonic()
        try:
            async with self._session(guard=guard).request(
                method,
                url,
                data=options.get("data"),
                headers=options["headers"],
                timeout=_timeout(options["deadline_seconds"], options.get("connect_seconds")),
                allow_redirects=False,
            ) as response:
                body, truncated = await _read(response, options["max_bytes"])
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _classify(error, url) from error
        return Answer(
            status=response.status,
            headers=response.headers,
            body=body,
            truncated=truncated,
            duration_seconds=time.monotonic() - started,
        )

    def _session(self, *, guard: bool) -> aiohttp.ClientSession:
        session = self._sessions.get(guard)
        if session is None:
            session = self._sessions[guard] = _open_session(
                VettingResolver(self._guard, self._names()) if guard else self._names(),
                partial(_open_vetted, self._guard) if guard else None,
            )
        return session


def _open_session(
    resolver: AbstractResolver, sockets: Callable[[aiohttp.AddrInfoType], socket.socket] | None
) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(
        limit=0,  # callers bound their concurrency; a queue in here would eat their deadlines
        ttl_dns_cache=NAMES_KEPT_SECONDS,
        resolver=resolver,
        socket_factory=sockets,
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        headers={"User-Agent": f"pollhook/{__version__}"},
    )


class VettingResolver(AbstractResolver):
    """Name look-up that hands out only addresses the guard lets pass.

    Connections go to exactly these, while Host header and TLS keep the name (DNS rebinding).
    """

    def __init__(self, guard: AddressGuard, names: AbstractResolver) -> None:
        self._guard = guard
        self._names = names

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The acceptable addresses of a name. Raises AddressRefused if there are only others."""
        passed, refusals = list[ResolveResult](), list[AddressRefused]()
        for found in await self._names.resolve(host, port, family):
            try:
                _vet(self._guard, found["host"], shown_as=f"{host} ({found['host']})")
                passed.append(found)
            except AddressRefused as refusal:
                refusals.append(refusal)
        if refusals and not passed:
            raise refusals[0]
        return passed

    async def close(self) -> None:
        await self._names.close()


def _open_vetted(guard: AddressGuard, info: aiohttp.AddrInfoType) -> socket.socket:
    """The last door: no socket for an address that does not pass, however it was spelled."""
    family, kind, protocol, _, target = info
    _vet(guard, str(target[0]), shown_as=str(target[0]))
    return socket.socket(family=family, type=kind, proto=protocol)


def _vet(guard: AddressGuard, literal: str, *, shown_as: str) -> None:
    address = parse_literal(literal)
    if address is None:
        raise AddressRefused(f"{shown_as} is not an address that could be checked")
    guard.check_address(address, shown_as=shown_as)


@lru_cache(maxsize=64)
def _timeout(deadline_seconds: float, connect_seconds: float | None) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(
        total=deadline_seconds,
        connect=connect_seconds or CONNECT_SECONDS,
        ceil_threshold=math.inf,  # else longer ones would be rounded up to whole seconds
    )


async def _read(response: aiohttp.ClientResponse, max_bytes: int) -> tuple[bytes, bool]:
    """The body up to the cap. Past it the connection is closed: it would bring the rest first."""
    chunks: list[bytes] = []
    left = max_bytes
    while chunk := await response.content.readany():
        chunks.append(chunk[:left])
        left -= len(chunk)
        if left < 0:
            response.close()
            break
    return b"".join(chunks), left < 0


NO_ADDRESS = (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError)
# The first row that fits decides, so the narrower classes stand first.
FAILURES: tuple[tuple[tuple[type[Exception], ...], OutboundFailure, str], ...] = (
    ((aiohttp.ConnectionTimeoutError,), OutboundFailure.TIMEOUT, "accepted no connection in time"),
    ((TimeoutError,), OutboundFailure.TIMEOUT, "did not answer in time"),
    ((aiohttp.ClientConnectorDNSError,), OutboundFailure.DNS, "is not a name that resolves"),
    ((ssl.SSLError, aiohttp.ClientSSLError), OutboundFailure.TLS, "could not be reached by TLS"),
    ((aiohttp.ClientConnectorError,), OutboundFailure.CONNECTION, "could not be connected to"),
    ((aiohttp.ClientResponseError,), OutboundFailure.RESET, "did not answer in HTTP"),
    (NO_ADDRESS, OutboundFailure.INVALID_TARGET, "cannot be called"),
    ((aiohttp.ClientError, OSError), OutboundFailure.RESET, "broke the connection"),
    ((ValueError,), OutboundFailure.INVALID_TARGET, "cannot be called with these headers"),
)


def _classify(error: Exception, url: str) -> OutboundError:
    kind, words = next((kind, words) for those, kind, words in FAILURES if isinstance(error, those))
    reason = "" if kind is OutboundFailure.TIMEOUT else _reason(error)
    return OutboundError(kind, f"{_place(url)} {words}{reason}")


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
