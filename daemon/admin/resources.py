"""The calls about one polled resource: poll and sweep now, go back, pause and resume."""

from __future__ import annotations

from datetime import datetime

import structlog
from aiohttp import web

from daemon.admin.access import CALLER, target
from daemon.admin.context import CONTEXT
from daemon.admin.messages import (
    answer,
    check_members,
    instant_text,
    read_flag,
    read_instant,
    read_object,
    read_optional_object,
    refuse,
    together,
)
from daemon.admin.resource_changes import change_resource, check_polled
from daemon.admin.resource_views import render_resource
from daemon.errors import Conflict
from daemon.instance import ResourceKey
from daemon.store import resource_changes as rows
from daemon.store.database import Connection
from daemon.store.instance_resources import ConfiguredResource, get_resource

log = structlog.get_logger(__name__)


async def poll(request: web.Request) -> web.Response:
    """POST /instances/{id}/resources/{resource}/poll: answers once the poll has ended."""
    context, user, key = request.app[CONTEXT], request[CALLER].user, _key(request)

    async def change(connection: Connection, resource: ConfiguredResource) -> None:
        await rows.request_poll(connection, resource.id)

    await check_polled(context, user, key)
    await change_resource(context, user, key, change)
    await context.on_polls_awaited(key.instance_id, [key.name])
    log.info("resource.poll_requested", instance=key.instance_id, resource=key.name)
    return await _answer_state(request, key)


async def rewind(request: web.Request) -> web.Response:
    """POST /instances/{id}/resources/{resource}/rewind: `{"to": instant, "resend": false}`."""
    context, user, key = request.app[CONTEXT], request[CALLER].user, _key(request)
    content = await read_object(request)
    _, to, resend = together(
        lambda: check_members(content, ("to", "resend")),
        lambda: read_instant(content, "to"),
        lambda: read_flag(content, "resend"),
    )

    async def change(connection: Connection, resource: ConfiguredResource) -> None:
        _check_rewind(resource, to)
        await rows.rewind(connection, resource.id, to, resend=resend)

    await check_polled(context, user, key, paused=True)
    await change_resource(context, user, key, change)
    log.info(
        "resource.rewound",
        instance=key.instance_id,
        resource=key.name,
        to=instant_text(to),
        resend=resend,
    )
    return await _answer_state(request, key)


async def sweep(request: web.Request) -> web.Response:
    """POST /instances/{id}/resources/{resource}/sweep: `{"confirm": false}`, or no body."""
    context, user, key = request.app[CONTEXT], request[CALLER].user, _key(request)
    content = await read_optional_object(request)
    check_members(content, ("confirm",))
    confirm = read_flag(content, "confirm")

    async def change(connection: Connection, resource: ConfiguredResource) -> None:
        await rows.request_sweep(connection, resource.id, confirm=confirm)

    await check_polled(context, user, key)
    await change_resource(context, user, key, change)
    log.info(
        "resource.sweep_requested", instance=key.instance_id, resource=key.name, confirm=confirm
    )
    return await _answer_state(request, key)


async def resume(request: web.Request) -> web.Response:
    """PUT /instances/{id}/resources/{resource}/enabled"""
    return await _switch(request, on=True)


async def pause(request: web.Request) -> web.Response:
    """DELETE /instances/{id}/resources/{resource}/enabled"""
    return await _switch(request, on=False)


async def _switch(request: web.Request, *, on: bool) -> web.Response:
    key = _key(request)

    async def change(connection: Connection, resource: ConfiguredResource) -> None:
        await (rows.resume if on else rows.pause)(connection, resource.id)

    await change_resource(request.app[CONTEXT], request[CALLER].user, key, change)
    log.info(
        "resource.resumed" if on else "resource.paused", instance=key.instance_id, resource=key.name
    )
    return await _answer_state(request, key)


def _check_rewind(resource: ConfiguredResource, to: datetime) -> None:
    if resource.cursor_at is None:
        raise Conflict(f"{resource.name} has no cursor yet that could be moved back.")
    if to > resource.cursor_at:
        raise refuse("to", f"lies after the cursor, which is at {instant_text(resource.cursor_at)}")


def _key(request: web.Request) -> ResourceKey:
    return ResourceKey(instance_id=target(request), name=request.match_info["resource"])


async def _answer_state(request: web.Request, key: ResourceKey) -> web.Response:
    resource = await get_resource(request.app[CONTEXT].database, key.instance_id, key.name)
    return answer(render_resource(resource))
