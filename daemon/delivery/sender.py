"""The sender: one attempt, from the prepared request to the outcome in our own terms."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime

from daemon.delivery.ready import ReadyNotification
from daemon.delivery.retry import Blame, blame_for_status, retry_after_seconds
from daemon.delivery.settlement import Outcome, OutcomeKind
from daemon.delivery.signing import Signer
from daemon.errors import AddressRefused, InvalidInput
from daemon.outbound import Answer, Outbound, OutboundError, OutboundFailure
from daemon.settings.sections import DeliverySettings

ANSWER_BYTES = 4096
"""How much of an answer is kept for people to read."""

KINDS: Mapping[OutboundFailure, OutcomeKind] = {
    OutboundFailure.DNS: OutcomeKind.DNS,
    OutboundFailure.CONNECTION: OutcomeKind.CONNECTION,
    OutboundFailure.TLS: OutcomeKind.TLS,
    OutboundFailure.TIMEOUT: OutcomeKind.TIMEOUT,
    OutboundFailure.RESET: OutcomeKind.RESET,
    OutboundFailure.INVALID_TARGET: OutcomeKind.INVALID_TARGET,
}


class Sender:
    """Makes attempts through the guarded door; whatever goes wrong with one is its outcome."""

    def __init__(
        self, outbound: Outbound, settings: DeliverySettings, now: Callable[[], datetime]
    ) -> None:
        self._outbound = outbound
        self._settings = settings
        self._now = now

    async def send(self, signer: Signer, ready: ReadyNotification, *, may_repeat: bool) -> Outcome:
        """Sign, send, and judge the answer; `may_repeat` as in CallOptions."""
        started_at, started = self._now(), time.monotonic()
        try:
            answer = await self._request(signer, ready, started_at, may_repeat=may_repeat)
        except OutboundError as error:
            kind, reason = KINDS[error.kind], str(error)
        except (AddressRefused, InvalidInput, ValueError) as error:
            kind, reason = OutcomeKind.INVALID_TARGET, str(error)
        else:
            return self._judge(answer, started_at)
        return Outcome(
            kind=kind,
            blame=Blame.ENDPOINT,
            started_at=started_at,
            duration_seconds=time.monotonic() - started,
            reason=reason,
        )

    async def _request(
        self, signer: Signer, ready: ReadyNotification, started_at: datetime, *, may_repeat: bool
    ) -> Answer:
        return await self._outbound.post(
            signer.url,
            headers=signer.headers(ready, int(started_at.timestamp())),
            data=ready.body,
            deadline_seconds=self._settings.timeout_seconds,
            connect_seconds=self._settings.connect_timeout_seconds,
            max_bytes=ANSWER_BYTES,
            guard=True,
            may_repeat=may_repeat,
        )

    def _judge(self, answer: Answer, started_at: datetime) -> Outcome:
        blame = blame_for_status(answer.status)
        delivered = blame is Blame.NOBODY
        return Outcome(
            kind=OutcomeKind.DELIVERED if delivered else OutcomeKind.STATUS,
            blame=blame,
            started_at=started_at,
            duration_seconds=answer.duration_seconds,
            status=answer.status,
            reason=None if delivered else f"The callback answered {answer.status}",
            answer=_readable(answer.body),
            retry_after_seconds=0.0 if delivered else self._retry_after(answer),
        )

    def _retry_after(self, answer: Answer) -> float:
        return retry_after_seconds(answer.headers.get("Retry-After"), self._now())


def _readable(body: bytes) -> str:
    """As text the database can hold; what is no UTF-8 is marked as such."""
    return body.decode("utf-8", "replace").replace("\x00", "\N{REPLACEMENT CHARACTER}")
