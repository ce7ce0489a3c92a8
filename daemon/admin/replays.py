"""The calls that send again, and the one that gives up for good."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import structlog
from aiohttp import web

from daemon.admin.context import CONTEXT
from daemon.admin.events import read_choices, read_optional_instant
from daemon.admin.messages import (
    answer,
    check_members,
    read_flag,
    read_instant,
    read_optional_object,
    refuse,
    together,
)
from daemon.admin.paging import check_query, read_instance, read_scope
from daemon.errors import Conflict, NotFound
from daemon.instance import InstanceId, NotificationState
from daemon.store import events, replays
from daemon.store.instance_resources import get_resource
from daemon.store.replays import REPLAYABLE, Span, Volume

log = structlog.get_logger(__name__)

_STATES = {state.value: (state,) for state in REPLAYABLE} | {"all": REPLAYABLE}
_GONE = (NotificationState.CANCELLED,)


async def redeliver_event(request: web.Request) -> web.Response:
    """POST /instances/{id}/events/{eventId}/redeliver, and without the instance's id

    The notification that tells the event goes out again as a whole, under its ids.
    """
    context, scope = request.app[CONTEXT], await read_scope(request)
    content = await read_optional_object(request)
    check_members(content, ("dryRun",))
    name = request.match_info["event"]
    notification = await events.get_notification(context.database, scope, name)
    if notification.state in _GONE:
        raise Conflict(f"Event {name} was {notification.state}: it cannot be sent again.")
    if read_flag(content, "dryRun"):
        volume = await replays.measure(context.database, [notification.id])
        return answer(_render(volume, dry_run=True))
    volume = await replays.revive(context.database, [notification.id])
    if not volume.notifications:
        raise NotFound(f"No event found with id {name[:60]}.")
    context.wake(notification.instance_id)
    log.info("event.redelivered", instance=notification.instance_id, notification=notification.id)
    return answer(_render(volume, dry_run=False))


async def redeliver_span(request: web.Request) -> web.Response:
    """POST /instances/{id}/redeliver: `{"since", "until", "status", "objectType", "dryRun"}`

    Without a status, what is dead. Delivered ones are repeated only from a `since` on.
    """
    context, (_, instance_id) = request.app[CONTEXT], await read_instance(request)
    content = await read_optional_object(request)
    _, dry_run, span = together(
        lambda: check_members(content, ("since", "until", "status", "objectType", "dryRun")),
        lambda: read_flag(content, "dryRun"),
        lambda: _read_span(instance_id, content),
    )
    if span.object_type is not None:
        await get_resource(context.database, instance_id, span.object_type)
    if dry_run:
        return answer(_render(await replays.measure_span(context.database, span), dry_run=True))
    volume = await replays.revive_span(context.database, span)
    context.wake(instance_id)
    log.info(
        "events.redelivered",
        instance=instance_id,
        notifications=volume.notifications,
        events=volume.events,
    )
    return answer(_render(volume, dry_run=False))


async def purge_event(request: web.Request) -> web.Response:
    """DELETE /instances/{id}/events/{eventId}: its notification, if that is dead."""
    context, scope = request.app[CONTEXT], await read_scope(request)
    name = request.match_info["event"]
    notification = await events.get_notification(context.database, scope, name)
    if notification.state is not NotificationState.DEAD:
        raise Conflict(f"Event {name} is {notification.state}: only what is dead can be removed.")
    span = _dead_span(notification.instance_id, datetime.now(UTC))
    volume = await replays.purge_dead(context.database, span, notification.id)
    log.info("event.purged", instance=notification.instance_id, notification=notification.id)
    return answer(_render(volume, dry_run=False))


async def purge_dead(request: web.Request) -> web.Response:
    """DELETE /instances/{id}/events?state=dead&to=&objectType="""
    context, (_, instance_id) = request.app[CONTEXT], await read_instance(request)
    check_query(request, ("state", "to", "objectType"))
    if read_choices(request, "state", NotificationState) != [NotificationState.DEAD]:
        raise refuse("state", "has to be dead: only that can be removed")
    until = read_optional_instant(request.query, "to") or datetime.now(UTC)
    object_type = request.query.get("objectType") or None
    volume = await replays.purge_dead(context.database, _dead_span(instance_id, until, object_type))
    log.info("events.purged", instance=instance_id, notifications=volume.notifications)
    return answer(_render(volume, dry_run=False))


def _read_span(instance_id: InstanceId, content: Mapping[str, Any]) -> Span:
    status = content.get("status") or NotificationState.DEAD.value
    if not isinstance(status, str) or status.lower() not in _STATES:
        raise refuse("status", f"has to be one of {', '.join(_STATES)}")
    states = _STATES[status.lower()]
    if NotificationState.DELIVERED in states and content.get("since") is None:
        raise refuse("since", "is needed to repeat what was delivered")
    since = events.EARLIEST if content.get("since") is None else read_instant(content, "since")
    until = datetime.now(UTC) if content.get("until") is None else read_instant(content, "until")
    if since > until:
        raise refuse("since", "lies after until")
    object_type = content.get("objectType")
    if object_type is not None and not isinstance(object_type, str):
        raise refuse("objectType", "has to be the name of a resource")
    return Span(
        instance_id=instance_id, since=since, until=until, states=states, object_type=object_type
    )


def _dead_span(instance_id: InstanceId, until: datetime, object_type: str | None = None) -> Span:
    return Span(
        instance_id=instance_id,
        since=events.EARLIEST,
        until=until,
        states=(NotificationState.DEAD,),
        object_type=object_type,
    )


def _render(volume: Volume, *, dry_run: bool) -> dict[str, Any]:
    return {
        "notifications": volume.notifications,
        "events": volume.events,
        "dryRun": dry_run,
    }
