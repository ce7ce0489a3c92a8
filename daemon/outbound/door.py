"""The one door out: calls to providers and callbacks, with deadline, size cap and address guard."""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import NotRequired, Required, Self, TypedDict, Unpack

import aiohttp
from aiohttp.abc import AbstractResolver

from daemon import __version__
from daemon.address_guard import AddressGuard
from daemon.outbound.failures import CALL_FAILURES, classify
from daemon.outbound.posting import Limits, Parts, Poster, Target, make_target, read_up_to
from daemon.outbound.vetting import VettingResolver, open_vetted

CONNECT_SECONDS = 5.0
NAMES_KEPT_SECONDS = 10
URLS_REMEMBERED = 4096


@dataclass(slots=True, kw_only=True)
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
        self._sessions: dict[tuple[bool, bool], aiohttp.ClientSession] = {}
        self._posters: dict[bool, Poster] = {}
        # What the guard refuses is not remembered.
        self._check_url = lru_cache(URLS_REMEMBERED)(guard.check_url)
        self._target = lru_cache(URLS_REMEMBERED)(self._make_target)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for poster in self._posters.values():
            poster.close()
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()
        self._posters.clear()
        self._target.cache_clear()

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
                body, truncated = await read_up_to(response.content, options["max_bytes"])
                if truncated:
                    response.close()  # else the connection would bring the rest first
        except CALL_FAILURES as error:
            raise classify(error, url) from error
        return Answer(
            status=response.status,
            headers=response.headers,
            body=body,
            truncated=truncated,
            duration_seconds=time.monotonic() - started,
        )

    async def post(
        self, url: str, *, may_repeat: bool = False, **options: Unpack[CallOptions]
    ) -> Answer:
        """The same for a POST, as cheaply as the many small ones to few addresses have to be.

        It has no headers but those given and what HTTP itself requires. With `may_repeat`, one that
        ends with a kept connection is made once more on a new one.
        """
        started, guard = time.monotonic(), options["guard"]
        try:
            timeout = _timeout(options["deadline_seconds"], options.get("connect_seconds"))
            reply = await self._poster(guard=guard).post(
                self._target(url, guard=guard),
                Parts(options["headers"], options.get("data") or b""),
                Limits(timeout, options["max_bytes"], may_repeat),
            )
        except CALL_FAILURES as error:
            raise classify(error, url) from error
        return Answer(
            status=reply.message.code,
            headers=reply.message.headers,
            body=reply.body,
            truncated=reply.truncated,
            duration_seconds=time.monotonic() - started,
        )

    def _make_target(self, url: str, *, guard: bool) -> Target:
        if guard:
            self._guard.check_url(url)
        return make_target(url)

    def _poster(self, *, guard: bool) -> Poster:
        poster = self._posters.get(guard)
        if poster is None:
            kept, fresh = (self._connector(guard=guard, keep=keep) for keep in (True, False))
            poster = self._posters[guard] = Poster(kept, fresh)
        return poster

    def _connector(self, *, guard: bool, keep: bool) -> aiohttp.BaseConnector:
        connector = self._session(guard=guard, keep=keep).connector
        if connector is None:
            raise aiohttp.ClientConnectionError("closed meanwhile")
        return connector

    def _session(self, *, guard: bool, keep: bool = True) -> aiohttp.ClientSession:
        session = self._sessions.get((guard, keep))
        if session is None:
            session = self._sessions[guard, keep] = _open_session(
                VettingResolver(self._guard, self._names()) if guard else self._names(),
                partial(open_vetted, self._guard) if guard else None,
                keep=keep,
            )
        return session


def _open_session(
    resolver: AbstractResolver,
    sockets: Callable[[aiohttp.AddrInfoType], socket.socket] | None,
    *,
    keep: bool,
) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(
        limit=0,  # callers bound their concurrency; a queue in here would eat their deadlines
        ttl_dns_cache=NAMES_KEPT_SECONDS,
        resolver=resolver,
        socket_factory=sockets,
        force_close=not keep,
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        headers={"User-Agent": f"pollhook/{__version__}"},
    )


@lru_cache(maxsize=64)
def _timeout(deadline_seconds: float, connect_seconds: float | None) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(
        total=deadline_seconds,
        connect=connect_seconds or CONNECT_SECONDS,
        ceil_threshold=math.inf,  # else longer ones would be rounded up to whole seconds
    )
