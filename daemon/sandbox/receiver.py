"""The receiver: a callback that checks, keeps and reports what it is told."""

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from aiohttp import web

from daemon.sandbox.arrivals import ArrivalFile
from daemon.sandbox.clock import Clock
from daemon.sandbox.control_requests import explain_errors
from daemon.sandbox.gate import Gate
from daemon.sandbox.ledger import Ledger
from daemon.sandbox.receiver_control import ReceiverControl
from daemon.sandbox.receiver_faults import (
    RECEIVER_FAULTS,
    Crash,
    Delay,
    Flapping,
    HoldAnswer,
    KillSender,
    ReceiverFault,
    Refuse,
    ResetConnection,
)
from daemon.sandbox.signals import send_signal
from daemon.sandbox.switchboard import Switchboard
from daemon.sandbox.verification import ReceiverProfile, problems

FaultT = TypeVar("FaultT", bound=ReceiverFault)
LEDGER = web.AppKey("ledger", Ledger)
SWITCHES = web.AppKey("switches", Switchboard[ReceiverProfile])
MAX_BODY_BYTES = 8 * 2**20


def create_app(
    profile: ReceiverProfile | None = None, log: Path | None = None, clock: Clock | None = None
) -> web.Application:
    """The application; what it has learned is in `app[LEDGER]`, its faults in `app[SWITCHES]`.

    With a log file, notifications of earlier runs are known, and new ones are written to it before
    they are answered.
    """
    ledger = Ledger(ArrivalFile(log) if log else None)
    switches = Switchboard(RECEIVER_FAULTS, profile or ReceiverProfile())
    receiver = Receiver(ledger, switches, clock or Clock(), Gate())
    app = web.Application(middlewares=[explain_errors], client_max_size=MAX_BODY_BYTES)
    app[LEDGER] = ledger
    app[SWITCHES] = switches
    app.add_routes(ReceiverControl(ledger, switches, receiver.gate).routes())
    app.add_routes([web.post("/{path:.*}", receiver.receive)])
    app.on_cleanup.append(_close)
    return app


async def _close(app: web.Application) -> None:
    app[LEDGER].close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One attempt as it came in."""

    path: str
    headers: dict[str, str]
    content: bytes
    text: str


class Receiver:
    """Takes notifications, with the faults that befall callbacks."""

    def __init__(
        self,
        ledger: Ledger,
        switches: Switchboard[ReceiverProfile],
        clock: Clock,
        gate: Gate,
    ) -> None:
        self.gate = gate
        self._ledger = ledger
        self._switches = switches
        self._clock = clock
        self._taken = 0

    async def receive(self, request: web.Request) -> web.StreamResponse:
        """Checks, keeps, and only then answers 200."""
        content = await request.read()
        came = Notification(
            path=request.path,
            headers={name.lower(): value for name, value in request.headers.items()},
            content=content,
            text=content.decode(errors="replace"),
        )
        if self._strike(ResetConnection, came):
            self._ledger.refuse()
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        self._crash(came, "before_keeping")
        refused = self._refused(came)
        if refused is not None:
            return refused
        self._keep(came)
        return await self._answer(request, came)

    def _refused(self, came: Notification) -> web.Response | None:
        taken, self._taken = self._taken, self._taken + 1
        flapping = self._switches.strike(
            Flapping,
            lambda fault: fault.concerns(came.path, came.text) and fault.is_down(taken),
        )
        if flapping is not None:
            self._ledger.refuse()
            return web.Response(status=flapping.status)
        refuse = self._strike(Refuse, came)
        if refuse is None:
            return None
        if refuse.accepted:
            self._keep(came)
        else:
            self._ledger.refuse()
        headers = {} if refuse.retry_after is None else {"Retry-After": f"{refuse.retry_after:g}"}
        return web.Response(status=refuse.status, headers=headers)

    def _keep(self, came: Notification) -> None:
        profile, now = self._switches.profile, self._clock.now()
        verdict = problems(profile, came.headers, came.content, now) if profile.checks else None
        at = now.isoformat(timespec="milliseconds")
        self._ledger.accept((at, came.path), came.headers, came.text, verdict)

    async def _answer(self, request: web.Request, came: Notification) -> web.StreamResponse:
        if delay := self._strike(Delay, came):
            await asyncio.sleep(delay.seconds)
        if self._strike(HoldAnswer, came):
            await self.gate.wait()
        self._crash(came, "before_answer")
        self._kill(came, "before_answer")
        response = web.Response()
        await response.prepare(request)
        await response.write_eof()
        self._kill(came, "after_answer")
        self._crash(came, "after_answer")
        return response

    def _crash(self, came: Notification, when: str) -> None:
        if self._strike(Crash, came, when):
            send_signal(os.getpid(), "KILL")

    def _kill(self, came: Notification, when: str) -> None:
        fault = self._strike(KillSender, came, when)
        if fault is not None:
            send_signal(fault.pid or self._switches.profile.target_pid, fault.signal)

    def _strike(
        self, kind: type[FaultT], came: Notification, when: str | None = None
    ) -> FaultT | None:
        return self._switches.strike(
            kind,
            lambda fault: (
                fault.concerns(came.path, came.text)
                and (when is None or getattr(fault, "when", None) == when)
            ),
        )
