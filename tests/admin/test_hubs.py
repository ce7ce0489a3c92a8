"""The hub: records of the provider, read and written under an instance's token."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
import pytest_asyncio
from yarl import URL

from daemon.connectors.connector import Connector
from daemon.sandbox.clock import Clock
from daemon.store.database import Database
from daemon.store.first_account import Credentials
from tests.admin.api import Api, Reply
from tests.admin.maximizer import NOON, body_with_token, connected, standing_in
from tests.sandbox.clients import Crm

ENTRIES = "/hubs/crm/addressbook-entries"


@pytest.fixture
def clock() -> Clock:
    return Clock(frozen_at=NOON)


@pytest_asyncio.fixture
async def crm(clock: Clock) -> AsyncIterator[Crm]:
    async with standing_in(clock) as crm:
        yield crm


@pytest_asyncio.fixture
async def connectors(database: Database, crm: Crm) -> AsyncIterator[Mapping[str, Connector]]:
    async with connected(crm, database) as opened:
        yield opened


@pytest_asyncio.fixture
async def instance(api: Api, crm: Crm) -> dict[str, Any]:
    reply = await api.call("POST", "/instances", body_with_token(crm))
    assert reply.status == 200, reply.text
    created: dict[str, Any] = reply.json
    return created


@pytest.fixture
def hub(api: Api, credentials: Credentials, instance: dict[str, Any]) -> Api:
    return api.acting_for(credentials, instance["token"])


async def people(crm: Crm, clock: Clock, count: int) -> None:
    for number in range(count):
        clock.advance(1)
        await crm.contact(f"Person {number:03}")


def at(key: str) -> URL:
    """The address of a record, with everything in its key encoded."""
    return URL(f"{ENTRIES}/{key.replace('/', '%2F').replace('=', '%3D')}", encoded=True)


def names(reply: Reply) -> list[str]:
    assert reply.status == 200, reply.text
    return [record["LastName"] for record in reply.json]


def query(**given: Any) -> URL:
    return URL(ENTRIES).with_query({name: str(value) for name, value in given.items()})


async def test_records_are_listed_under_the_providers_names(
    hub: Api, crm: Crm, clock: Clock, instance: dict[str, Any]
) -> None:
    await people(crm, clock, 3)
    reply = await hub.get(f"/elements/api-v2{ENTRIES}")
    assert names(reply) == ["Person 000", "Person 001", "Person 002"]
    assert reply.json[0]["LastModifyDate"] == "2026-06-01T12:00:01Z"
    assert reply.json[0]["Type"] == "Individual"
    for name, text in (
        ("Elements-Returned-Count", "3"),
        ("Elements-Total-Count", "3"),
        ("Elements-Request-Id", reply.headers["Elements-Trace-Id"]),
        ("elements-element-instance-id", str(instance["id"])),
    ):
        assert {key.lower(): value for key, value in reply.headers.items()}[name.lower()] == text
    assert "Elements-Next-Page-Token" not in reply.headers
    assert "Elements-Error" not in reply.headers


async def test_a_where_and_fields_reach_the_provider(hub: Api, crm: Crm, clock: Clock) -> None:
    await people(crm, clock, 5)
    where = "LastModifyDate >= '2026-06-01T12:00:03Z' AND LastName != 'Person 004'"
    reply = await hub.get(query(where=where, fields="LastName, Type"))
    assert names(reply) == ["Person 002", "Person 003"]
    assert {frozenset(record) for record in reply.json} == {frozenset({"Key", "LastName", "Type"})}


async def test_pages_are_read_by_number_and_on_by_token(hub: Api, crm: Crm, clock: Clock) -> None:
    await people(crm, clock, 7)
    first = await hub.get(query(pageSize=3))
    assert names(first) == ["Person 000", "Person 001", "Person 002"]
    assert "Elements-Total-Count" not in first.headers
    second = await hub.get(query(pageSize=3, page=2))
    assert names(second) == ["Person 003", "Person 004", "Person 005"]
    token = first.headers["Elements-Next-Page-Token"]
    assert names(await hub.get(query(pageSize=3, nextPage=token))) == names(second)
    link = re.fullmatch(r'<(.+)>; rel="next"', second.headers["Link"])
    assert link is not None
    third = await hub.get(URL(link[1], encoded=True))
    assert names(third) == ["Person 006"]
    assert "Elements-Next-Page-Token" not in third.headers
    assert names(await hub.get(query(pageSize=3, page=4))) == []


async def test_pages_are_whole_although_the_provider_cuts_its_own(
    hub: Api, crm: Crm, clock: Clock
) -> None:
    await people(crm, clock, 45)
    await crm.switch(max_page_size=20)
    reply = await hub.get(query(pageSize=30))
    assert names(reply) == [f"Person {number:03}" for number in range(30)]
    token = reply.headers["Elements-Next-Page-Token"]
    rest = await hub.get(query(pageSize=30, nextPage=token))
    assert names(rest) == [f"Person {number:03}" for number in range(30, 45)]


NONSENSE: list[tuple[dict[str, str], str]] = [
    ({"where": "LastName LIKE"}, "where"),
    ({"where": "LastModifyDate > 'yesterday'"}, "where"),
    ({"where": "LastName = NULL"}, "where"),
    ({"page": "0"}, "page"),
    ({"page": "101", "pageSize": "100"}, "page"),
    ({"pageSize": "1001"}, "pageSize"),
    ({"pageSize": "many"}, "pageSize"),
    ({"nextPage": "garbage!"}, "nextPage"),
    ({"nextPage": "WyJ4IiwgInkiXQ=="}, "nextPage"),
    ({"wher": "LastName = 'x'"}, "wher"),
    ({"fields": ",".join(f"F{number}" for number in range(201))}, "fields"),
]


async def test_a_question_without_sense_is_refused_without_asking_the_provider(
    hub: Api, crm: Crm
) -> None:
    before = len(await crm.requests())
    for given, field in NONSENSE:
        reply = await hub.get(query(**given))
        assert (reply.status, list(reply.faults)) == (400, [field]), given
        assert "providerMessage" not in reply.json
        assert reply.headers["Elements-Error"] == "true"
    assert len(await crm.requests()) == before


async def test_a_token_is_good_for_its_own_question_only(hub: Api, crm: Crm, clock: Clock) -> None:
    await people(crm, clock, 3)
    token = (await hub.get(query(pageSize=1))).headers["Elements-Next-Page-Token"]
    other = await hub.get(query(pageSize=1, nextPage=token, where="LastName = 'x'"))
    assert (other.status, list(other.faults)) == (400, ["nextPage"])
    both = await hub.get(query(pageSize=1, nextPage=token, page=2))
    assert (both.status, list(both.faults)) == (400, ["page"])


async def test_a_record_is_created_altered_read_and_deleted(hub: Api, crm: Crm) -> None:
    created = await hub.call("POST", ENTRIES, {"LastName": "Doe", "Type": "Individual"})
    assert created.status == 200, created.text
    key = created.json["Key"]
    altered = await hub.call("PATCH", at(key), {"LastName": "Roe"})
    assert altered.status == 200, altered.text
    assert altered.json["LastName"] == "Roe"
    read = await hub.get(at(key))
    assert (read.status, read.json["LastName"]) == (200, "Roe")
    narrow = await hub.get(at(key).with_query(fields="LastName"))
    assert narrow.json == {"Key": key, "LastName": "Roe"}
    deleted = await hub.call("DELETE", at(key))
    assert (deleted.status, deleted.json) == (200, {})
    gone = await hub.get(at(key))
    assert gone.status == 404
    assert await crm.rows(fields=("LastName",)) == []


async def test_nulls_are_dropped_unless_the_instance_keeps_them(
    hub: Api, api: Api, crm: Crm, instance: dict[str, Any]
) -> None:
    record = await crm.contact("Doe")
    assert None not in (await hub.get(ENTRIES)).json[0].values()
    assert None not in (await hub.get(at(record["key"]))).json.values()
    kept = {"configuration": {"filter.response.nulls": False}}
    assert (await api.call("PATCH", f"/instances/{instance['id']}", kept)).status == 200
    for reply in (await hub.get(ENTRIES), await hub.get(at(record["key"]))):
        shown = reply.json[0] if isinstance(reply.json, list) else reply.json
        assert shown["FirstName"] is None


async def test_a_refused_write_is_the_callers_fault_and_told_in_the_providers_words(
    hub: Api, crm: Crm
) -> None:
    record = await crm.contact("Doe")
    calls: list[tuple[str, str | URL, Any]] = [
        ("POST", ENTRIES, {"Nonsense": 1}),
        ("PATCH", at(record["key"]), {"Nonsense": 1}),
        ("PATCH", f"{ENTRIES}/unknown", {"LastName": "x"}),
        ("DELETE", f"{ENTRIES}/unknown", None),
    ]
    for method, address, body in calls:
        reply = await hub.call(method, address, body)
        assert reply.status == 400, (method, address, reply.text)
        assert reply.json["providerMessage"], (method, address)
        assert reply.json["faults"] == []


async def test_a_field_that_the_provider_refuses_on_a_read_is_its_failure(hub: Api) -> None:
    reply = await hub.get(query(fields="LastName,Nonsense"))
    assert reply.status == 502
    assert "Nonsense" in reply.json["providerMessage"]


@pytest.mark.parametrize(
    ("switch", "status"),
    [
        ({"status": {"status": 500, "call": ["any"], "body": "broken"}}, 502),
        ({"status": {"status": 504, "call": ["any"], "body": "too slow"}}, 504),
        ({"status": {"status": 404, "call": ["read"], "body": "nothing"}}, 502),
        ({"reset": {"call": ["any"]}}, 502),
        ({"empty_answer": {"call": ["any"]}}, 502),
        ({"bad_token": {"call": ["any"]}}, 502),
    ],
    ids=["500", "504", "read-404", "reset", "empty", "token"],
)
async def test_a_provider_in_trouble_is_told_with_its_words(
    hub: Api, crm: Crm, switch: dict[str, Any], status: int
) -> None:
    await crm.switch(**switch)
    replies = [await hub.get(ENTRIES), await hub.get(f"{ENTRIES}/abc")]
    if "read" not in str(switch):
        replies.append(await hub.call("POST", ENTRIES, {"LastName": "x"}))
    for reply in replies:
        assert reply.status == status, reply.text
        assert reply.json["providerMessage"]


async def test_a_pause_that_the_provider_asks_for_is_passed_on(hub: Api, crm: Crm) -> None:
    await crm.switch(status={"status": 429, "retry_after": 60, "body": "busy"})
    reply = await hub.get(ENTRIES)
    assert (reply.status, reply.headers["Retry-After"]) == (429, "60")


async def test_a_provider_that_does_not_answer_in_time_is_a_504(
    hub: Api, crm: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.admin.hubs.DEADLINE_SECONDS", 0.05)
    await crm.switch(hold={"call": ["any"]})
    replies = [await hub.get(ENTRIES), await hub.call("POST", ENTRIES, {"LastName": "x"})]
    await crm.http.post("/_sandbox/release")
    assert [reply.status for reply in replies] == [504, 504]
    assert "whether it wrote is not known" in replies[1].json["providerMessage"]


async def test_a_disabled_instance_has_no_hub(hub: Api, api: Api, instance: dict[str, Any]) -> None:
    await api.call("DELETE", f"/instances/{instance['id']}/enabled")
    for method, address, body in (
        ("GET", ENTRIES, None),
        ("GET", f"{ENTRIES}/x", None),
        ("POST", ENTRIES, {"LastName": "x"}),
        ("PATCH", f"{ENTRIES}/x", {"LastName": "x"}),
        ("DELETE", f"{ENTRIES}/x", None),
    ):
        reply = await hub.call(method, address, body)
        assert reply.status == 403, (method, address)
        assert "disabled" in reply.json["message"]


async def test_the_hub_is_entered_with_an_instances_token_only(api: Api, hub: Api) -> None:
    reply = await api.get(ENTRIES)
    assert reply.status == 401
    assert "Element" in reply.json["message"]
    for address in ("/hubs/erp/contacts", "/hubs/crm/invoices", "/hubs/crm/invoices/1"):
        missing = await hub.get(address)
        assert missing.status == 404
        assert "addressbook-entries" in missing.json["message"]


async def test_a_body_without_fields_is_refused(hub: Api) -> None:
    bodies: list[Any] = [{}, [], b"{"]
    for body in bodies:
        reply = await hub.call("POST", ENTRIES, body, headers={"Content-Type": "application/json"})
        assert (reply.status, list(reply.faults)) == (400, ["body"])
