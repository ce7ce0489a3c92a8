"""A callback on loopback whose answers a test decides, and which remembers what arrived."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Self

import orjson
from aiohttp import web

Answering = Callable[["Arrival"], Awaitable[int | web.Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def webhook_id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def events(self) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = orjson.loads(self.body)["message"]["events"]
        return events

    @property
    def objects(self) -> list[str]:
        return [event["objectId"] for event in self.events]


HANG_UP = 0
"""An answer that is none: the connection is cut."""


async def accept(arrival: Arrival) -> int:
    return 200


class Receiver:
    """`answering` may be exchanged at any time; `stop` and `start` keep the port."""

    def __init__(self) -> None:
        self.answering: Answering = accept
        self.arrivals: list[Arrival] = []
        self.accepted: list[Arrival] = []
        self.under_way = 0
        self.most_under_way = 0
        self.port = 0
        self._changed = asyncio.Condition()
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def url(self, path: str = "/callback") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    async def start(self) -> None:
        application = web.Application()
        application.router.add_post("/{path:.*}", self._receive)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something about the arrivals to become true, ten seconds at most."""
        async with asyncio.timeout(10), self._changed:
            await self._changed.wait_for(condition)

    async def _receive(self, request: web.Request) -> web.Response:
        arrival = Arrival(
            path=request.path, headers=dict(request.headers), body=await request.read()
        )
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await self._note(self.arrivals, arrival)
            answer = await self.answering(arrival)
        finally:
            self.under_way -= 1
        if answer == HANG_UP and request.transport is not None:
            request.transport.abort()
            return web.Response()
        response = web.Response(status=answer) if isinstance(answer, int) else answer
        if 200 <= response.status < 300:
            await self._note(self.accepted, arrival)
        return response

    async def _note(self, arrivals: list[Arrival], arrival: Arrival) -> None:
        arrivals.append(arrival)
        async with self._changed:
            self._changed.notify_all()
