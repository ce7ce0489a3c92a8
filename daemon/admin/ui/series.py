"""Series: what the page's charts are drawn from, over an hour, a day or a week."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from daemon import configuration_keys as keys
from daemon.admin.access import CALLER, target
from daemon.admin.context import CONTEXT, AdminContext
from daemon.admin.elements import find_connector
from daemon.admin.messages import answer, instant_text, refuse
from daemon.instance import Instance, ResourceState
from daemon.polling.history import BUCKETS, SPANS, History, Tick
from daemon.store import series as rows
from daemon.store.poll_histories import list_histories

CHANGES = web.AppKey("changes", rows.ChangeCounts)
_POLLED = (ResourceState.ACTIVE, ResourceState.DEGRADED, ResourceState.BASELINE_PENDING)


def install_series(application: web.Application) -> None:
    """Let an application count changes."""
    application[CHANGES] = rows.ChangeCounts(application[CONTEXT].database)


async def of_organization(request: web.Request) -> web.Response:
    """GET /ui/data/series: `span` is hour, day or week."""
    return answer(await _told(request, _span(request), None))


async def of_instance(request: web.Request) -> web.Response:
    """GET /ui/data/instances/{id}/series: also how its polls have been, and their calls."""
    context, span = request.app[CONTEXT], _span(request)
    organization_id = request[CALLER].user.organization_id
    owned = await context.instances.get(organization_id, target(request))
    histories = await list_histories(context.database, owned.instance.id)
    now = datetime.now(UTC)
    polls = {
        each.name: [_render_tick(tick) for tick in each.history.of(span, now)] for each in histories
    }
    polled = [each.history for each in histories if each.state in _POLLED]
    told = await _told(request, span, owned.instance)
    return answer({**told, "polls": polls, "calls": _calls(context, owned.instance, polled)})


async def _told(request: web.Request, span: str, instance: Instance | None) -> dict[str, Any]:
    seconds = SPANS[span]
    wanted = rows.Span(
        organization_id=request[CALLER].user.organization_id,
        instance_id=instance.id if instance else None,
        length=timedelta(seconds=seconds),
        bucket=timedelta(seconds=seconds / BUCKETS),
    )
    changes = await request.app[CHANGES].count(wanted, datetime.now(UTC))
    latency = await rows.measure_latency(request.app[CONTEXT].database, wanted)
    return {
        "spanSeconds": seconds,
        "bucketSeconds": seconds / BUCKETS,
        "changes": [_render_change(change) for change in changes],
        "latency": [_render_latency(measured) for measured in latency],
    }


def _span(request: web.Request) -> str:
    span = request.query.get("span", "hour")
    if span not in SPANS:
        raise refuse("span", f"has to be {', '.join(SPANS)}")
    return span


def _calls(
    context: AdminContext, instance: Instance, histories: Sequence[History]
) -> Mapping[str, float]:
    """Calls an hour: what the account's rate budget allows, and what the polls will need."""
    minutes = instance.configuration.get(keys.REFRESH_INTERVAL)
    interval = float(minutes or context.polling.default_interval_minutes)
    pages = sum(_pages_each(history) for history in histories)
    connector = find_connector(context, instance.element_key)
    return {
        "allowedPerHour": round(connector.calls_per_hour, 1),
        "forecastPerHour": round(pages * 60 / interval, 1),
    }


def _pages_each(history: History) -> float:
    """How many pages a poll has read lately; one where nothing was polled yet."""
    ticks = history.rings[0]
    polls = sum(tick.polls - tick.failed for tick in ticks)
    return sum(tick.pages for tick in ticks) / polls if polls else 1.0


def _render_tick(tick: Tick) -> dict[str, Any]:
    return {
        "at": instant_text(tick.begins_at),
        "polls": tick.polls,
        "failed": tick.failed,
        "changed": tick.changed,
        "pages": tick.pages,
        "seconds": tick.milliseconds / 1000,
        "lateSeconds": tick.late_milliseconds / 1000,
    }


def _render_change(change: rows.ChangeCount) -> dict[str, Any]:
    return {
        "at": instant_text(change.at),
        "resource": change.resource,
        "type": change.type,
        "changes": change.changes,
    }


def _render_latency(latency: rows.Latency) -> dict[str, Any]:
    return {
        "at": instant_text(latency.at),
        "p50": round(latency.p50, 3),
        "p99": round(latency.p99, 3),
    }
