"""The schemas of the calls about events, deliveries and endpoints."""

from __future__ import annotations

from collections.abc import Mapping

from daemon.admin.account_settings import FAILURE_POLICY, FailurePolicy
from daemon.admin.delivery_views import DeliveryStatus
from daemon.admin.openapi_parts import (
    ANYTHING,
    FLAG,
    INSTANT,
    NUMBER,
    OPTIONAL_TEXT,
    TEXT,
    TEXTS,
    Schema,
    list_of,
    object_of,
)
from daemon.instance import EndpointState, EventType, NotificationState
from daemon.notifications.context import NotificationFormat

_OPTIONAL_FLAG: Schema = {"type": ["boolean", "null"]}
_STATE: Schema = {"enum": [*NotificationState, "purged"]}
_COUNTS = dict.fromkeys(("count", "success", "failed"), NUMBER)

_EVENT: dict[str, Schema] = {
    "id": TEXT,
    "eventId": {**TEXT, "description": "The change, the same in every notification of it."},
    "eventDate": {**INSTANT, "description": "When it was written."},
    "status": {"enum": ["NEW", "DISPATCHED", "NOTIFIED", "CONSUMED"]},
    "instanceId": NUMBER,
    "elementInstanceId": NUMBER,
    "elementKey": TEXT,
    "hubKey": OPTIONAL_TEXT,
    "date": {**INSTANT, "description": "The record's own instant."},
    "pollDate": INSTANT,
    "eventType": {"enum": list(EventType)},
    "objectType": TEXT,
    "objectId": TEXT,
    "sequence": {**NUMBER, "description": "Per instance and resource, without a gap, from 1 on."},
    "state": _STATE,
    "changed": {"type": ["array", "null"], "items": TEXT},
    "backfill": FLAG,
    "notificationId": TEXT,
    "notificationEventId": {**TEXT, "description": "The webhook-id of its notification."},
    "attemptsSpent": NUMBER,
    "nextAttempt": INSTANT,
    "finishedDate": INSTANT,
    "replay": FLAG,
}

_ENDPOINT_STATUS: Mapping[str, Schema] = {
    "url": TEXT,
    "state": {"enum": list(EndpointState)},
    "stateSince": INSTANT,
    "active": {**FLAG, "description": "Whether anything is sent there at present."},
    "failures": NUMBER,
    "failingSince": INSTANT,
    "nextProbe": INSTANT,
    "disablesAt": {
        **INSTANT,
        "description": "When it is given up if it goes on failing; time in which it was not asked"
        " does not count.",
    },
    "warningPercent": {**NUMBER, "description": "0, 50, 70 or 90 of the time until then."},
    "lastError": OPTIONAL_TEXT,
    "lastSuccess": INSTANT,
    "disabledReason": OPTIONAL_TEXT,
}

EVENT_SCHEMAS: Mapping[str, Schema] = {
    "Event": object_of("objectType sequence state instanceId", **_EVENT),
    "Events": list_of("Event"),
    "EventDetail": object_of(
        "id notificationId state providerData notifiedData attempts",
        **_EVENT,
        format={"enum": list(NotificationFormat)},
        waits={**FLAG, "description": "Whether an earlier notification of its object comes first."},
        events=list_of("Event"),
        parts={**TEXTS, "description": "The notifications that a split one was replaced by."},
        providerData={**TEXT, "description": "The provider's records that were told, as JSON."},
        notifiedData={"type": "array", "items": ANYTHING},
        body={**TEXT, "description": "The exact bytes that are signed and sent."},
        headers={"type": "object", "additionalProperties": TEXT},
        attempts=list_of("Attempt"),
    ),
    "Attempt": object_of(
        "number date outcome spent",
        number=NUMBER,
        date=INSTANT,
        milliseconds=NUMBER,
        outcome=TEXT,
        status={"type": ["integer", "null"]},
        spent={**FLAG, "description": "False where it was the endpoint's trouble or a stop."},
        answer=OPTIONAL_TEXT,
        message=TEXT,
    ),
    "Dispositions": {
        "type": "array",
        "items": object_of(
            "eventId elementInstanceId notificationData",
            eventId=TEXT,
            elementInstanceId=NUMBER,
            notificationData={"type": "array", "items": object_of("message", message=TEXT)},
        ),
    },
    "Volume": object_of(
        "notifications events dryRun", notifications=NUMBER, events=NUMBER, dryRun=FLAG
    ),
    "Redelivery": object_of(dryRun=FLAG),
    "SpanRedelivery": object_of(
        since=INSTANT,
        until=INSTANT,
        status={"enum": ["dead", "delivered", "all"], "default": "dead"},
        objectType=TEXT,
        dryRun={**FLAG, "description": "Counts, and sends nothing."},
    ),
    "Buckets": {
        "type": "array",
        "items": object_of("count timestamp", count=NUMBER, timestamp=INSTANT),
    },
    "RecordBuckets": {
        "type": "array",
        "items": object_of(
            "total timestamp records",
            total=NUMBER,
            timestamp=INSTANT,
            records={
                "type": "array",
                "items": object_of("count", instanceId=NUMBER, accountId=NUMBER, **_COUNTS),
            },
        ),
    },
    "PollerRecords": {
        "type": "array",
        "items": object_of(
            "id elementInstanceId objectType state",
            id=NUMBER,
            elementInstanceId=NUMBER,
            elementKey=TEXT,
            objectType=TEXT,
            state=TEXT,
            cursor=INSTANT,
            lastPollDate=INSTANT,
            lastSuccessDate=INSTANT,
            nextPollDate=INSTANT,
            lastError=OPTIONAL_TEXT,
            eventCount=NUMBER,
            createdDate=INSTANT,
        ),
    },
    "EndpointStatus": object_of("url state active", **_ENDPOINT_STATUS),
    "Endpoint": object_of(
        "instanceId url state active",
        instanceId=NUMBER,
        instanceName=TEXT,
        **_ENDPOINT_STATUS,
        pendingNotifications=NUMBER,
        deadNotifications=NUMBER,
    ),
    "SecretRotation": object_of(
        overlapHours={"type": "number", "minimum": 0, "maximum": 720, "default": 24}
    ),
    "RotatedSecret": object_of(
        "webhookSecret overlapUntil",
        webhookSecret={**TEXT, "description": "In this answer, and nowhere else."},
        overlapUntil={**INSTANT, "description": "Until then the old secret signs along."},
    ),
    "Verdict": object_of(
        "accepted message",
        resolved=_OPTIONAL_FLAG,
        connected=_OPTIONAL_FLAG,
        tls=_OPTIONAL_FLAG,
        status={"type": ["integer", "null"]},
        milliseconds=NUMBER,
        accepted=FLAG,
        message=TEXT,
    ),
    "CallbackToTest": object_of("url", url={"type": "string", "format": "uri"}),
    "CallbackTest": object_of(
        "status milliseconds",
        status={"type": ["integer", "null"]},
        milliseconds=NUMBER,
        error={**TEXT, "description": "Why it would not take a notification, in words."},
    ),
    "Stream": {**TEXT, "description": "Server-Sent Events; the data of each is an Event."},
    "AnyBody": {"description": "Whatever the provider says; it is not used."},
    "Polled": object_of("instances", instances={"type": "object", "additionalProperties": TEXTS}),
    "Subscription": object_of(
        "id channel topics config active",
        id=NUMBER,
        channel={"enum": ["webhook"]},
        topics=TEXTS,
        config=object_of("url", url=TEXT),
        active=FLAG,
        createdDate=INSTANT,
        updatedDate=INSTANT,
    ),
    "Subscriptions": list_of("Subscription"),
    "NewSubscription": object_of(
        "config", channel={"enum": ["webhook"]}, topics=TEXTS, config=object_of("url", url=TEXT)
    ),
    "Delivery": object_of(
        "notificationId subscriptionId status state",
        notificationId=TEXT,
        subscriptionId=NUMBER,
        status={"enum": list(DeliveryStatus)},
        createdDate=INSTANT,
        updatedDate=INSTANT,
        eventId=TEXT,
        state=_STATE,
        events=NUMBER,
        attemptsSpent=NUMBER,
        nextAttempt=INSTANT,
        replay=FLAG,
        subscription=ANYTHING,
        notification=ANYTHING,
    ),
    "Deliveries": list_of("Delivery"),
    "Resent": object_of(
        "subscriptions notifications events",
        subscriptions={"type": "array", "items": NUMBER},
        notifications={**NUMBER, "description": "How many dead ones go out again."},
        events=NUMBER,
    ),
    "AccountSettings": object_of(**{FAILURE_POLICY: {"enum": list(FailurePolicy)}}),
}

EVENT_OPTIONAL_BODIES = frozenset({"Redelivery", "SpanRedelivery", "SecretRotation", "AnyBody"})
"""Bodies that may be left out."""

STREAMS = frozenset({"Stream"})
"""Answers that are no JSON but a stream of events."""
