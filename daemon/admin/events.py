"""The calls about events: list them, look into one, what became of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from aiohttp import web

from daemon.admin.context import CONTEXT, AdminContext
from daemon.admin.event_views import (
    render_detail,
    render_disposition,
    render_event,
    render_purged,
    shown_headers,
)
from daemon.admin.messages import answer, read_instant, refuse, whole_number
from daemon.admin.paging import (
    PAGE_PARAMETERS,
    answer_page,
    check_query,
    number_token,
    page_size,
    place_token,
    read_number,
    read_place,
    read_scope,
)
from daemon.errors import InstanceDisabled, NotFound
from daemon.instance import EventType, NotificationState
from daemon.store import events
from daemon.store.recorded import (
    EventFilter,
    RecordedAttempt,
    RecordedEvent,
    RecordedNotification,
    Scope,
)

FILTERS = ("objectType", "objectId", "eventType", "state", "from", "to", "fromSequence")
MAXIMUM_SEQUENCE = 999_999_999

E = TypeVar("E", bound=StrEnum)


async def list_events(request: web.Request) -> web.Response:
    """GET /instances/events and /instances/{id}/events: the newest first, or by number."""
    check_query(request, (*FILTERS, *PAGE_PARAMETERS))
    scope, wanted = await read_scope(request), read_filter(request)
    if "fromSequence" in request.query:
        return await _list_by_sequence(request, scope, wanted)
    found, token = await _page(request, scope, wanted)
    connectors = request.app[CONTEXT].connectors
    return answer_page(request, [render_event(event, connectors) for event in found], token)


async def get_event(request: web.Request) -> web.Response:
    """GET /instances/events/{eventId} and /instances/{id}/events/{eventId}"""
    context, scope = request.app[CONTEXT], await read_scope(request)
    name = request.match_info["event"]
    notification = await events.get_notification(context.database, scope, name)
    told = await events.list_of_notification(context.database, notification.id)
    attempts = await events.list_attempts(context.database, [notification.id])
    tried = attempts.get(notification.id, ())
    rendered = [render_event(event, context.connectors) for event in told]
    detail = render_detail(
        notification, rendered, tried, await _headers(context, notification, tried)
    )
    detail["parts"] = list(await events.list_parts(context.database, notification.id))
    asked = [entry for entry in rendered if entry["id"] == name] or rendered[:1]
    return answer({"id": name, **(asked[0] if asked else {}), **detail})


async def list_dispositions(request: web.Request) -> web.Response:
    """GET /instances/events/dispositions: what became of each event, in words."""
    check_query(request, (*FILTERS[:-1], *PAGE_PARAMETERS))
    found, token = await _page(request, await read_scope(request), read_filter(request))
    attempts = await events.list_attempts(
        request.app[CONTEXT].database, {event.notification_id for event in found}
    )
    entries = [
        render_disposition(event, attempts.get(event.notification_id, ())) for event in found
    ]
    return answer_page(request, entries, token)


def read_filter(request: web.Request) -> EventFilter:
    """Which events are asked for. Raises InvalidInput."""
    query = request.query
    since, until = read_optional_instant(query, "from"), read_optional_instant(query, "to")
    if since is not None and until is not None and since > until:
        raise refuse("from", "lies after to")
    return EventFilter(
        object_type=query.get("objectType") or None,
        object_key=query.get("objectId") or None,
        types=read_choices(request, "eventType", EventType),
        states=read_choices(request, "state", NotificationState),
        since=since,
        until=until,
    )


def read_optional_instant(query: Mapping[str, str], name: str) -> datetime | None:
    """An instant under a name, None if it is missing. Raises InvalidInput."""
    # A plus sign that was not encoded has become a space.
    text = query.get(name, "").replace(" ", "+")
    return read_instant({name: text}, name) if text else None


def read_choices(request: web.Request, name: str, kind: type[E]) -> list[E] | None:
    """Some of the members of an enumeration, commas between them. Raises InvalidInput."""
    texts = [text.strip() for text in ",".join(request.query.getall(name, [])).split(",")]
    by_text = {member.value.lower(): member for member in kind}
    chosen = [text.lower() for text in texts if text]
    if unknown := [text for text in chosen if text not in by_text]:
        raise refuse(name, f"{unknown[0][:60]} is none of {', '.join(kind)}")
    return [by_text[text] for text in chosen] or None


async def _page(
    request: web.Request, scope: Scope, wanted: EventFilter
) -> tuple[list[RecordedEvent], str | None]:
    size = page_size(request)
    found = await events.list_events(
        request.app[CONTEXT].database, scope, wanted, read_place(request), size + 1
    )
    page = list(found[:size])
    return page, place_token(page[-1].place) if len(found) > size else None


async def _list_by_sequence(
    request: web.Request, scope: Scope, wanted: EventFilter
) -> web.Response:
    """Every number in order, so that a receiver can explain a gap; a filter leaves some out."""
    if scope.instance_id is None or wanted.object_type is None:
        raise refuse(
            "fromSequence", "needs an instance and objectType: numbers are given per resource"
        )
    context, size = request.app[CONTEXT], page_size(request)
    first = whole_number(request.query, "fromSequence", default=1, maximum=MAXIMUM_SEQUENCE)
    behind = read_number(request)
    if behind is not None:
        first = behind + 1
    rows = await events.list_by_sequence(
        context.database, scope.instance_id, wanted.object_type, first, size + 1
    )
    entries = [
        render_purged(scope.instance_id, wanted.object_type, number)
        if event is None
        else render_event(event, context.connectors)
        for number, event in rows[:size]
        if (wanted == EventFilter(object_type=wanted.object_type))
        or (event is not None and wanted.passes(event))
    ]
    return answer_page(
        request, entries, number_token(rows[size - 1][0]) if len(rows) > size else None
    )


async def _headers(
    context: AdminContext,
    notification: RecordedNotification,
    attempts: Sequence[RecordedAttempt],
) -> Mapping[str, str]:
    """None while nothing may be sent for the instance."""
    try:
        configuration = await context.instances.endpoint_configuration(notification.instance_id)
    except (InstanceDisabled, NotFound):
        return {}
    return shown_headers(configuration, notification, attempts)
