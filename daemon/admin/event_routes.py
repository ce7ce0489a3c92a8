"""The rows of the table of routes that are about events and endpoints."""

from __future__ import annotations

from daemon.admin import (
    analytics,
    callbacks,
    endpoints,
    events,
    inbound,
    replays,
    stream,
)
from daemon.admin.access import Access, Handler

Row = tuple[str, str, Handler, Access, str, str, str | None]
"""Method, address, handler, what it asks for, summary, schema of the answer and of the body."""

_GET, _POST, _DELETE, _MEMBER = "GET", "POST", "DELETE", Access.MEMBER

_EVENTS = "/instances/events"
_ANALYTICS = f"{_EVENTS}/analytics"
_ONE = r"/instances/{id:\d{1,18}}"
_count, _by_instance = analytics.count_events, analytics.count_by_instance
_by_account, _records = analytics.count_by_account, analytics.list_poller_records
_poller_records = "/instances/event-poller-records"

# What has a fixed name stands before what has a name of its own in the same place.
EVENT_ROWS: tuple[Row, ...] = (
    (_GET, _ANALYTICS, _count, _MEMBER, "Count events by time", "Buckets", None),
    (
        _GET,
        f"{_ANALYTICS}/instances",
        _by_instance,
        _MEMBER,
        "Count them by instance",
        "RecordBuckets",
        None,
    ),
    (
        _GET,
        f"{_ANALYTICS}/accounts",
        _by_account,
        _MEMBER,
        "Count them by account",
        "RecordBuckets",
        None,
    ),
    (
        _GET,
        f"{_EVENTS}/dispositions",
        events.list_dispositions,
        _MEMBER,
        "Tell what became of events",
        "Dispositions",
        None,
    ),
    (_GET, _poller_records, _records, _MEMBER, "List polled resources", "PollerRecords", None),
    *(
        row
        for path in (_EVENTS, f"{_ONE}/events")
        for row in (
            (_GET, path, events.list_events, _MEMBER, "List events", "Events", None),
            (
                _GET,
                f"{path}/{{event}}",
                events.get_event,
                _MEMBER,
                "Look into an event",
                "EventDetail",
                None,
            ),
            (
                _DELETE,
                f"{path}/{{event}}",
                replays.purge_event,
                _MEMBER,
                "Remove a dead event",
                "Volume",
                None,
            ),
            (
                _POST,
                f"{path}/{{event}}/redeliver",
                replays.redeliver_event,
                _MEMBER,
                "Send an event again",
                "Volume",
                "Redelivery",
            ),
        )
    ),
    *(
        row
        for path in (_ONE, "/instances")
        for row in (
            (
                _DELETE,
                f"{path}/events",
                replays.purge_dead,
                _MEMBER,
                "Remove what is dead",
                "Volume",
                None,
            ),
            (
                _POST,
                f"{path}/redeliver",
                replays.redeliver_span,
                _MEMBER,
                "Send events of a span of time again",
                "Volume",
                "SpanRedelivery",
            ),
            (
                _GET,
                f"{path}/endpoint",
                endpoints.get_endpoint,
                _MEMBER,
                "Tell how the callback is doing",
                "Endpoint",
                None,
            ),
            (
                _POST,
                f"{path}/endpoint/enable",
                endpoints.enable,
                _MEMBER,
                "Trust the callback again",
                "Endpoint",
                None,
            ),
            (
                _POST,
                f"{path}/endpoint/rotate-secret",
                endpoints.rotate_secret,
                _MEMBER,
                "Replace the webhook secret",
                "RotatedSecret",
                "SecretRotation",
            ),
            (
                _POST,
                f"{path}/endpoint/ping",
                endpoints.ping,
                _MEMBER,
                "Try out the callback, signed",
                "Verdict",
                None,
            ),
        )
    ),
    (_GET, "/events/stream", stream.stream_events, _MEMBER, "Follow new events", "Stream", None),
    (
        _POST,
        "/events/{element}",
        inbound.receive,
        _MEMBER,
        "Have instances poll now",
        "Polled",
        "AnyBody",
    ),
    (
        _POST,
        "/callbacks/test",
        callbacks.try_callback,
        _MEMBER,
        "Try out an address",
        "CallbackTest",
        "CallbackToTest",
    ),
)
"""Events and what may be done about them."""
