from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from daemon.delivery.reporting import Reporter
from daemon.delivery.retry import Blame
from daemon.delivery.settlement import Outcome, OutcomeKind, Settlement, cancelled
from daemon.instance import NotificationId, NotificationState
from daemon.metrics import Metrics
from tests.delivery.parts import INSTANCE, NOW, make_ready

BEGAN_AT = NOW - timedelta(seconds=2.5)
FIELDS = [
    *("instance", "notification", "event_id", "attempt", "outcome", "status", "spent", "seconds"),
    *("state", "due_at", "reason"),
]


def line_of(outcome: Outcome, state: NotificationState, number: int) -> dict[str, Any] | None:
    """What is said of an attempt; never more than a line."""
    settlement = Settlement(
        instance_id=INSTANCE,
        notification_id=NotificationId(7),
        state=state,
        attempts=number,
        due_at=NOW + timedelta(seconds=5),
        number=number,
        spent=outcome.kind is not OutcomeKind.CANCELLED,
        outcome=outcome,
    )
    with capture_logs() as lines:
        Reporter(Metrics(version="test")).attempted(settlement, make_ready(7, body=b"secret"))
    assert len(lines) <= 1
    return dict(lines[0]) if lines else None


def make_outcome(kind: OutcomeKind, **fields: Any) -> Outcome:
    return Outcome(
        kind=kind, blame=Blame.ENDPOINT, started_at=BEGAN_AT, duration_seconds=2.5, **fields
    )


REFUSED = make_outcome(OutcomeKind.STATUS, status=503, reason="answered 503", answer="the body")
RETRYING = (NOW + timedelta(seconds=5)).isoformat()


@pytest.mark.parametrize(
    ("outcome", "state", "number", "told"),
    [
        pytest.param(
            REFUSED,
            NotificationState.RETRYING,
            1,
            ["status", 503, True, 2.5, "retrying", RETRYING, "answered 503"],
            id="refused",
        ),
        pytest.param(
            REFUSED,
            NotificationState.DEAD,
            10,
            ["status", 503, True, 2.5, "dead", None, "answered 503"],
            id="given up",
        ),
        pytest.param(
            make_outcome(OutcomeKind.TIMEOUT, reason="too slow"),
            NotificationState.RETRYING,
            2,
            ["timeout", None, True, 2.5, "retrying", RETRYING, "too slow"],
            id="no answer",
        ),
        pytest.param(
            make_outcome(OutcomeKind.DELIVERED, status=200),
            NotificationState.DELIVERED,
            2,
            ["delivered", 200, True, 2.5, "delivered", None, None],
            id="accepted at last",
        ),
        pytest.param(
            cancelled(BEGAN_AT, NOW),
            NotificationState.RETRYING,
            1,
            ["cancelled", None, False, 2.5, "retrying", RETRYING, "Cut off by a stop"],
            id="cut off",
        ),
    ],
)
def test_an_attempt_is_one_line_with_the_same_fields_whatever_came_of_it(
    outcome: Outcome, state: NotificationState, number: int, told: list[Any]
) -> None:
    line = line_of(outcome, state, number)

    assert line is not None
    assert (line.pop("event"), line.pop("log_level")) == ("delivery.attempted", "info")
    assert list(line) == FIELDS
    assert list(line.values()) == [INSTANCE, 7, make_ready(7).event_id, number, *told]


def test_an_acceptance_at_once_is_left_to_the_metrics() -> None:
    accepted = make_outcome(OutcomeKind.DELIVERED, status=200)

    assert line_of(accepted, NotificationState.DELIVERED, 1) is None
