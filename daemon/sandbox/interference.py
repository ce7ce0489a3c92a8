"""Interference: what comes between a call and its answer."""

import asyncio
from collections.abc import Callable

from aiohttp import web

from daemon.sandbox.faults import (
    EmptyAnswer,
    ErrorAnswer,
    Hold,
    Kill,
    Reset,
    Slow,
    Status,
    Truncated,
)
from daemon.sandbox.journal import Call
from daemon.sandbox.service import Service
from daemon.sandbox.signals import send_signal


class Interference:
    """Answers calls, with the faults that concern whole calls."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._switches = service.switches

    async def answer(
        self, request: web.Request, call: Call, make: Callable[[], web.Response]
    ) -> web.StreamResponse:
        """Sends what `make` makes, or what a fault puts in its place, and notes it down.

        Everything that `make` does has happened when a process is killed before the answer.
        """
        instead = self._instead(call)
        response = make() if instead is None else instead
        if slow := call.strike(self._switches, Slow):
            await asyncio.sleep(slow.seconds)
        if call.strike(self._switches, Hold):
            await self._service.gate.wait()
        if before := self._killer(call, "before_answer"):
            self._signal(before)
        return await self._send(request, call, response)

    async def _send(
        self, request: web.Request, call: Call, response: web.Response
    ) -> web.StreamResponse:
        reset, cut = call.strike(self._switches, Reset), call.strike(self._switches, Truncated)
        after = self._killer(call, "after_answer")
        at = self._service.clock.now().isoformat(timespec="milliseconds")
        self._service.journal.note(call, at, request.path, 0 if reset else response.status)
        if reset:
            _abort(request)
        try:
            if cut is not None and not reset:
                return await _send_half(request, response, break_connection=cut.break_connection)
            if after is not None and not reset:
                await response.prepare(request)
                await response.write_eof()
        finally:  # whoever asked may have gone, or had half of it, and is waited for to die
            if after is not None:
                self._signal(after)
        return response

    def _instead(self, call: Call) -> web.Response | None:
        """An answer in place of the true one, before anything has been done."""
        status = call.strike(
            self._switches, Status, lambda fault: call.is_over(fault.over_page_size)
        )
        if status is not None:
            headers = (
                {} if status.retry_after is None else {"Retry-After": f"{status.retry_after:g}"}
            )
            return web.Response(status=status.status, text=status.body, headers=headers)
        if call.strike(self._switches, EmptyAnswer):
            return web.Response(content_type="application/json")
        if error := call.strike(self._switches, ErrorAnswer):
            return web.json_response({"Code": error.code, "Msg": [error.message]})
        return None

    def _killer(self, call: Call, when: str) -> Kill | None:
        return call.strike(self._switches, Kill, lambda fault: fault.when == when)

    def _signal(self, fault: Kill) -> None:
        send_signal(fault.pid or self._switches.profile.target_pid, fault.signal)


def _abort(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


async def _send_half(
    request: web.Request, response: web.Response, *, break_connection: bool
) -> web.StreamResponse:
    """Half the body, as if it were all of it, or with its true length and then no connection."""
    body = response.body if isinstance(response.body, bytes) else b""
    half = body[: len(body) // 2]
    if not break_connection:
        return web.Response(status=response.status, body=half, content_type="application/json")
    broken = web.StreamResponse(status=response.status)
    broken.content_type = "application/json"
    broken.content_length = len(body)
    await broken.prepare(request)
    await broken.write(half)
    if request.transport is not None:
        request.transport.close()
    return broken
