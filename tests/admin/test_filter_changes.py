"""What a changed filter, id field, date field or zone does to a cursor, and who decides it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio

from daemon.admin.context import AdminContext
from tests.admin.api import Api, Heard, Reply, polling_body_of

POLLING = "event.poller.configuration"
FILTER = "/hubs/crm/contacts?where=LastModifyDate>'${date:yyyy-MM-dd HH:mm:ss}'"
STOCK = "/hubs/crm/contacts?where=LastModifyDate > '${date:yyyy-MM-dd'T'HH:mm:ssXXX}'"
CURSOR = datetime(2026, 6, 2, 12, tzinfo=UTC)
BASELINE = datetime(2026, 6, 1, 12, tzinfo=UTC)
JUST_AFTER_BASELINE = BASELINE + timedelta(microseconds=1)
KNOWN_FROM = BASELINE - timedelta(hours=2)

DIFFERENT: list[tuple[dict[str, Any], str]] = [
    ({"url": f"{FILTER} AND Type='Contact'"}, "filter"),
    ({"idField": "Number"}, "id field"),
    ({"datesConfiguration": {"updatedDateField": "Other"}}, "date field"),
    ({"datesConfiguration": {"updatedDateTimezone": "EST"}}, "zone"),
]
NAMES = ["filter", "idField", "dateField", "zone"]


@pytest_asyncio.fixture
async def path(api: Api, context: AdminContext) -> str:
    """An instance whose contacts and companies have been polled for a day."""
    reply = await api.call("POST", "/instances", polling_body_of())
    assert reply.status == 200, reply.text
    await context.database.execute(
        "update resources set state = 'active', cursor_at = $1, baseline_at = $2, known_from = $3,"
        " ids_complete = true, utc_proved_at = $1, utc_skew_seconds = 0, next_sequence = 8"
        " where name in ('contacts', 'companies')",
        CURSOR,
        BASELINE,
        KNOWN_FROM,
    )
    await context.database.execute(
        "insert into snapshots (resource_id, object_id, object_key, content_hash, revision,"
        " projection) select id, 'o', 'k', '', 3, 1 from resources where name = 'contacts'"
    )
    return f"/instances/{reply.json['id']}"


async def contacts(context: AdminContext) -> dict[str, Any]:
    row = await context.database.fetchrow("select * from resources where name = 'contacts'")
    assert row is not None
    return dict(row)


async def snapshots(context: AdminContext) -> int:
    """How many living objects are known."""
    query = "select count(*) from snapshots where content_hash = '' and not deleted"
    return int(await context.database.fetchval(query))


async def change(
    api: Api, path: str, entry: dict[str, Any], decision: str | None = None, **others: Any
) -> Reply:
    body: dict[str, Any] = {"configuration": {POLLING: {"contacts": entry, **others}}}
    return await api.call("PATCH", path, body | ({"onFilterChange": decision} if decision else {}))


@pytest.mark.parametrize(("entry", "words"), DIFFERENT, ids=NAMES)
async def test_a_change_under_a_cursor_has_to_be_decided(
    *, api: Api, context: AdminContext, heard: Heard, path: str, entry: dict[str, Any], words: str
) -> None:
    before = await contacts(context)
    reply = await change(api, path, entry)
    assert reply.status == 400
    (message,) = reply.faults.values()
    assert list(reply.faults) == [f"{POLLING}.contacts"]
    assert words in message
    assert "onFilterChange" in message
    assert ("keep" in message) is (words != "id field")
    assert await contacts(context) == before
    assert heard.changed == []


@pytest.mark.parametrize(("entry", "words"), DIFFERENT, ids=NAMES)
@pytest.mark.parametrize("decision", ["keep", "rewind", "baseline"])
async def test_a_decision_lets_the_change_through(
    *,
    api: Api,
    context: AdminContext,
    heard: Heard,
    path: str,
    entry: dict[str, Any],
    words: str,
    decision: str,
) -> None:
    before = await contacts(context)
    reply = await change(api, path, entry, decision)
    row = await contacts(context)
    if (words, decision) == ("id field", "keep"):
        assert (reply.status, list(reply.faults)) == (400, ["onFilterChange"])
        assert "id field" in reply.faults["onFilterChange"]
        assert row == before
        return
    assert reply.status == 200, reply.text
    assert row["configuration"] != before["configuration"]
    assert row["version"] > before["version"]
    assert row["next_sequence"] == before["next_sequence"]
    assert await snapshots(context) == (0 if words == "id field" else 1)
    if decision == "baseline":
        assert (row["state"], row["baseline_at"], row["cursor_at"]) == (
            "baseline_pending",
            None,
            None,
        )
        assert heard.awaited == [(before["instance_id"], ("contacts",))]
    else:
        cursor = {"keep": CURSOR, "rewind": BASELINE}[decision]
        assert (row["state"], row["cursor_at"], row["baseline_at"]) == ("active", cursor, BASELINE)
        assert heard.awaited == []


async def test_what_another_filter_never_read_is_not_known_below_the_next_poll(
    api: Api, context: AdminContext, path: str
) -> None:
    await change(api, path, {"url": f"{FILTER} AND Type='Contact'"}, "keep")
    row = await contacts(context)
    assert row["known_from"] == CURSOR - timedelta(minutes=65)
    assert row["ids_complete"] is False
    assert row["utc_proved_at"] is not None
    await change(api, path, {"url": f"{FILTER} AND Type='Person'"}, "rewind")
    row = await contacts(context)
    assert (row["cursor_at"], row["known_from"]) == (BASELINE, JUST_AFTER_BASELINE)


async def test_a_rewound_filter_does_not_tell_what_was_there_at_the_baseline(
    api: Api, context: AdminContext, path: str
) -> None:
    await change(api, path, {"url": f"{FILTER} AND Type='Contact'"}, "rewind")
    row = await contacts(context)
    assert (row["cursor_at"], row["known_from"]) == (BASELINE, JUST_AFTER_BASELINE)
    assert row["ids_complete"] is False


async def test_other_changes_need_no_decision(api: Api, context: AdminContext, path: str) -> None:
    before = await contacts(context)
    for entry in (
        {"pageSize": 7, "overlapSeconds": 300},
        {"datesConfiguration": {"createdDateField": "Other"}},
        {"ignoreFields": ["Position"], "deletes": {"mode": "sweep"}, "reconcile": {}},
        {"url": quote(STOCK, safe="/?=")},
    ):
        reply = await change(api, path, entry)
        assert reply.status == 200, (entry, reply.text)
        row = await contacts(context)
        for column in ("state", "cursor_at", "baseline_at", "known_from", "ids_complete"):
            assert row[column] == before[column], (entry, column)
    assert await snapshots(context) == 1


async def test_a_decision_touches_only_what_it_is_about(
    api: Api, context: AdminContext, heard: Heard, path: str
) -> None:
    entry = {"url": f"{FILTER} AND Type='Contact'"}
    reply = await change(api, path, entry, "baseline", companies={})
    assert reply.status == 200, reply.text
    rows = await context.database.fetch(
        "select name, cursor_at, state from resources where state <> 'stopped' order by name"
    )
    assert [tuple(row) for row in rows] == [
        ("companies", CURSOR, "active"),
        ("contacts", None, "baseline_pending"),
    ]
    (awaited,) = heard.awaited
    assert awaited[1] == ("contacts",)


async def test_every_undecided_resource_is_named(api: Api, path: str) -> None:
    reply = await change(api, path, {"idField": "A"}, companies={"idField": "B"})
    assert set(reply.faults) == {f"{POLLING}.contacts", f"{POLLING}.companies"}


async def test_before_the_baseline_anything_may_change(
    api: Api, context: AdminContext, path: str
) -> None:
    await context.database.execute(
        "update resources set state = 'baseline_pending', baseline_at = null"
    )
    assert (await change(api, path, {"idField": "Number"})).status == 200


async def test_a_resource_that_comes_back_with_another_filter_has_to_be_decided(
    api: Api, context: AdminContext, path: str
) -> None:
    only_companies: dict[str, Any] = {"configuration": {POLLING: {"companies": {}}}}
    assert (await api.call("PATCH", path, only_companies)).status == 200
    assert (await contacts(context))["state"] == "stopped"
    assert (await change(api, path, {"idField": "Number"})).status == 400
    assert (await change(api, path, {"idField": "Number"}, "rewind")).status == 200
    row = await contacts(context)
    assert (row["state"], row["cursor_at"]) == ("active", BASELINE)


async def test_another_zone_of_the_instance_is_a_change_of_every_stamp_without_one(
    api: Api, context: AdminContext, path: str
) -> None:
    local = {
        "url": "/hubs/crm/contacts?where=LastModifyDate>'${date:yyyy-MM-dd HH:mm:ss}'",
        "datesConfiguration": {
            "updatedDateField": "LastModifyDate",
            "updatedDateFormat": "yyyy-MM-dd HH:mm:ss",
        },
    }
    assert (await change(api, path, local, "keep")).status == 200
    zone = {"configuration": {"event.poller.timezone": "America/Vancouver"}}
    reply = await api.call("PATCH", path, zone)
    assert "zone" in reply.faults[f"{POLLING}.contacts"]
    assert (await api.call("PATCH", path, zone | {"onFilterChange": "keep"})).status == 200


async def test_a_paused_resource_stays_paused_when_it_begins_anew(
    api: Api, context: AdminContext, heard: Heard, path: str
) -> None:
    await context.database.execute("update resources set state = 'paused' where name = 'contacts'")
    assert (await change(api, path, {"idField": "Number"}, "baseline")).status == 200
    row = await contacts(context)
    assert (row["state"], row["baseline_at"]) == ("paused", None)
    assert heard.awaited == []


async def test_a_first_run_cannot_be_changed_afterwards_but_made_anew(
    api: Api, context: AdminContext, heard: Heard, path: str
) -> None:
    for first_run in ("backfill", "from:2026-01-01T00:00:00Z"):
        for decision in (None, "keep", "rewind"):
            reply = await change(api, path, {"firstRun": first_run}, decision)
            assert list(reply.faults) == [f"{POLLING}.contacts.firstRun"], (first_run, decision)
            assert "onFilterChange baseline" in reply.faults[f"{POLLING}.contacts.firstRun"]
    reply = await change(api, path, {"firstRun": "backfill"}, "baseline")
    assert reply.status == 200, reply.text
    row = await contacts(context)
    assert (row["state"], row["configuration"]["firstRun"]) == ("baseline_pending", "backfill")
    assert len(heard.awaited) == 1
    await context.database.execute("update resources set state = 'active', baseline_at = now()")
    assert (await change(api, path, {"firstRun": "backfill", "pageSize": 7})).status == 200
    assert (await change(api, path, {})).status == 200


async def test_one_item_of_the_configuration_can_carry_the_decision(
    api: Api, context: AdminContext, path: str
) -> None:
    item = {"propertyValue": {"contacts": {"idField": "Number"}}}
    address = f"{path}/configuration/{POLLING}"
    assert (await api.call("PATCH", address, item)).status == 400
    reply = await api.call("PATCH", address, item | {"onFilterChange": "sometimes"})
    assert "keep or rewind or baseline" in reply.faults["onFilterChange"]
    assert (await api.call("PATCH", address, item | {"onFilterChange": "rewind"})).status == 200
    assert (await contacts(context))["cursor_at"] == BASELINE


async def test_new_resources_have_their_baseline_before_the_answer(
    api: Api, context: AdminContext, heard: Heard, path: str
) -> None:
    await change(api, path, {}, companies={}, leads={}, opportunities={})
    (awaited,) = heard.awaited
    assert set(awaited[1]) == {"leads", "opportunities"}
    await context.database.execute("update resources set failures = 3 where name = 'leads'")
    await change(api, path, {}, leads={})
    assert len(heard.awaited) == 1, "what failed before is left to its own next attempt"


async def test_enabling_waits_for_the_baselines_that_are_missing(
    api: Api, context: AdminContext, heard: Heard, path: str
) -> None:
    await api.call("DELETE", f"{path}/enabled")
    heard.awaited.clear()
    await api.call("PUT", f"{path}/enabled")
    (awaited,) = heard.awaited
    assert set(awaited[1]) == {"addressbook-entries", "opportunities"}
