"""Health: whether the process lives and is ready, and how it is doing, for machines."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import orjson
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from daemon import __version__
from daemon.admin.context import CONTEXT, AdminContext, ReadinessCheck
from daemon.admin.messages import answer, instant_text
from daemon.errors import DatabaseUnavailable
from daemon.instance import EndpointState, InstanceState
from daemon.store import endpoints
from daemon.store.instances import Workload
from daemon.store.migrations import is_current

CHECK_SECONDS = 5.0
WATCHED_PATHS = frozenset({"/livez", "/readyz", "/healthz", "/metrics"})

T = TypeVar("T")


async def livez(_request: web.Request) -> web.Response:
    """GET /livez: the loop runs, since it answers."""
    return answer({"status": "alive"})


async def readyz(request: web.Request) -> web.Response:
    """GET /readyz: 503 with the reasons while something is missing; `?verbose` lists all checks."""
    context = request.app[CONTEXT]
    checks = {
        "database": lambda: _database_reason(context),
        "schema": lambda: _schema_reason(context),
        **context.readiness,
    }
    found = await asyncio.gather(*(_reason(check) for check in checks.values()))
    reasons = dict(zip(checks, found, strict=True))
    failing = {name: reason for name, reason in reasons.items() if reason}
    shown = reasons if "verbose" in request.query else failing
    content: dict[str, Any] = {"status": "not ready" if failing else "ready"}
    if shown:
        content["checks"] = {name: reason or "ok" for name, reason in shown.items()}
    return web.Response(
        status=503 if failing else 200,
        body=orjson.dumps(content),
        content_type="application/json",
    )


async def healthz(request: web.Request) -> web.Response:
    """GET /healthz: a summary for people; a provider or callback in trouble does not change it."""
    context = request.app[CONTEXT]
    now = datetime.now(UTC)
    content: dict[str, Any] = {
        "status": "ok",
        "version": __version__,
        "uptimeSeconds": round((now - context.started_at).total_seconds()),
        "configuration": {
            "valid": not context.last_reading.faults,
            "faults": context.last_reading.faults,
            "readAt": instant_text(context.last_reading.at),
        },
    }
    try:
        workload, callbacks = await _in_time(_measure(context))
    except (DatabaseUnavailable, TimeoutError) as error:
        reason = str(error) or "The database takes too long to answer."
        return answer(
            content | {"status": "degraded", "database": {"available": False, "reason": reason}}
        )
    content["database"] = {"available": True}
    content["endpoints"] = {state.value: count for state, count in callbacks.items()}
    return answer(content | _render_workload(workload, now))


async def metrics(request: web.Request) -> web.Response:
    """GET /metrics: with the states as they are now, or as they were before the database went."""
    context = request.app[CONTEXT]
    with contextlib.suppress(DatabaseUnavailable, TimeoutError):
        instances, callbacks = await _in_time(_count(context))
        for state, count in instances.items():
            context.metrics.instances.labels(state=state).set(count)
        for trust, count in callbacks.items():
            context.metrics.endpoints.labels(state=trust).set(count)
    return web.Response(
        body=context.metrics.render(), headers={"Content-Type": CONTENT_TYPE_LATEST}
    )


async def _measure(context: AdminContext) -> tuple[Workload, Mapping[EndpointState, int]]:
    workload = await context.instances.measure_workload()
    return workload, await endpoints.count_by_state(context.database)


async def _count(
    context: AdminContext,
) -> tuple[Mapping[InstanceState, int], Mapping[EndpointState, int]]:
    instances = await context.instances.count_by_state()
    return instances, await endpoints.count_by_state(context.database)


async def _database_reason(context: AdminContext) -> None:
    """It answers, or the question raises DatabaseUnavailable."""
    await context.database.fetchval("select 1")


async def _schema_reason(context: AdminContext) -> str | None:
    if await is_current(context.database):
        return None
    return "The schema is not the one that this version works with; run pollhook migrate."


async def _in_time(asked: Coroutine[Any, Any, T]) -> T:
    """The answer, or TimeoutError. A question to a database that hangs cannot be cut off before
    that goes on: whoever watches is not made to wait for it."""
    asking = asyncio.create_task(asked)
    try:
        await asyncio.wait((asking,), timeout=CHECK_SECONDS)
        if asking.done():
            return asking.result()
        raise TimeoutError
    finally:
        asking.add_done_callback(_note_end)
        asking.cancel()


def _note_end(asked: asyncio.Task[Any]) -> None:
    """Whatever came of it, nobody asks any more."""
    if not asked.cancelled():
        asked.exception()


async def _reason(check: ReadinessCheck) -> str | None:
    try:
        return await _in_time(check())
    except DatabaseUnavailable as error:
        return str(error)
    except TimeoutError:
        return f"no answer within {CHECK_SECONDS:g} seconds"


def _render_workload(workload: Workload, now: datetime) -> dict[str, Any]:
    oldest = workload.oldest_unfinished_at
    waited = (now - oldest).total_seconds() if oldest else None
    return {
        "instances": {state.value: count for state, count in workload.instances.items()},
        "polls": {"due": workload.polls_due, "late": workload.polls_late},
        "deliveries": {"oldestPendingSeconds": None if waited is None else round(max(waited, 0))},
    }
