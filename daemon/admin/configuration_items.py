"""The configuration of an instance, one key at a time."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from daemon.admin import instance_changes as changes
from daemon.admin.access import CALLER, target
from daemon.admin.context import CONTEXT
from daemon.admin.elements import find_connector
from daemon.admin.instance_bodies import Alteration, parse_body
from daemon.admin.instance_views import (
    item_id,
    masked_configuration,
    render_item,
    render_items,
)
from daemon.admin.messages import answer, read_object, refuse
from daemon.configuration_keys import keys_of
from daemon.connectors.connector import Element
from daemon.errors import NotFound
from daemon.store.instances import OwnedInstance


async def list_items(request: web.Request) -> web.Response:
    """GET /instances/{id}/configuration"""
    return answer(render_items(*await _load(request)))


async def get_item(request: web.Request) -> web.Response:
    """GET /instances/{id}/configuration/{item}"""
    owned, element = await _load(request)
    return answer(_render(owned, element, _find_key(owned, element, request.match_info["item"])))


async def change_item(request: web.Request) -> web.Response:
    """PATCH /instances/{id}/configuration/{item}: the item with another `propertyValue`."""
    owned, element = await _load(request)
    key = _find_key(owned, element, request.match_info["item"])
    content = await read_object(request)
    if "propertyValue" not in content:
        raise refuse("propertyValue", "is needed")
    if content.get("key", key) != key:
        raise refuse("key", f"is not {key}, which the address names")
    change = {"configuration": {key: content["propertyValue"]}}
    if "onFilterChange" in content:
        change["onFilterChange"] = content["onFilterChange"]
    body, faults = parse_body(change)
    alteration = Alteration(body=body, faults=faults, merge=True)
    context, user = request.app[CONTEXT], request[CALLER].user
    await changes.alter(context, user, owned.instance.id, alteration)
    owned, element = await _load(request)
    return answer(_render(owned, element, key))


async def _load(request: web.Request) -> tuple[OwnedInstance, Element]:
    context = request.app[CONTEXT]
    owned = await context.instances.get(request[CALLER].user.organization_id, target(request))
    return owned, find_connector(context, owned.instance.element_key).element


def _find_key(owned: OwnedInstance, element: Element, named: str) -> str:
    """The key that is named by its id or by itself. Raises NotFound."""
    for key in (*keys_of(element), *owned.instance.configuration):
        if named in (key, str(item_id(key))):
            return key
    raise NotFound(f"No configuration item found with id {named[:60]}.")


def _render(owned: OwnedInstance, element: Element, key: str) -> dict[str, Any]:
    return render_item(key, keys_of(element).get(key), masked_configuration(owned))
