"""The calls about instances: list, create, read, alter, switch, delete, look into."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlencode

from aiohttp import web

from daemon.admin import instance_changes as changes
from daemon.admin.access import CALLER, target
from daemon.admin.context import CONTEXT
from daemon.admin.elements import find_connector
from daemon.admin.endpoint_views import render_status
from daemon.admin.instance_bodies import Alteration, parse_body
from daemon.admin.instance_views import render_instance, render_state
from daemon.admin.instance_wishes import wish_for_new
from daemon.admin.messages import answer, read_count, read_object
from daemon.errors import NotFound
from daemon.instance import InstanceId
from daemon.store.endpoints import find_endpoint
from daemon.store.idempotency import Claim
from daemon.store.instance_resources import list_resources
from daemon.store.instances import InstanceFilter
from daemon.store.recorded import Scope

DEFAULT_PAGE_SIZE = 200
MAXIMUM_PAGE_SIZE = 1000
MAXIMUM_PAGE = 1_000_000


async def create(request: web.Request) -> web.Response:
    """POST /instances and POST /elements/{element}/instances"""
    context, user = request.app[CONTEXT], request[CALLER].user
    body, faults = parse_body(await read_object(request))
    connector, wish = wish_for_new(context, body, faults, request.match_info.get("element"))
    claim = await _claim(request)
    if isinstance(claim, bytes):
        return web.Response(body=claim, content_type="application/json")
    order = changes.Order(user=user, connector=connector, wish=wish, claim=claim)
    try:
        content = await changes.create(context, order)
    except Exception:
        if claim is not None:
            await context.idempotency.release(claim)
        raise
    return web.Response(body=content, content_type="application/json")


async def list_or_get(request: web.Request) -> web.Response:
    """GET /instances: a page of them, or the one whose token is in Authorization."""
    if request[CALLER].instance_id is not None:
        return await get(request)
    context = request.app[CONTEXT]
    wanted = InstanceFilter(
        tags=[*request.query.getall("tags[]", []), *request.query.getall("tags", [])],
        text=request.query.get("searchText", "").strip(),
    )
    page = read_count(request, "page", 1, MAXIMUM_PAGE)
    size = read_count(request, "pageSize", DEFAULT_PAGE_SIZE, MAXIMUM_PAGE_SIZE)
    found, total = await context.instances.list_page(
        request[CALLER].user.organization_id, wanted, limit=size, offset=(page - 1) * size
    )
    if not total and not wanted.is_open:
        raise NotFound("No instance found with these tags and this text.")
    headers = {"Elements-Returned-Count": str(len(found)), "Elements-Total-Count": str(total)}
    if page * size < total:
        headers["Link"] = _next_link(request, page + 1)
    rendered = [
        render_instance(owned, find_connector(context, owned.instance.element_key).element)
        for owned in found
    ]
    return answer(rendered, headers=headers)


async def get(request: web.Request) -> web.Response:
    """GET /instances/{id}"""
    return await _answer_instance(request, target(request))


async def replace(request: web.Request) -> web.Response:
    """PUT /instances/{id}: the configuration is replaced as a whole."""
    return await _alter(request, merge=False)


async def merge(request: web.Request) -> web.Response:
    """PATCH /instances/{id}: the configuration is merged key by key."""
    return await _alter(request, merge=True)


async def delete(request: web.Request) -> web.Response:
    """DELETE /instances/{id}"""
    await changes.delete(request.app[CONTEXT], request[CALLER].user, target(request))
    return answer({})


async def enable(request: web.Request) -> web.Response:
    """PUT /instances/{id}/enabled"""
    return await _switch(request, on=True)


async def disable(request: web.Request) -> web.Response:
    """DELETE /instances/{id}/enabled"""
    return await _switch(request, on=False)


async def get_state(request: web.Request) -> web.Response:
    """GET /instances/{id}/state"""
    context, instance_id = request.app[CONTEXT], target(request)
    organization_id = request[CALLER].user.organization_id
    owned = await context.instances.get(organization_id, instance_id)
    connector = find_connector(context, owned.instance.element_key)
    resources = await list_resources(context.database, instance_id)
    scope = Scope(organization_id=organization_id, instance_id=instance_id)
    endpoint = await find_endpoint(context.database, scope)
    patience = timedelta(days=context.delivery.disable_after_days)
    status = None if endpoint is None else render_status(endpoint, patience)
    return answer(render_state(owned, resources, connector.calls_left(owned.values), status))


async def _alter(request: web.Request, *, merge: bool) -> web.Response:
    instance_id = target(request)
    body, faults = parse_body(await read_object(request))
    alteration = Alteration(body=body, faults=faults, merge=merge)
    await changes.alter(request.app[CONTEXT], request[CALLER].user, instance_id, alteration)
    return await _answer_instance(request, instance_id)


async def _switch(request: web.Request, *, on: bool) -> web.Response:
    instance_id = target(request)
    await changes.switch(request.app[CONTEXT], request[CALLER].user, instance_id, on=on)
    return await _answer_instance(request, instance_id)


async def _answer_instance(request: web.Request, instance_id: InstanceId) -> web.Response:
    context = request.app[CONTEXT]
    owned = await context.instances.get(request[CALLER].user.organization_id, instance_id)
    return answer(
        render_instance(owned, find_connector(context, owned.instance.element_key).element)
    )


async def _claim(request: web.Request) -> Claim | bytes | None:
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    organization_id = request[CALLER].user.organization_id
    # Which element the address names is a part of what is asked for.
    asked = request.match_info.get("element", "").encode() + b"\n" + await request.read()
    return await request.app[CONTEXT].idempotency.claim(organization_id, key, asked)


def _next_link(request: web.Request, page: int) -> str:
    parameters = [(name, text) for name, text in request.query.items() if name != "page"]
    return f'<{request.path}?{urlencode([*parameters, ("page", str(page))])}>; rel="next"'
