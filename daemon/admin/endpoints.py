"""The calls about an instance's endpoint: look at it, enable it, rotate its secret, ping it."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta

import structlog
from aiohttp import web

from daemon.admin.access import CALLER
from daemon.admin.callbacks import call
from daemon.admin.context import CONTEXT, AdminContext
from daemon.admin.elements import find_connector
from daemon.admin.endpoint_views import render_status
from daemon.admin.messages import answer, check_members, instant_text, read_optional_object, refuse
from daemon.admin.paging import read_instance
from daemon.configuration_keys import FORMAT
from daemon.delivery.ready import ReadyNotification
from daemon.delivery.signing import new_webhook_secret, request_headers
from daemon.instance import EventId, InstanceId, OrganizationId, ResourceId
from daemon.notifications import ping as pings
from daemon.notifications.context import Context, NotificationFormat
from daemon.store import endpoints, instance_changes
from daemon.store.database import Connection
from daemon.store.instances import OwnedInstance
from daemon.store.recorded import Scope

log = structlog.get_logger(__name__)

OVERLAP_HOURS = 24
MAXIMUM_OVERLAP_HOURS = 720


async def get_endpoint(request: web.Request) -> web.Response:
    """GET /instances/{id}/endpoint"""
    scope, _ = await read_instance(request)
    return await _answer_endpoint(request.app[CONTEXT], scope)


async def enable(request: web.Request) -> web.Response:
    """POST /instances/{id}/endpoint/enable: what was kept for it goes out in order."""
    context, (scope, instance_id) = request.app[CONTEXT], await read_instance(request)
    await enable_endpoint(context, scope.organization_id, instance_id)
    return await _answer_endpoint(context, scope)


async def enable_endpoint(
    context: AdminContext, organization_id: OrganizationId, instance_id: InstanceId
) -> None:
    """Trust an endpoint again; what was under way until now is no longer counted."""

    async def work(connection: Connection) -> None:
        await instance_changes.lock(connection, organization_id, instance_id)
        await endpoints.enable(connection, instance_id)

    await context.database.run_transaction(work)
    await context.on_changed(instance_id)
    log.info("endpoint.enabled", instance=instance_id)


async def rotate_secret(request: web.Request) -> web.Response:
    """POST /instances/{id}/endpoint/rotate-secret: `{"overlapHours": 24}`, or no body."""
    context, (scope, instance_id) = request.app[CONTEXT], await read_instance(request)
    content = await read_optional_object(request)
    check_members(content, ("overlapHours",))
    now, secret = datetime.now(UTC), new_webhook_secret()
    until = now + timedelta(hours=_overlap_hours(content.get("overlapHours", OVERLAP_HOURS)))

    async def work(connection: Connection) -> None:
        await instance_changes.lock(connection, scope.organization_id, instance_id)
        await endpoints.change_secrets(
            connection,
            context.keyring,
            instance_id,
            lambda secrets: secrets.rotated(secret, now, until),
        )

    await context.database.run_transaction(work)
    await context.on_changed(instance_id)
    log.info("endpoint.secret_rotated", instance=instance_id, overlap_until=until.isoformat())
    return answer({"webhookSecret": secret, "overlapUntil": instant_text(until)})


async def ping(request: web.Request) -> web.Response:
    """POST /instances/{id}/endpoint/ping: signed as a notification is, and marked as none."""
    context, (_, instance_id) = request.app[CONTEXT], await read_instance(request)
    organization_id = request[CALLER].user.organization_id
    owned = await context.instances.get(organization_id, instance_id)
    configuration = await context.instances.endpoint_configuration(instance_id)
    now = datetime.now(UTC)
    ready = _ping(owned, find_connector(context, owned.instance.element_key).element.hub, now)
    headers = request_headers(configuration, ready, int(now.timestamp()))
    verdict = await call(
        context, configuration.url, {**headers, "Elements-Ping": "true"}, ready.body
    )
    log.info("endpoint.pinged", instance=instance_id, status=verdict.status)
    return answer(verdict.render())


async def _answer_endpoint(context: AdminContext, scope: Scope) -> web.Response:
    endpoint = await endpoints.get_endpoint(context.database, scope)
    backlog = await endpoints.measure_backlog(context.database, endpoint.instance_id)
    content = {
        "instanceId": endpoint.instance_id,
        "instanceName": endpoint.instance_name,
        **render_status(endpoint, timedelta(days=context.delivery.disable_after_days)),
        "pendingNotifications": backlog.waiting,
        "deadNotifications": backlog.dead,
    }
    return answer(content)


def _overlap_hours(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise refuse("overlapHours", "has to be a number of hours")
    if not 0 <= value <= MAXIMUM_OVERLAP_HOURS:
        raise refuse("overlapHours", f"has to be from 0 to {MAXIMUM_OVERLAP_HOURS}")
    return float(value)


def _ping(owned: OwnedInstance, hub: str, now: datetime) -> ReadyNotification:
    instance = owned.instance
    event_id = EventId(secrets.token_urlsafe(15))
    context = Context(
        instance_id=instance.id,
        instance_name=instance.name,
        instance_tags=instance.tags,
        element_key=instance.element_key,
        hub_key=hub,
        account_id=instance.organization_id,
        company_id=instance.organization_id,
        user_id=instance.user_id,
        resource_id=ResourceId(0),
        object_type=pings.OBJECT_TYPE,
        id_field="",
        poll_at=now,
        created_at=now,
        format=NotificationFormat(instance.configuration.get(FORMAT, "openconnectors")),
    )
    return ReadyNotification(
        id=pings.NOTIFICATION,
        event_id=event_id,
        format=context.format,
        body=pings.render(context, event_id),
        due_at=now,
        page_read_at=now,
    )
