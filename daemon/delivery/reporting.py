"""The reporting: one log line and the metrics of each attempt, and of an endpoint that turns."""

from __future__ import annotations

import logging
from datetime import datetime

import structlog

from daemon.delivery.endpoint import EndpointStatus
from daemon.delivery.ready import ReadyNotification
from daemon.delivery.settlement import Outcome, OutcomeKind, Settlement
from daemon.instance import EndpointState, InstanceId
from daemon.metrics import Metrics

log = structlog.get_logger(__name__)

ROOT = logging.getLogger()
"""Has the level that all logs have, also when that changes."""

NAMES = {
    EndpointState.HEALTHY: "endpoint.recovered",
    EndpointState.FAILING: "endpoint.failing",
    EndpointState.DISABLED: "endpoint.disabled",
}


class Reporter:
    """Says what happened, without bodies, addresses or secrets."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._deliveries = {kind: metrics.deliveries.labels(outcome=kind) for kind in OutcomeKind}

    def attempted(self, settlement: Settlement, ready: ReadyNotification) -> None:
        """The canonical line of an attempt.

        An acceptance at the first attempt is of interest only to who debugs: the metrics count it,
        the attempts table keeps it, and telling it would cost a good part of the delivery itself.
        """
        outcome = settlement.outcome
        self._count(outcome, ready)
        plain = outcome.kind is OutcomeKind.DELIVERED and settlement.number == 1
        if plain and not ROOT.isEnabledFor(logging.DEBUG):  # quicker to ask than our own logger
            return
        log.log(
            logging.DEBUG if plain else logging.INFO,
            "delivery.attempted",
            instance=settlement.instance_id,
            notification=settlement.notification_id,
            event_id=ready.event_id,
            attempt=settlement.number,
            outcome=outcome.kind.value,
            status=outcome.status,
            spent=settlement.spent,
            seconds=round(outcome.duration_seconds, 3),
            state=settlement.state.value,
            due_at=_due_at(settlement),
            reason=outcome.reason,
        )

    def _count(self, outcome: Outcome, ready: ReadyNotification) -> None:
        self._deliveries[outcome.kind].inc()
        self._metrics.delivery_duration.observe(outcome.duration_seconds)
        if outcome.kind is OutcomeKind.DELIVERED:
            waited = (outcome.started_at - ready.page_read_at).total_seconds()
            latency = waited + outcome.duration_seconds
            self._metrics.delivery_latency.observe(max(0.0, latency))

    def endpoint_turned(self, instance_id: InstanceId, status: EndpointStatus) -> None:
        """A callback begins or ceases to be in trouble: said once each time."""
        say = log.info if status.state is EndpointState.HEALTHY else log.warning
        say(
            NAMES[status.state],
            instance=instance_id,
            since=None if status.failing_since is None else status.failing_since.isoformat(),
            reason=status.last_error,
        )

    def endpoint_warned(self, instance_id: InstanceId, status: EndpointStatus) -> None:
        """A callback has been in trouble for a good part of the time until it is disabled."""
        log.warning(
            "endpoint.will_be_disabled",
            instance=instance_id,
            percent=status.warned,
            since=None if status.failing_since is None else status.failing_since.isoformat(),
            reason=status.last_error,
        )


def _due_at(settlement: Settlement) -> str | None:
    retried: datetime | None = settlement.due_at if settlement.state == "retrying" else None
    return None if retried is None else retried.isoformat()
