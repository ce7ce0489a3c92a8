from __future__ import annotations

from datetime import timedelta

import pytest

from daemon.delivery.endpoint import EndpointStatus
from daemon.delivery.retry import Blame, RetryPolicy
from daemon.delivery.settlement import Begun, Conclusion, Outcome, OutcomeKind, conclude
from daemon.instance import EndpointState, NotificationState
from tests.delivery.parts import FAILING, INSTANCE, NOW, make_ready

POLICY = RetryPolicy(schedule_seconds=(0, 5, 300), jitter=0, disable_after=timedelta(days=5))
DUE_AT = NOW - timedelta(hours=1)


def after(
    blame: Blame, *, attempts: int = 0, status: EndpointStatus | None = None, wait: float = 0.0
) -> Conclusion:
    status = status or EndpointStatus()
    ready = make_ready(due_at=DUE_AT, attempts=attempts)
    outcome = Outcome(
        kind=OutcomeKind.STATUS,
        blame=blame,
        started_at=NOW - timedelta(seconds=2),
        duration_seconds=2.0,
        retry_after_seconds=wait,
    )
    begun = Begun(instance_id=INSTANCE, ready=ready, era=status.era)
    return conclude(begun, outcome, status, POLICY, 0.5)


@pytest.mark.parametrize(
    ("attempts", "wait", "seconds"),
    [
        pytest.param(0, 0.0, 5, id="after the first"),
        pytest.param(1, 0.0, 300, id="after the second"),
        pytest.param(0, 60.0, 60, id="as late as retry-after says"),
    ],
)
@pytest.mark.parametrize("blame", [Blame.NOTIFICATION, Blame.ENDPOINT], ids=str)
def test_a_failed_attempt_is_repeated_as_scheduled_from_its_end(
    blame: Blame, attempts: int, wait: float, seconds: float
) -> None:
    settlement = after(blame, attempts=attempts, wait=wait).settlement

    assert settlement.state is NotificationState.RETRYING
    assert settlement.due_at == NOW + timedelta(seconds=seconds)
    assert (settlement.attempts, settlement.number, settlement.spent) == (
        attempts + 1,
        attempts + 1,
        True,
    )


@pytest.mark.parametrize("blame", [Blame.NOTIFICATION, Blame.ENDPOINT], ids=str)
def test_after_the_last_attempt_a_notification_is_dead(blame: Blame) -> None:
    settlement = after(blame, attempts=2).settlement

    assert (settlement.state, settlement.attempts) == (NotificationState.DEAD, 3)


def test_an_accepted_one_is_delivered_even_by_its_last_attempt() -> None:
    settlement = after(Blame.NOBODY, attempts=2).settlement

    assert (settlement.state, settlement.attempts) == (NotificationState.DELIVERED, 3)


@pytest.mark.parametrize(
    ("blame", "status"),
    [
        pytest.param(Blame.ENDPOINT, FAILING, id="the endpoint is failing"),
        pytest.param(Blame.GONE, EndpointStatus(), id="the endpoint is gone"),
        pytest.param(Blame.UNKNOWN, EndpointStatus(), id="a stop cut it off"),
    ],
)
def test_what_is_not_its_own_trouble_leaves_a_notification_as_it_was(
    blame: Blame, status: EndpointStatus
) -> None:
    settlement = after(blame, attempts=2, status=status).settlement

    assert settlement.state is NotificationState.RETRYING
    assert (settlement.attempts, settlement.due_at, settlement.number) == (2, DUE_AT, 3)
    assert not settlement.spent


def test_the_endpoint_is_judged_along() -> None:
    assert after(Blame.GONE).endpoint.state is EndpointState.DISABLED
    assert after(Blame.NOBODY, status=FAILING).endpoint.state is EndpointState.HEALTHY
    assert after(Blame.ENDPOINT).endpoint.failures == 1
    assert after(Blame.UNKNOWN, status=FAILING).endpoint == FAILING


@pytest.mark.parametrize(
    ("status", "events", "state"),
    [
        pytest.param(400, 2, NotificationState.SPLIT, id="400 to several"),
        pytest.param(413, 10, NotificationState.SPLIT, id="413 to several"),
        pytest.param(422, 2, NotificationState.SPLIT, id="422 to several"),
        pytest.param(422, 1, NotificationState.RETRYING, id="422 to one"),
        pytest.param(409, 10, NotificationState.RETRYING, id="another status"),
    ],
)
def test_a_body_of_several_events_that_is_refused_is_split_at_once(
    status: int, events: int, state: NotificationState
) -> None:
    ready = make_ready(due_at=DUE_AT, events=events)
    outcome = Outcome(
        kind=OutcomeKind.STATUS,
        blame=Blame.NOTIFICATION,
        started_at=NOW,
        duration_seconds=0,
        status=status,
    )

    concluded = conclude(
        Begun(instance_id=INSTANCE, ready=ready, era=0), outcome, EndpointStatus(), POLICY, 0.5
    )

    assert concluded.settlement.state is state
    split = state is NotificationState.SPLIT
    assert concluded.settlement.due_at == (DUE_AT if split else NOW + timedelta(seconds=5))
    assert concluded.endpoint.state is EndpointState.HEALTHY


def test_where_failures_are_queued_the_last_attempt_keeps_the_notification_and_disables() -> None:
    ready = make_ready(due_at=DUE_AT, attempts=2)
    outcome = Outcome(
        kind=OutcomeKind.STATUS,
        blame=Blame.NOTIFICATION,
        started_at=NOW,
        duration_seconds=0,
        status=409,
        reason="The callback answered 409",
    )
    begun = Begun(instance_id=INSTANCE, ready=ready, era=0, queues=True)

    concluded = conclude(begun, outcome, EndpointStatus(), POLICY, 0.5)

    kept = concluded.settlement
    assert (kept.state, kept.attempts, kept.due_at) == (NotificationState.RETRYING, 0, DUE_AT)
    assert (kept.number, kept.spent) == (3, True)
    assert concluded.endpoint.state is EndpointState.DISABLED
    reason = "The callback answered 409; the last attempt was spent"
    assert concluded.endpoint.disabled_reason == reason
