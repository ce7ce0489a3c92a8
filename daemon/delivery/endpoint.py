"""The endpoint: one callback address, and whose trouble it is when a notification fails there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from daemon.delivery.retry import Blame, RetryPolicy
from daemon.instance import EndpointState, NotificationId

FAILURES_UNTIL_FAILING = 3
"""So many different notifications have to fail in a row before it is the endpoint's trouble."""

AWAY_AFTER = timedelta(minutes=10)
"""A probe that comes so late was not held up by others: nobody was there to make it, or there was
nothing to send."""

PROBE_SECONDS_AT_LEAST = 0.05
"""A schedule of zeros must not turn probing into a busy loop."""

WARN_AT_PERCENT = (50, 70, 90)
"""Of the time until a failing endpoint is disabled: an operator is warned when so much is over."""

SUCCESS_NOTED_EVERY = timedelta(minutes=1)
"""How stale `last_success_at` may get: noting each success would double the writes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointConfiguration:
    """Where and how an instance wants to be called, secrets included: never log or answer it.

    `headers` are the person's own. `signature_key` turns on the original's signature header;
    `webhook_secrets` are the Standard Webhooks secrets in force (`whsec_...`), `retiring_secrets`
    those that were replaced and sign along until their instant. `queues_failures` is the account's
    failure policy: nothing is given up, the endpoint is disabled instead.
    `retry_schedule_seconds` is the instance's own schedule, if it has one.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    basic_username: str | None = None
    basic_password: str | None = field(default=None, repr=False)
    signature_key: str | None = field(default=None, repr=False)
    webhook_secrets: Sequence[str] = field(default=(), repr=False)
    retiring_secrets: Sequence[tuple[str, datetime]] = field(default=(), repr=False)
    queues_failures: bool = False
    retry_schedule_seconds: Sequence[float] | None = None

    def secrets_at(self, timestamp: int) -> Sequence[str]:
        """The secrets that sign at this second since 1970, the newest first."""
        retiring = [
            secret for secret, until in self.retiring_secrets if timestamp < until.timestamp()
        ]
        return [*self.webhook_secrets, *retiring]


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointStatus:
    """How an endpoint is doing, as stored.

    `failures` counts, while healthy, the different notifications that failed in a row; while
    failing, the probes that failed. `counted_since` is `failing_since` moved on by the time in
    which it was not asked: what is disabled is disabled for not answering, not because we were
    away. `warned` is the percentage of that time at which an operator was last warned. Kept in
    memory only: `failed` names those that failed in a row until it turned to failing, so that after
    a restart they are counted anew; `era` is raised whenever it does, because an attempt begun in
    an earlier era says nothing about this one.
    """

    state: EndpointState = EndpointState.HEALTHY
    failures: int = 0
    failed: tuple[NotificationId, ...] = ()
    era: int = 0
    failing_since: datetime | None = None
    counted_since: datetime | None = None
    next_probe_at: datetime | None = None
    last_error: str | None = None
    last_success_at: datetime | None = None
    disabled_reason: str | None = None
    warned: int = 0


@dataclass(slots=True, kw_only=True)
class Attempted:
    """What one attempt says about its endpoint. `era` is the one it was begun in."""

    notification_id: NotificationId
    era: int
    blame: Blame
    reason: str | None = None
    retry_after_seconds: float = 0.0


@dataclass(slots=True, kw_only=True)
class Reaction:
    """What follows: the endpoint's next status, and whether its notification spends an attempt.

    `refunded` are notifications whose last attempt turns out not to have been their own trouble.
    """

    status: EndpointStatus
    spent: bool
    refunded: tuple[NotificationId, ...] = ()


def react(
    status: EndpointStatus, attempted: Attempted, policy: RetryPolicy, now: datetime, chance: float
) -> Reaction:
    """Judge one attempt. `chance` (0 to 1) decides the jitter of a probe's wait.

    An answer that shows the endpoint at work, be it a refusal of this very notification, ends the
    trouble. While it lasts, and for attempts that were under way when it began, nothing is spent.
    Of the failures that led to it only the first counts: if a payload has crashed the receiver, it
    is that one, and those that followed go out again as soon as the receiver is back.
    """
    if attempted.blame is Blame.GONE:
        return Reaction(status=disable(status, "The callback answered 410 Gone"), spent=False)
    if attempted.blame in (Blame.NOBODY, Blame.NOTIFICATION):
        return Reaction(status=_working(status, attempted, now), spent=True)
    says_nothing = attempted.blame is Blame.UNKNOWN or attempted.era != status.era
    if says_nothing or status.state is EndpointState.DISABLED:
        return Reaction(status=status, spent=False)
    if status.state is EndpointState.FAILING:
        return Reaction(status=_probe_failed(status, attempted, policy, now, chance), spent=False)
    failed = _failed(status, attempted, policy, now, chance)
    if failed.state is EndpointState.FAILING:
        return Reaction(status=failed, spent=False, refunded=status.failed[1:])
    return Reaction(status=failed, spent=True)


def disable(status: EndpointStatus, reason: str) -> EndpointStatus:
    """Not sent to any more until a person enables it; the backlog is kept."""
    return replace(
        status,
        state=EndpointState.DISABLED,
        next_probe_at=None,
        last_error=reason,
        disabled_reason=reason,
    )


def disables_at(status: EndpointStatus, patience: timedelta, now: datetime) -> datetime | None:
    """When a failing endpoint is given up if nothing changes; None for one that is not failing."""
    if status.state is not EndpointState.FAILING:
        return None
    return _counted_since(status, now) + patience


def _working(status: EndpointStatus, attempted: Attempted, now: datetime) -> EndpointStatus:
    accepted = attempted.blame is Blame.NOBODY
    if status.state is EndpointState.DISABLED:
        return status
    if status.state is EndpointState.FAILING or status.failures:
        last_success_at = now if accepted else status.last_success_at
        return EndpointStatus(era=status.era, last_success_at=last_success_at)
    noted_at = status.last_success_at
    if accepted and (noted_at is None or now - noted_at >= SUCCESS_NOTED_EVERY):
        return replace(status, last_success_at=now)
    return status


def _failed(
    status: EndpointStatus, attempted: Attempted, policy: RetryPolicy, now: datetime, chance: float
) -> EndpointStatus:
    if attempted.notification_id in status.failed:
        return status
    failed = (*status.failed, attempted.notification_id)
    counted = replace(
        status,
        failures=len(failed),
        failed=failed,
        last_error=attempted.reason,
    )
    if counted.failures < FAILURES_UNTIL_FAILING:
        return counted
    return replace(
        counted,
        state=EndpointState.FAILING,
        era=status.era + 1,
        failures=0,
        failing_since=now,
        counted_since=now,
        next_probe_at=_next_probe_at(0, attempted, policy, now, chance),
    )


def _probe_failed(
    status: EndpointStatus, attempted: Attempted, policy: RetryPolicy, now: datetime, chance: float
) -> EndpointStatus:
    since = _counted_since(status, now)
    if now - since >= policy.disable_after:
        days = policy.disable_after / timedelta(days=1)
        return disable(status, f"Failing for {days:g} days, last: {attempted.reason}")
    failures = status.failures + 1
    next_probe_at = _next_probe_at(failures, attempted, policy, now, chance)
    next_mark_at = min(at for at in _marks(since, policy.disable_after) if at > now)
    asked_to_wait_until = now + timedelta(seconds=attempted.retry_after_seconds)
    return replace(
        status,
        failures=failures,
        counted_since=since,
        next_probe_at=min(
            max(asked_to_wait_until, min(next_probe_at, next_mark_at)), since + policy.disable_after
        ),
        last_error=attempted.reason,
        warned=_warning_percent(since, policy.disable_after, now),
    )


def _counted_since(status: EndpointStatus, now: datetime) -> datetime:
    since = status.counted_since or now
    late = timedelta(0) if status.next_probe_at is None else now - status.next_probe_at
    return since + late if late >= AWAY_AFTER else since


def _warning_percent(since: datetime, patience: timedelta, now: datetime) -> int:
    over = (now - since) / patience * 100
    return max((percent for percent in WARN_AT_PERCENT if over >= percent), default=0)


def _marks(since: datetime, patience: timedelta) -> Iterator[datetime]:
    """When the warnings and the end are due: no probe is put off beyond the next of them."""
    for percent in (*WARN_AT_PERCENT, 100):
        yield since + patience * percent / 100


def _next_probe_at(
    failures: int, attempted: Attempted, policy: RetryPolicy, now: datetime, chance: float
) -> datetime:
    wait = max(policy.probe_seconds(failures, chance), PROBE_SECONDS_AT_LEAST)
    return now + timedelta(seconds=max(wait, attempted.retry_after_seconds))
