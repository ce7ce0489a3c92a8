"""The trying out of callbacks: one call, and what came of it in words."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from daemon.admin.context import CONTEXT, AdminContext
from daemon.admin.messages import answer, check_members, read_object, refuse
from daemon.delivery.retry import Blame, blame_for_status
from daemon.delivery.signing import USER_AGENT
from daemon.errors import AddressRefused
from daemon.notifications.records import encode
from daemon.outbound import Answer, OutboundError, OutboundFailure

ANSWER_BYTES = 4096
_TEST_BODY = encode({"test": True, "message": "pollhook tries out this address."})

_REACHED: Mapping[OutboundFailure, tuple[bool | None, bool | None]] = {
    OutboundFailure.DNS: (False, False),
    OutboundFailure.CONNECTION: (True, False),
    OutboundFailure.TLS: (True, True),
    OutboundFailure.TIMEOUT: (True, True),
    OutboundFailure.RESET: (True, True),
    OutboundFailure.INVALID_TARGET: (None, False),
}
"""What each failure says about name look-up and connection; None where it leaves that open."""

_CONNECTING = (None, None)
"""The same of a time-out before all was ready to speak: look-up, connection and TLS share it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came of one call: how far it got, how long that took, and the rest in a sentence.

    None is what could not be told; `tls` is None for an address without it, too.
    """

    resolved: bool | None
    connected: bool | None
    tls: bool | None
    status: int | None
    milliseconds: int
    accepted: bool
    sentence: str

    def render(self) -> dict[str, Any]:
        """As it is answered."""
        return {
            "resolved": self.resolved,
            "connected": self.connected,
            "tls": self.tls,
            "status": self.status,
            "milliseconds": self.milliseconds,
            "accepted": self.accepted,
            "message": self.sentence,
        }


async def try_callback(request: web.Request) -> web.Response:
    """POST /callbacks/test: `{"url"}`, before there is an instance."""
    context, content = request.app[CONTEXT], await read_object(request)
    check_members(content, ("url",))
    url = content.get("url")
    if not isinstance(url, str) or not url.strip():
        raise refuse("url", "is needed: the http or https address to be tried out")
    try:
        context.guard.check_url(url.strip(), field="url")
    except AddressRefused as error:
        raise refuse("url", str(error)) from error
    headers = {"Content-Type": "application/json", "User-Agent": USER_AGENT}
    verdict = await call(context, url.strip(), headers, _TEST_BODY)
    rendered = {"status": verdict.status, "milliseconds": verdict.milliseconds}
    return answer(rendered if verdict.accepted else {**rendered, "error": verdict.sentence})


async def call(context: AdminContext, url: str, headers: Mapping[str, str], body: bytes) -> Verdict:
    """Make the call as a notification would be sent, and judge it."""
    secure, started = url.lower().startswith("https:"), time.monotonic()
    try:
        reply = await context.outbound.post(
            url,
            headers=headers,
            data=body,
            deadline_seconds=context.delivery.timeout_seconds,
            connect_seconds=context.delivery.connect_timeout_seconds,
            max_bytes=ANSWER_BYTES,
            guard=True,
        )
    except AddressRefused as error:
        return _unreached(str(error), started, (None, False, None))
    except OutboundError as error:
        resolved, connected = _CONNECTING if error.connecting else _REACHED[error.kind]
        tls = None if not secure or not connected else error.kind is not OutboundFailure.TLS
        return _unreached(str(error), started, (resolved, connected, tls))
    return _judge(reply, secure=secure)


def _judge(reply: Answer, *, secure: bool) -> Verdict:
    milliseconds = round(reply.duration_seconds * 1000)
    accepted = blame_for_status(reply.status) is Blame.NOBODY
    words = f"The callback answered {reply.status} after {milliseconds} ms"
    if 300 <= reply.status < 400:
        words += "; redirects are not followed, so configure the address it leads to"
    elif not accepted:
        words += "; only 2xx counts as accepted"
    return Verdict(
        resolved=True,
        connected=True,
        tls=True if secure else None,
        status=reply.status,
        milliseconds=milliseconds,
        accepted=accepted,
        sentence=f"{words}.",
    )


def _unreached(
    reason: str, started: float, reached: tuple[bool | None, bool | None, bool | None]
) -> Verdict:
    resolved, connected, tls = reached
    return Verdict(
        resolved=resolved,
        connected=connected,
        tls=tls,
        status=None,
        milliseconds=round((time.monotonic() - started) * 1000),
        accepted=False,
        sentence=f"{reason}.",
    )
