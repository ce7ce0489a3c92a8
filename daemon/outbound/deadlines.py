"""The deadlines: connections whose answers take too long are cut off, all of them by one timer.

A timer for each call costs more than what it guards, since nearly all calls end in time.
"""

from __future__ import annotations

import asyncio

from aiohttp.client_proto import ResponseHandler


class Deadlines:
    """Instants of the running loop's clock by which connections have to be done."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ends: dict[ResponseHandler, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, connection: ResponseHandler, at: float) -> None:
        """Cut this connection off then, unless `end` comes first."""
        self._ends[connection] = at
        if self._timer is None or at < self._timer.when():
            self._look_at(at)

    def end(self, connection: ResponseHandler) -> bool:
        """Whether this was in time."""
        return self._ends.pop(connection, None) is not None

    def _look_at(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(at, self._look)

    def _look(self) -> None:
        self._timer, now = None, self._loop.time()
        for connection in [key for key, at in self._ends.items() if at <= now]:
            del self._ends[connection]
            if connection.transport is not None:
                connection.transport.abort()  # whoever reads from it is told
        if self._ends:
            self._look_at(min(self._ends.values()))
