"""The events as they are answered: entries of lists, one in detail, what became of it in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from daemon.admin.messages import instant_text
from daemon.connectors.connector import Connector
from daemon.delivery.endpoint import EndpointConfiguration
from daemon.delivery.ready import ReadyNotification
from daemon.delivery.signing import request_headers
from daemon.instance import NotificationState
from daemon.instance_configuration import MASK
from daemon.notifications.context import NotificationFormat
from daemon.store.recorded import RecordedAttempt, RecordedEvent, RecordedNotification

STATUSES: Mapping[NotificationState, str] = {
    NotificationState.PENDING: "NEW",
    NotificationState.RETRYING: "DISPATCHED",
    NotificationState.DELIVERED: "NOTIFIED",
    NotificationState.DEAD: "CONSUMED",
    NotificationState.CANCELLED: "CONSUMED",
    NotificationState.SPLIT: "CONSUMED",
}
"""The original's words for how far an event has come."""


def render_event(event: RecordedEvent, connectors: Mapping[str, Connector]) -> dict[str, Any]:
    """One entry of a list: the original's keys, then ours."""
    connector = connectors.get(event.element_key)
    return {
        "id": event.event_id,
        "eventId": event.event_id,
        "eventDate": instant_text(event.created_at),
        "status": STATUSES[event.state],
        "instanceId": event.instance_id,
        "elementInstanceId": event.instance_id,
        "elementKey": event.element_key,
        "hubKey": None if connector is None else connector.element.hub,
        "date": instant_text(event.occurred_at),
        "pollDate": instant_text(event.page_read_at),
        "eventType": event.type,
        "objectType": event.object_type,
        "objectId": event.object_key,
        "sequence": event.sequence,
        "state": event.state,
        "changed": None if event.changed is None else list(event.changed),
        "backfill": event.backfill,
        "notificationId": str(event.notification_id),
        "notificationEventId": event.notification_event_id,
        "attemptsSpent": event.attempts,
        "nextAttempt": _next_attempt(event.state, event.due_at),
        "finishedDate": instant_text(event.finished_at),
        "replay": event.replay,
    }


def render_purged(instance_id: int, object_type: str, sequence: int) -> dict[str, Any]:
    """A number whose event is no longer kept: given out once, so that no receiver misses it."""
    return {
        "instanceId": instance_id,
        "elementInstanceId": instance_id,
        "objectType": object_type,
        "sequence": sequence,
        "state": "purged",
    }


def render_detail(
    notification: RecordedNotification,
    told: Sequence[dict[str, Any]],
    attempts: Sequence[RecordedAttempt],
    headers: Mapping[str, str],
) -> dict[str, Any]:
    """What was told about an event: the bytes, the headers, and every attempt."""
    records, entries = _payload(notification)
    return {
        "notificationId": str(notification.id),
        "notificationEventId": notification.event_id,
        "instanceId": notification.instance_id,
        "objectType": notification.object_type,
        "eventDate": instant_text(notification.created_at),
        "status": STATUSES[notification.state],
        "state": notification.state,
        "format": notification.format,
        "replay": notification.replay,
        "attemptsSpent": notification.attempts,
        "nextAttempt": _next_attempt(notification.state, notification.due_at),
        "finishedDate": instant_text(notification.finished_at),
        "waits": notification.waits_for is not None,
        "events": list(told),
        "providerData": records,
        "notifiedData": entries,
        "body": notification.body.decode(),
        "headers": dict(headers),
        "attempts": [render_attempt(attempt) for attempt in attempts],
    }


def render_attempt(attempt: RecordedAttempt) -> dict[str, Any]:
    """One attempt: when, how long, and what came back."""
    return {
        "number": attempt.number,
        "date": instant_text(attempt.started_at),
        "milliseconds": round(attempt.duration_seconds * 1000),
        "outcome": attempt.outcome,
        "status": attempt.status,
        "spent": attempt.spent,
        "answer": attempt.answer,
        "message": attempt_words(attempt),
    }


def attempt_words(attempt: RecordedAttempt) -> str:
    """What an attempt came to, in the original's tone."""
    took, which = f"after {round(attempt.duration_seconds * 1000)} ms", f"attempt {attempt.number}"
    if attempt.outcome == "delivered":
        return f"Delivered event: the callback answered {attempt.status} {took} ({which})"
    if attempt.outcome == "cancelled":
        return f"Event not delivered: cut off by a stop {took} ({which}, not counted: made again)"
    what = (
        f"the callback answered {attempt.status}"
        if attempt.status is not None
        else f"no answer ({attempt.outcome.replace('_', ' ')})"
    )
    whose = "" if attempt.spent else ", not counted: the endpoint's trouble"
    return f"Error delivering event: {what} {took} ({which}{whose})"


def render_disposition(event: RecordedEvent, attempts: Sequence[RecordedAttempt]) -> dict[str, Any]:
    """What became of an event, message by message."""
    words = [attempt_words(attempt) for attempt in attempts]
    if event.state is NotificationState.DEAD:
        words.append(
            "Error delivering event: given up after the last attempt; it can be sent again"
        )
    return {
        "eventId": event.event_id,
        "elementInstanceId": event.instance_id,
        "notificationData": [{"message": text} for text in words or ["Not tried yet"]],
    }


def shown_headers(
    configuration: EndpointConfiguration,
    notification: RecordedNotification,
    attempts: Sequence[RecordedAttempt],
) -> Mapping[str, str]:
    """The headers of the last attempt (of one now, if there was none), as today's secrets make
    them; what a person configured is masked."""
    at = attempts[-1].started_at if attempts else datetime.now(UTC)
    ready = ReadyNotification(
        id=notification.id,
        event_id=notification.event_id,
        format=notification.format,
        body=notification.body,
        due_at=notification.due_at,
        page_read_at=notification.created_at,
        replay=notification.replay,
    )
    masked = {*configuration.headers, "Authorization"}
    headers = request_headers(configuration, ready, int(at.timestamp()))
    return {name: MASK if name in masked else text for name, text in headers.items()}


def _payload(notification: RecordedNotification) -> tuple[str, list[Any]]:
    """The provider's records as a text, and what was told about them."""
    content = orjson.loads(notification.body)
    match notification.format:
        case NotificationFormat.OPENCONNECTORS:
            message = content.get("message", {})
            return _text(message.get("raw", {})), message.get("events", [])
        case NotificationFormat.CLOUDEVENTS:
            records = [entry["data"].get("record") for entry in content]
            return _text([record for record in records if record is not None]), content
        case NotificationFormat.STANDARD:
            return _text(content["data"].get("record")), [content]


def _text(value: Any) -> str:
    return orjson.dumps(value).decode()


def _next_attempt(state: NotificationState, due_at: datetime) -> str | None:
    waits = state in (NotificationState.PENDING, NotificationState.RETRYING)
    return instant_text(due_at) if waits else None
