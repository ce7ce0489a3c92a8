"""The settlement: what one attempt brought about for its notification."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from daemon.delivery.endpoint import Attempted, EndpointStatus, disable, react
from daemon.delivery.ready import ReadyNotification
from daemon.delivery.retry import REFUSALS_OF_A_BODY, Blame, RetryPolicy, next_due_at
from daemon.instance import InstanceId, NotificationId, NotificationState


class OutcomeKind(StrEnum):
    """How an attempt ended.

    DELIVERED: a 2xx answer. STATUS: any other answer. DNS, CONNECTION, TLS, TIMEOUT, RESET: no
    answer, for that reason. INVALID_TARGET: the address may not or cannot be called. CANCELLED: a
    stop cut it off; it is nobody's failure, and made again.
    """

    DELIVERED = "delivered"
    STATUS = "status"
    DNS = "dns"
    CONNECTION = "connection"
    TLS = "tls"
    TIMEOUT = "timeout"
    RESET = "reset"
    INVALID_TARGET = "invalid_target"
    CANCELLED = "cancelled"


@dataclass(slots=True, kw_only=True)
class Outcome:
    """One attempt as it ended. `reason` says in words why it failed, `answer` is what came back."""

    kind: OutcomeKind
    blame: Blame
    started_at: datetime
    duration_seconds: float
    status: int | None = None
    reason: str | None = None
    answer: str | None = field(default=None, repr=False)
    retry_after_seconds: float = 0.0

    @property
    def ended_at(self) -> datetime:
        return self.started_at + timedelta(seconds=self.duration_seconds)


def cancelled(started_at: datetime, ended_at: datetime) -> Outcome:
    """An attempt that a stop has cut off."""
    return Outcome(
        kind=OutcomeKind.CANCELLED,
        blame=Blame.UNKNOWN,
        started_at=started_at,
        duration_seconds=(ended_at - started_at).total_seconds(),
        reason="Cut off by a stop",
    )


@dataclass(slots=True, kw_only=True)
class Settlement:
    """One attempt that was made, and what it makes of its notification.

    `attempts` and `due_at` are the notification's new values. `number` counts its attempts from 1;
    one that was not `spent` is followed by another of the same number.
    """

    instance_id: InstanceId
    notification_id: NotificationId
    state: NotificationState
    attempts: int
    due_at: datetime
    number: int
    spent: bool
    outcome: Outcome


@dataclass(slots=True, kw_only=True)
class Begun:
    """An attempt as it was begun: of which notification, in which era of its endpoint.

    `queues` keeps what has spent its last attempt, with the endpoint disabled, instead of giving it
    up (the original's failure policy `queue`).
    """

    instance_id: InstanceId
    ready: ReadyNotification
    era: int
    queues: bool = False


@dataclass(slots=True, kw_only=True)
class Conclusion:
    """What an attempt means: for its notification, for its endpoint, and for earlier attempts.

    `refunded` are notifications that get their last attempt back.
    """

    settlement: Settlement
    endpoint: EndpointStatus
    refunded: tuple[NotificationId, ...] = ()


def conclude(
    begun: Begun, outcome: Outcome, endpoint: EndpointStatus, policy: RetryPolicy, chance: float
) -> Conclusion:
    """Judge an attempt that ended, with the endpoint's status as it is by now.

    A failure is the notification's own and spends an attempt, unless it is the endpoint's trouble.
    A body of several events that is refused as such is split. `chance` (0 to 1) decides the jitter.
    """
    now = outcome.ended_at
    attempted = Attempted(
        notification_id=begun.ready.id,
        era=begun.era,
        blame=outcome.blame,
        reason=outcome.reason,
        retry_after_seconds=outcome.retry_after_seconds,
    )
    reaction = react(endpoint, attempted, policy, now, chance)
    retry_at: datetime | None = begun.ready.due_at
    if reaction.spent and outcome.blame is not Blame.NOBODY:
        attempts, wait = begun.ready.attempts + 1, outcome.retry_after_seconds
        retry_at = next_due_at(policy, attempts, wait, now, chance)
    settlement = _settlement(begun, outcome, spent=reaction.spent, retry_at=retry_at)
    if settlement.state is NotificationState.DEAD and begun.queues:
        return _queued(begun, settlement, reaction.status)
    return Conclusion(settlement=settlement, endpoint=reaction.status, refunded=reaction.refunded)


def _queued(begun: Begun, settlement: Settlement, endpoint: EndpointStatus) -> Conclusion:
    """Kept with fresh attempts for when a person enables the endpoint."""
    reason = settlement.outcome.reason or "It does not accept a notification"
    kept = replace(
        settlement,
        state=NotificationState.RETRYING,
        attempts=0,
        due_at=begun.ready.due_at,
    )
    return Conclusion(
        settlement=kept, endpoint=disable(endpoint, f"{reason}; the last attempt was spent")
    )


def _settlement(
    begun: Begun, outcome: Outcome, *, spent: bool, retry_at: datetime | None
) -> Settlement:
    ready = begun.ready
    state = _next_state(ready, outcome, retry_at)
    return Settlement(
        instance_id=begun.instance_id,
        notification_id=ready.id,
        state=state,
        attempts=ready.attempts + int(spent),
        due_at=ready.due_at if retry_at is None or state is NotificationState.SPLIT else retry_at,
        number=ready.attempts + 1,
        spent=spent,
        outcome=outcome,
    )


def _next_state(
    ready: ReadyNotification, outcome: Outcome, retry_at: datetime | None
) -> NotificationState:
    if outcome.blame is Blame.NOBODY:
        return NotificationState.DELIVERED
    if outcome.status in REFUSALS_OF_A_BODY and ready.events > 1:
        return NotificationState.SPLIT
    return NotificationState.DEAD if retry_at is None else NotificationState.RETRYING
