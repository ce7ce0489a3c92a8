"""The admin server: the application, and what holds for every request."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping

import structlog
from aiohttp import web

from daemon.admin.access import CALLER, Handler, require
from daemon.admin.authentication import DOOR, Door
from daemon.admin.context import CONTEXT, AdminContext
from daemon.admin.health import WATCHED_PATHS
from daemon.admin.messages import MAXIMUM_BODY_BYTES, check_address
from daemon.admin.openapi import DESCRIPTION, build_description
from daemon.admin.openapi_events import STREAMS
from daemon.admin.problems import render, status_of
from daemon.admin.routes import OPERATOR_ROUTES, PAGE_ROUTES, PLATFORM_ROUTES
from daemon.admin.stream import install_streams
from daemon.admin.ui.series import install_series

log = structlog.get_logger(__name__)

PREFIX = "/elements/api-v2"
_HEADERS = {
    "Cache-Control": "no-store",
    "Server": "pollhook",
    "X-Content-Type-Options": "nosniff",
}
REQUEST_ID = web.RequestKey("request_id", str)


def create_application(context: AdminContext) -> web.Application:
    """The whole server; the caller binds it to an address, with aiohttp's own access log off."""
    application = web.Application(middlewares=[_attend], client_max_size=MAXIMUM_BODY_BYTES)
    application[CONTEXT] = context
    application[DOOR] = Door()
    install_streams(application)
    install_series(application)
    unprefixed = (*OPERATOR_ROUTES, *PLATFORM_ROUTES)
    application[DESCRIPTION] = build_description(unprefixed, PLATFORM_ROUTES, PREFIX)
    for prefix, routes in (("", (*unprefixed, *PAGE_ROUTES)), (PREFIX, PLATFORM_ROUTES)):
        for route in routes:
            handler = require(route.access, route.handler)
            resource = application.router.add_resource(prefix + route.path)
            resource.add_route(route.method, handler)
            if route.method == "GET" and route.answers not in STREAMS:
                resource.add_route("HEAD", handler)
    return application


@web.middleware
async def _attend(request: web.Request, handler: Handler) -> web.StreamResponse:
    """An id, an answer whatever happens, and one line in the log."""
    request_id, started = secrets.token_hex(12), time.monotonic()
    request[REQUEST_ID] = request_id
    with structlog.contextvars.bound_contextvars(request_id=request_id):
        response = await _respond(request, handler, request_id)
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        response.headers.update(_headers(request, response.status, request_id))
        _log_request(request, response.status, time.monotonic() - started)
    return response


def _headers(request: web.Request, status: int, request_id: str) -> Mapping[str, str]:
    """The original's headers: which request, which instance by its token, whether it failed."""
    headers = {"Elements-Request-Id": request_id, "Elements-Trace-Id": request_id}
    caller = request.get(CALLER)
    if caller is not None and caller.instance_id is not None:
        headers["Elements-Element-Instance-Id"] = str(caller.instance_id)
    return headers | ({"Elements-Error": "true"} if status >= 400 else {})


async def _respond(request: web.Request, handler: Handler, request_id: str) -> web.StreamResponse:
    try:
        check_address(request)
        return await handler(request)
    except Exception as error:
        if status_of(error) == 500:
            log.exception("request.failed")
        return render(error, request_id)


def _log_request(request: web.Request, status: int, duration_seconds: float) -> None:
    """Neither query nor headers: both may hold secrets. What machines ask all day is no news."""
    resource, caller = request.match_info.route.resource, request.get(CALLER)
    say = log.debug if request.path in WATCHED_PATHS else log.info
    say(
        "request.finished",
        method=request.method,
        route=resource.canonical if resource else request.rel_url.raw_path[:200],
        status=status,
        duration_seconds=round(duration_seconds, 4),
        user=caller.user.username if caller else None,
        instance=request.match_info.get("id") or (caller.instance_id if caller else None),
    )
