"""Notifications, lanes and endpoints for tests that need no database."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from daemon.delivery.endpoint import EndpointConfiguration, EndpointStatus
from daemon.delivery.lane import BodyMemory, Lane
from daemon.delivery.ready import DueNotification, ReadyNotification
from daemon.instance import EndpointState, EventId, InstanceId, NotificationId
from daemon.notifications.context import NotificationFormat

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
INSTANCE = InstanceId(42)
CONFIGURATION = EndpointConfiguration(url="https://example.org/callback")
FAILING = EndpointStatus(state=EndpointState.FAILING, failing_since=NOW, next_probe_at=NOW, era=1)
DISABLED = EndpointStatus(state=EndpointState.DISABLED, disabled_reason="gone")


def make_ready(number: int = 1, due_at: datetime = NOW, **changed: Any) -> ReadyNotification:
    fields: dict[str, Any] = {
        "id": NotificationId(number),
        "event_id": EventId(f"{number:020}"),
        "format": NotificationFormat.OPENCONNECTORS,
        "body": b"{}",
        "due_at": due_at,
        "page_read_at": NOW,
    }
    return ReadyNotification(**(fields | changed))


def make_due(*numbers: int, after: timedelta = timedelta(0)) -> list[DueNotification]:
    """As a refill finds them: due now with their bodies, or later and without."""
    return [
        DueNotification(
            instance_id=INSTANCE,
            id=NotificationId(number),
            due_at=NOW + after,
            notification=None if after else make_ready(number),
        )
        for number in numbers
    ]


def open_lane(
    *numbers: int,
    status: EndpointStatus | None = None,
    instance_id: InstanceId = INSTANCE,
    memory: BodyMemory | None = None,
    max_in_flight: int = 4,
) -> Lane:
    """A lane that is open, with these notifications in memory and nothing outside."""
    memory = memory or BodyMemory(limit_bytes=1000)
    lane = Lane(instance_id, 1, memory, max_in_flight=max_in_flight)
    lane.open(CONFIGURATION, status or EndpointStatus())
    lane.begin_refill()
    lane.end_refill(make_due(*numbers), 100, NOW)
    return lane


def take_all(lane: Lane, now: datetime = NOW) -> Iterable[int]:
    """Take as long as the lane lets one."""
    while lane.can_send(now):
        yield int(lane.take().id)
