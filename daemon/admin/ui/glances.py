"""Glances: what the page shows of many instances at once."""

from __future__ import annotations

import re
from typing import Any

from aiohttp import web

from daemon.admin.access import CALLER
from daemon.admin.context import CONTEXT
from daemon.admin.messages import answer, instant_text, read_count, refuse
from daemon.instance import InstanceId, InstanceState
from daemon.store import overview as rows

_IDENTITY = re.compile(r"[0-9]{1,18}")
PAGE_SIZE, MAXIMUM_PAGE_SIZE, MAXIMUM_PAGE = 50, 200, 100_000


async def totals(request: web.Request) -> web.Response:
    """GET /ui/data/totals"""
    organization_id = request[CALLER].user.organization_id
    found = await rows.measure_totals(request.app[CONTEXT].database, organization_id)
    return answer(
        {
            "instances": {state.value: count for state, count in found.instances.items()},
            "inTrouble": found.in_trouble,
            "pending": found.pending,
            "pendingIsMore": found.pending >= rows.COUNTED_AT_MOST,
            "oldestPending": instant_text(found.oldest_pending_at),
        }
    )


async def instances(request: web.Request) -> web.Response:
    """GET /ui/data/instances: `id`, `text`, `tag`, `state` (or `trouble`), `page`, `pageSize`."""
    size = read_count(request, "pageSize", PAGE_SIZE, MAXIMUM_PAGE_SIZE)
    page = read_count(request, "page", 1, MAXIMUM_PAGE)
    state = request.query.get("state", "")
    only = request.query.get("id", "")
    wanted = rows.Glance(
        instance_id=InstanceId(int(only)) if _IDENTITY.fullmatch(only) else None,
        text=request.query.get("text", "").strip(),
        tags=request.query.getall("tag", []),
        states=_states(state),
        trouble_only=state == "trouble",
        limit=size + 1,
        offset=(page - 1) * size,
    )
    organization_id = request[CALLER].user.organization_id
    found = await rows.glance(request.app[CONTEXT].database, organization_id, wanted)
    shown = [_render_instance(instance) for instance in found[:size]]
    return answer({"instances": shown, "page": page, "isLast": len(found) <= size})


def _states(state: str) -> list[InstanceState]:
    if state in ("", "trouble"):
        return list(InstanceState)
    try:
        return [InstanceState(state)]
    except ValueError:
        raise refuse("state", f"has to be trouble, {', '.join(InstanceState)}") from None


def _render_instance(instance: rows.GlancedInstance) -> dict[str, Any]:
    return {
        "id": instance.id,
        "name": instance.name,
        "tags": list(instance.tags),
        "element": instance.element_key,
        "state": instance.state,
        "stateReason": instance.state_reason,
        "stateSince": instant_text(instance.state_since),
        "endpoint": _render_endpoint(instance.endpoint),
        "resources": [_render_resource(resource) for resource in instance.resources],
    }


def _render_endpoint(endpoint: rows.GlancedEndpoint) -> dict[str, Any]:
    return {
        "url": endpoint.url,
        "state": endpoint.state,
        "lastError": endpoint.last_error,
        "failingSince": instant_text(endpoint.failing_since),
        "disabledReason": endpoint.disabled_reason,
        "nextProbe": instant_text(endpoint.next_probe_at),
        "lastSuccess": instant_text(endpoint.last_success_at),
        "pending": endpoint.pending,
        "pendingIsMore": endpoint.pending >= rows.COUNTED_AT_MOST,
        "oldestPending": instant_text(endpoint.oldest_pending_at),
    }


def _render_resource(resource: rows.GlancedResource) -> dict[str, Any]:
    return {
        "name": resource.name,
        "state": resource.state,
        "lastError": resource.last_error,
        "lastErrorSince": instant_text(resource.last_error_at),
        "failures": resource.failures,
        "cursor": instant_text(resource.cursor_at),
        "lastPoll": instant_text(resource.last_poll_at),
        "lastSuccess": instant_text(resource.last_success_at),
        "nextPoll": instant_text(resource.next_poll_at),
        "noticedWithinSeconds": resource.noticed_within_seconds,
        "lastChange": instant_text(resource.last_change_at),
    }
