"""Health: what machines and people learn without credentials."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from structlog.testing import capture_logs

from daemon.admin.context import AdminContext
from daemon.admin.server import create_application
from daemon.errors import DatabaseUnavailable
from daemon.instance import InstanceId, InstanceState
from tests.admin.api import Api, body_of, polling_body_of


async def test_the_process_lives_without_a_database(nobody: Api, context: AdminContext) -> None:
    await context.database.close()
    assert (await nobody.get("/livez")).status == 200
    ready = await nobody.get("/readyz")
    assert ready.status == 503
    assert "database" in ready.json["checks"]
    health = await nobody.get("/healthz")
    assert health.status == 200
    assert health.json["status"] == "degraded"
    assert health.json["database"]["available"] is False
    assert "pollhook_instances" in (await nobody.get("/metrics")).text


async def test_it_is_ready_when_every_check_passes(context: AdminContext) -> None:
    async def fine() -> None:
        return None

    async def draining() -> str:
        return "The daemon is stopping."

    async def gone() -> str:
        raise DatabaseUnavailable("The database does not answer.")

    for checks, status, expected in (
        ({}, 200, {}),
        ({"draining": fine}, 200, {}),
        ({"draining": draining}, 503, {"draining": "The daemon is stopping."}),
        ({"other": fine, "polling": gone}, 503, {"polling": "The database does not answer."}),
    ):
        application = create_application(replace(context, readiness=checks))
        async with TestClient(TestServer(application)) as client:
            async with client.get("/readyz") as response:
                assert response.status == status
                assert (await response.json()).get("checks", {}) == expected
            async with client.get("/readyz?verbose") as response:
                shown: dict[str, Any] = (await response.json())["checks"]
                assert list(shown) == ["database", "schema", *checks]
                assert shown["database"] == "ok"


async def test_a_check_that_cannot_be_cut_off_keeps_nobody_waiting(
    context: AdminContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.admin.health.CHECK_SECONDS", 0.05)
    goes_on = asyncio.Event()

    async def hangs() -> None:
        try:
            await goes_on.wait()
        finally:  # as a session does whose server has stopped in the middle of an answer
            await goes_on.wait()

    application = create_application(replace(context, readiness={"one": hangs, "two": hangs}))
    async with asyncio.timeout(10), TestClient(TestServer(application)) as client:
        async with client.get("/readyz") as response:
            assert response.status == 503
            checks = (await response.json())["checks"]
        goes_on.set()
    assert checks == dict.fromkeys(("one", "two"), "no answer within 0.05 seconds")


async def test_what_machines_ask_all_day_is_no_news(
    nobody: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    with capture_logs() as log:
        for path in ("/livez", "/readyz?verbose", "/healthz", "/metrics", "/elements"):
            await nobody.get(path)
    levels = {line["route"]: line["log_level"] for line in log}
    assert levels.pop("/elements") == "info"
    assert set(levels.values()) == {"debug"}


async def test_an_outdated_schema_is_not_ready(nobody: Api, context: AdminContext) -> None:
    await context.database.execute("delete from schema_migrations")
    reply = await nobody.get("/readyz")
    assert reply.status == 503
    assert "pollhook migrate" in reply.json["checks"]["schema"]


async def test_the_summary_counts_states_polls_and_what_waits(
    api: Api, nobody: Api, context: AdminContext
) -> None:
    created = (await api.call("POST", "/instances", polling_body_of("One", "code-0"))).json
    other = (await api.call("POST", "/instances", body_of("Two", "code-1"))).json
    await context.instances.set_state(
        InstanceId(other["id"]), InstanceState.NEEDS_REAUTH, "token refused"
    )
    await context.database.execute(
        "update resources set next_poll_at = now() - case name when 'contacts'"
        " then interval '1 second' when 'companies' then interval '1 hour' end"
    )
    await context.database.execute(
        "insert into notifications (id, instance_id, resource_id, event_id, format, events, body,"
        " page_read_at, created_at) select 1, instance_id, id, repeat('x', 20), 'openconnectors',"
        " 1, '', now(), now() - interval '90 seconds' from resources limit 1"
    )
    health = (await nobody.get("/healthz")).json
    assert health["status"] == "ok"
    assert health["version"]
    assert health["uptimeSeconds"] >= 0
    assert health["database"] == {"available": True}
    assert health["instances"] == {"active": 1, "degraded": 0, "needs_reauth": 1, "disabled": 0}
    assert health["polls"] == {"due": 2, "late": 1}
    assert 90 <= health["deliveries"]["oldestPendingSeconds"] < 120
    await api.call("DELETE", f"/instances/{created['id']}/enabled")
    health = (await nobody.get("/healthz")).json
    assert health["polls"] == {"due": 0, "late": 0}
    assert health["deliveries"] == {"oldestPendingSeconds": None}


async def test_metrics_tell_the_states_of_instances(api: Api, nobody: Api) -> None:
    await api.call("POST", "/instances", body_of())
    reply = await nobody.get("/metrics")
    assert reply.headers["Content-Type"].startswith("text/plain")
    assert 'pollhook_instances{state="active"} 1.0' in reply.text
    assert 'pollhook_instances{state="disabled"} 0.0' in reply.text


async def test_a_callback_that_is_given_up_shows_without_credentials(
    api: Api, nobody: Api, context: AdminContext
) -> None:
    created = (await api.call("POST", "/instances", polling_body_of("One", "code-0"))).json
    await api.call("POST", "/instances", polling_body_of("Two", "code-1"))
    await api.call("POST", "/instances", body_of("Tells nobody", "code-2"))
    await context.database.execute(
        "update endpoints set state = 'disabled' where instance_id = $1", created["id"]
    )

    told = (await nobody.get("/healthz")).json["endpoints"]
    text = (await nobody.get("/metrics")).text
    await api.call("DELETE", f"/instances/{created['id']}/enabled")
    left = (await nobody.get("/healthz")).json["endpoints"]

    assert told == {"healthy": 1, "failing": 0, "disabled": 1}
    assert 'pollhook_endpoints{state="disabled"} 1.0' in text
    assert left == {"healthy": 1, "failing": 0, "disabled": 0}


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/healthz", "/metrics"])
async def test_health_is_told_to_whoever_asks_in_whatever_type(nobody: Api, path: str) -> None:
    assert (await nobody.get(path, headers={"Accept": "text/html"})).status == 200
