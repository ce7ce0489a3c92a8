"""The subscriptions and deliveries as they are answered: our instances in the original's words."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from enum import StrEnum
from typing import Any

from daemon.admin.messages import instant_text
from daemon.instance import EndpointState, NotificationState
from daemon.store.delivery_lists import Delivery
from daemon.store.endpoints import Endpoint


class DeliveryStatus(StrEnum):
    """How far a delivery is, in the original's words.

    CREATED: never tried. RETRY: failed so far. DELIVERED and NOTIFIED: accepted. QUEUED: kept until
    somebody resends it, because it was given up or its endpoint is disabled.
    """

    CREATED = "created"
    DELIVERED = "delivered"
    NOTIFIED = "notified"
    RETRY = "retry"
    QUEUED = "queued"


_STATUSES: Mapping[NotificationState, DeliveryStatus] = {
    NotificationState.PENDING: DeliveryStatus.CREATED,
    NotificationState.RETRYING: DeliveryStatus.RETRY,
    NotificationState.DELIVERED: DeliveryStatus.DELIVERED,
    NotificationState.SPLIT: DeliveryStatus.NOTIFIED,
    NotificationState.DEAD: DeliveryStatus.QUEUED,
    NotificationState.CANCELLED: DeliveryStatus.NOTIFIED,
}
_UNFINISHED = (NotificationState.PENDING, NotificationState.RETRYING)


def status_of(state: NotificationState, *, held: bool) -> DeliveryStatus:
    """The original's word for a notification; `held` where its endpoint is disabled."""
    return DeliveryStatus.QUEUED if held and state in _UNFINISHED else _STATUSES[state]


def states_of(statuses: Collection[DeliveryStatus], *, held: bool) -> Iterator[NotificationState]:
    """The other way round; delivered and notified are one to us, but for what was split."""
    asked = set(statuses)
    if asked & {DeliveryStatus.DELIVERED, DeliveryStatus.NOTIFIED}:
        asked.add(DeliveryStatus.DELIVERED)
    return (state for state in NotificationState if status_of(state, held=held) in asked)


def render_subscription(endpoint: Endpoint) -> dict[str, Any]:
    """An instance's callback as the original's subscription; its id is the instance's."""
    return {
        "id": endpoint.instance_id,
        "channel": "webhook",
        "topics": [f"instance-{endpoint.instance_id}-{endpoint.element_key}-events"],
        "config": {"url": endpoint.url},
        "active": endpoint.is_sent_to,
        "createdDate": instant_text(endpoint.created_at),
        "updatedDate": instant_text(endpoint.updated_at),
    }


def render_delivery(delivery: Delivery) -> dict[str, Any]:
    """One delivery: the original's keys, then ours."""
    held = delivery.endpoint_state is EndpointState.DISABLED
    updated_at = delivery.finished_at or delivery.tried_at or delivery.created_at
    return {
        "notificationId": str(delivery.id),
        "subscriptionId": delivery.instance_id,
        "status": status_of(delivery.state, held=held),
        "createdDate": instant_text(delivery.created_at),
        "updatedDate": instant_text(updated_at),
        "eventId": delivery.event_id,
        "state": delivery.state,
        "events": delivery.events,
        "attemptsSpent": delivery.attempts,
        "nextAttempt": instant_text(delivery.due_at) if delivery.state in _UNFINISHED else None,
        "replay": delivery.replay,
    }
