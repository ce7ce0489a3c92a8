"""The original's calls about subscriptions and deliveries, answered from instances."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NoReturn

import structlog
from aiohttp import web

from daemon.admin.access import CALLER
from daemon.admin.context import CONTEXT, AdminContext
from daemon.admin.delivery_filters import WHERE, read_where
from daemon.admin.delivery_views import render_delivery, render_subscription
from daemon.admin.endpoints import enable_endpoint
from daemon.admin.messages import answer, read_flag, read_object, refuse
from daemon.admin.paging import (
    PAGE_PARAMETERS,
    answer_page,
    check_query,
    page_size,
    place_token,
    read_number_in_path,
    read_place,
    read_scope,
)
from daemon.errors import Conflict, NotFound
from daemon.instance import InstanceId, NotificationState
from daemon.store import delivery_lists, endpoints, events, replays
from daemon.store.delivery_lists import Delivery
from daemon.store.events import EARLIEST
from daemon.store.recorded import Place, Scope
from daemon.store.replays import Span, Volume

log = structlog.get_logger(__name__)

_HOW = (
    "A subscription is the callback of an instance here:"
    " set event.notification.callback.url and event.notification.enabled of the instance"
)


async def list_subscriptions(request: web.Request) -> web.Response:
    """GET /notifications/subscriptions"""
    found = await endpoints.list_endpoints(request.app[CONTEXT].database, await read_scope(request))
    return answer([render_subscription(endpoint) for endpoint in found])


async def get_subscription(request: web.Request) -> web.Response:
    """GET /notifications/subscriptions/{subscription}"""
    scope = await _subscription_scope(request)
    found = await endpoints.get_endpoint(request.app[CONTEXT].database, scope)
    return answer(render_subscription(found))


async def create_subscription(request: web.Request) -> NoReturn:
    """POST /notifications/subscriptions: says what is wrong with it, or how it is done here."""
    content = await read_object(request)
    if content.get("channel", "webhook") != "webhook":
        raise refuse("channel", "has to be webhook: e-mail, sms and push are not covered")
    configured = content.get("config")
    url = configured.get("url") if isinstance(configured, dict) else None
    if not isinstance(url, str) or not url.strip():
        raise refuse("config.url", "is needed: the http or https address to be called")
    request.app[CONTEXT].guard.check_url(url.strip(), field="config.url")
    raise Conflict(f"{_HOW}.")


async def delete_subscription(request: web.Request) -> NoReturn:
    """DELETE /notifications/subscriptions/{subscription}: says how it is done here."""
    scope = await _subscription_scope(request)
    await endpoints.get_endpoint(request.app[CONTEXT].database, scope)
    raise Conflict(f"{_HOW} to false to end it.")


async def list_of_notification(request: web.Request) -> web.Response:
    """GET /notifications/{notification}/subscriptions/[{subscription}/]deliveries"""
    check_query(request, ("hydrate",))
    context, scope = request.app[CONTEXT], await read_scope(request)
    name = request.match_info["notification"]
    notification = await events.get_notification(context.database, scope, name)
    if "subscription" in request.match_info:
        asked = read_number_in_path(request, "subscription", "subscription")
        if asked != notification.instance_id:
            raise NotFound(f"Notification {name[:60]} has no subscription with id {asked}.")
    found = await delivery_lists.list_of_notification(context.database, notification.id)
    return answer(await _render(context, scope, found, hydrate=read_flag(request.query, "hydrate")))


async def list_deliveries(request: web.Request) -> web.Response:
    """GET /notifications/subscriptions/deliveries?where=&hydrate="""
    check_query(request, (WHERE, "hydrate", *PAGE_PARAMETERS))
    context, scope, size = request.app[CONTEXT], await read_scope(request), page_size(request)
    wanted = _limited(read_where(request.query.get(WHERE, "")), scope)
    place = read_place(request)
    before = None if place is None else (place.created_at, _number(place))
    found = await delivery_lists.list_deliveries(
        context.database, scope.organization_id, wanted, before, size + 1
    )
    page, token = found[:size], None
    if len(found) > size:
        last = page[-1]
        token = place_token(Place(created_at=last.created_at, event_id=str(last.id)))
    rendered = await _render(context, scope, page, hydrate=read_flag(request.query, "hydrate"))
    return answer_page(request, rendered, token)


async def resend(request: web.Request) -> web.Response:
    """PUT /notifications/subscriptions/deliveries?where=: reactivate, and resend what is queued."""
    check_query(request, (WHERE,))
    context, scope = request.app[CONTEXT], await read_scope(request)
    wanted = _limited(read_where(request.query.get(WHERE, "")), scope)
    instance_ids = await delivery_lists.list_matching(
        context.database, scope.organization_id, wanted
    )
    volume = Volume()
    for instance_id in instance_ids:
        await enable_endpoint(context, scope.organization_id, instance_id)
        if NotificationState.DEAD in wanted.states:
            volume += await replays.revive_span(context.database, _all_dead(instance_id))
        context.wake(instance_id)
    log.info("deliveries.resent", instances=len(instance_ids), dead=volume.notifications)
    return answer(
        {
            "subscriptions": list(instance_ids),
            "notifications": volume.notifications,
            "events": volume.events,
        }
    )


async def _subscription_scope(request: web.Request) -> Scope:
    caller = request[CALLER]
    named = InstanceId(read_number_in_path(request, "subscription", "subscription"))
    if caller.instance_id not in (None, named):
        raise NotFound(f"No subscription found with id {named}.")
    return Scope(organization_id=caller.user.organization_id, instance_id=named)


def _limited(wanted: delivery_lists.DeliveryFilter, scope: Scope) -> delivery_lists.DeliveryFilter:
    """An instance's token shows that instance only."""
    if scope.instance_id is None:
        return wanted
    named = wanted.instance_ids
    mine = [scope.instance_id] if named is None or scope.instance_id in named else []
    return delivery_lists.DeliveryFilter(
        states=wanted.states, held_states=wanted.held_states, instance_ids=mine, urls=wanted.urls
    )


def _number(place: Place) -> int:
    if not (place.event_id.isascii() and place.event_id.isdigit() and len(place.event_id) <= 18):
        raise refuse("nextPage", "is not the cursor of a page of this list")
    return int(place.event_id)


def _all_dead(instance_id: InstanceId) -> Span:
    return Span(
        instance_id=instance_id,
        since=EARLIEST,
        until=datetime.now(UTC),
        states=(NotificationState.DEAD,),
    )


async def _render(
    context: AdminContext, scope: Scope, found: Sequence[Delivery], *, hydrate: bool
) -> list[dict[str, Any]]:
    """The deliveries; hydrated ones hold their subscription and notification too."""
    rendered = [render_delivery(delivery) for delivery in found]
    if not hydrate:
        return rendered
    known = {
        endpoint.instance_id: render_subscription(endpoint)
        for endpoint in await endpoints.list_endpoints(context.database, scope)
    }
    for entry, delivery in zip(rendered, found, strict=True):
        entry["subscription"] = known.get(delivery.instance_id)
        entry["notification"] = {"id": entry["notificationId"], "eventId": delivery.event_id}
    return rendered
