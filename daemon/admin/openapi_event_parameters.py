"""The parameters of the calls about events, deliveries and endpoints."""

from __future__ import annotations

from collections.abc import Mapping

from daemon.admin.openapi_parts import FLAG, INSTANT, NUMBER, TEXT, Schema
from daemon.instance import EventType, NotificationState
from daemon.store.analytics import Interval


def _query(name: str, schema: Schema, description: str = "") -> Schema:
    described = {"description": description} if description else {}
    return {"in": "query", "name": name, "schema": schema, "required": False, **described}


_PAGE = [
    _query("pageSize", {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}),
    _query("nextPage", TEXT, "The Elements-Next-Page-Token of the page before."),
]
_FILTERS = [
    _query("objectType", TEXT, "The resource."),
    _query("objectId", TEXT, "The object, by the id that its events have."),
    _query("eventType", TEXT, f"{', '.join(EventType)}; several with commas between."),
    _query("state", TEXT, f"{', '.join(NotificationState)}; several with commas between."),
    _query("from", INSTANT, "Written then or later."),
    _query("to", INSTANT, "Written before."),
]
_BY_NUMBER = _query(
    "fromSequence",
    {"type": "integer", "minimum": 1},
    "Lists every number of one resource from this one on, those too that are purged.",
)
_HYDRATE = _query("hydrate", FLAG, "Whether subscription and notification come along.")
_WHERE = _query("where", TEXT, "CEQL on status, state, config.url, subscriptionId, channel.")
_SPAN = [
    _query("from", INSTANT, "An hour before `to` if not given."),
    _query("to", INSTANT, "Now if not given."),
    _query("interval", {"enum": list(Interval), "default": "minute"}),
    _query("accountId", NUMBER),
]
_ONE = r"/instances/{id:\d{1,18}}"
_OF_NOTIFICATION = "/notifications/{notification}/subscriptions"
_DELIVERIES = "/notifications/subscriptions/deliveries"

_LIST = [*_FILTERS, _BY_NUMBER, *_PAGE]
_PURGE = [
    _query("state", {"enum": ["dead"]}, "Needed, so that nothing else is removed."),
    _query("to", INSTANT, "Made before."),
    _query("objectType", TEXT),
]

EVENT_PARAMETERS: Mapping[tuple[str, str], list[Schema]] = {
    ("GET", "/instances/events"): _LIST,
    ("GET", f"{_ONE}/events"): _LIST,
    ("GET", "/instances/events/dispositions"): [*_FILTERS, *_PAGE],
    ("DELETE", "/instances/events"): _PURGE,
    ("DELETE", f"{_ONE}/events"): _PURGE,
    **{
        ("GET", f"/instances/events/analytics{rest}"): _SPAN
        for rest in ("", "/instances", "/accounts")
    },
    ("GET", "/instances/event-poller-records"): _PAGE,
    ("GET", "/events/stream"): [
        _query("instanceId", NUMBER, "Only this instance's."),
        _query("lastEventId", TEXT, "Where a Last-Event-ID header cannot be set."),
    ],
    ("POST", "/events/{element}"): [
        {
            "in": "header",
            "name": "Element-Instances",
            "schema": TEXT,
            "description": "Ids of instances, with commas between.",
        }
    ],
    ("GET", _DELIVERIES): [_WHERE, _HYDRATE, *_PAGE],
    ("PUT", _DELIVERIES): [_WHERE],
    ("GET", f"{_OF_NOTIFICATION}/deliveries"): [_HYDRATE],
    ("GET", f"{_OF_NOTIFICATION}/{{subscription}}/deliveries"): [_HYDRATE],
}

PAGED_CALLS = (
    ("GET", "/instances/events"),
    ("GET", f"{_ONE}/events"),
    ("GET", "/instances/events/dispositions"),
    ("GET", "/instances/event-poller-records"),
    ("GET", _DELIVERIES),
)
"""Lists whose answers have the headers of a page."""
