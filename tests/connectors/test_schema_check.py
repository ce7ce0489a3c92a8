"""Fields that a configuration names and a tenant does not have, or cannot use, are refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from daemon.connectors.connector import UNSTORED
from daemon.connectors.schema_check import check_fields, find_faults
from daemon.polling.configuration import KEY, ResourcePolling, parse_polling
from daemon.polling.standards import PollingStandards
from daemon.sandbox import crm as crm_app
from daemon.sandbox.clock import Clock
from daemon.sandbox.service import Options
from tests.connectors.maximizer.stage import Stage, stage
from tests.sandbox.clients import Crm

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
STOCK = "/hubs/crm/leads?where=LastModifyDate>'${date:yyyy-MM-dd'T'HH:mm:ssXXX}'"


@pytest.fixture
async def crm() -> AsyncIterator[Crm]:
    app = crm_app.create_app(
        Options(seed=None, faults={"rate_limit_calls": 0}), Clock(frozen_at=NOON)
    )
    async with TestClient(TestServer(app)) as http:
        yield Crm(http)


@pytest.fixture
async def maximizer(crm: Crm) -> AsyncIterator[Stage]:
    configuration = {"maximizer.personal.access.token": crm.service.personal_access_token}
    async with stage(crm, configuration) as opened:
        yield opened


def polling_of(maximizer: Stage, resource: str = "leads", **entry: Any) -> ResourcePolling:
    polled = parse_polling(
        {resource: entry},
        hub="crm",
        resources=maximizer.connector.element.resources,
        standards=PollingStandards(),
    )
    assert isinstance(polled, dict), polled
    return polled[resource]


async def faults_of(maximizer: Stage, resource: str = "leads", /, **entry: Any) -> dict[str, str]:
    polling = polling_of(maximizer, resource, **entry)
    faults = await find_faults(maximizer.connector, maximizer.account, polling)
    prefix = f"{KEY}.{resource}."
    assert all(fault.field.startswith(prefix) for fault in faults)
    return {fault.field.removeprefix(prefix): fault.message for fault in faults}


async def test_what_every_resource_names_by_default_is_there(maximizer: Stage) -> None:
    for resource in maximizer.connector.element.resources:
        assert await faults_of(maximizer, resource) == {}


NAMED: dict[str, tuple[dict[str, Any], str, str]] = {
    "an id field": ({"idField": "Website2"}, "idField", "did you mean 'WebSite'?"),
    "a date of change": (
        {"datesConfiguration": {"updatedDateField": "ModifiedDate"}},
        "datesConfiguration.updatedDateField",
        "have no field 'ModifiedDate'",
    ),
    "a date of creation": (
        {"datesConfiguration": {"createdDateField": "Born"}},
        "datesConfiguration.createdDateField",
        "the leads of this tenant have no field 'Born'",
    ),
    "a field of the filter": ({"url": f"{STOCK} AND Mood='good'"}, "url", "'Mood'"),
    "a field to be read": ({"url": "/hubs/crm/leads?fields=LastName,Mood"}, "url", "'Mood'"),
    "a part of a composite": ({"url": f"{STOCK} AND Phone1.Colour='red'"}, "url", "Phone1.Colour"),
}


@pytest.mark.parametrize(("entry", "place", "words"), NAMED.values(), ids=NAMED)
async def test_a_field_that_does_not_exist_is_named_with_its_place(
    maximizer: Stage, entry: dict[str, Any], place: str, words: str
) -> None:
    faults = await faults_of(maximizer, **entry)
    assert list(faults) == [place]
    assert words in faults[place]


KNOWN: dict[str, dict[str, Any]] = {
    "in another casing": {"url": f"{STOCK} AND lastname='Doe'"},
    "a part of a composite": {"url": f"{STOCK} AND Phone1.Number='5'"},
    "a composite": {"url": "/hubs/crm/leads?fields=Key,Address"},
    "a facet of a field": {"url": "/hubs/crm/leads?fields=Status.DisplayValue"},
    "a user-defined field": {"url": f"{STOCK} AND `Udf/$TYPEID(111)`='5'"},
    "another id field": {"idField": "WebSite"},
}


@pytest.mark.parametrize("entry", KNOWN.values(), ids=KNOWN)
async def test_a_field_that_exists_is_known_however_it_is_written(
    maximizer: Stage, entry: dict[str, Any]
) -> None:
    assert await faults_of(maximizer, **entry) == {}


ABILITIES: dict[str, tuple[dict[str, Any], dict[str, Any], str | None]] = {
    "a filter on what cannot be searched by": (
        {"not_queryable": ["Lead/LastName"]},
        {"url": f"{STOCK} AND LastName='Doe'"},
        "cannot be searched by 'LastName'",
    ),
    "an id that cannot be searched by": (
        {"not_queryable": ["Lead/WebSite"]},
        {"idField": "WebSite"},
        "cannot be searched by 'WebSite'",
    ),
    "a date of change that cannot be sorted by": (
        {"hidden_abilities": ["Lead/LastModifyDate"]},
        {},
        "cannot be sorted by 'LastModifyDate'",
    ),
    "a date of creation that cannot be sorted by is not": (
        {"hidden_abilities": ["Lead/CreationDate"]},
        {},
        None,
    ),
}


@pytest.mark.parametrize(("switches", "entry", "words"), ABILITIES.values(), ids=ABILITIES)
async def test_what_a_field_cannot_do_is_a_fault_where_it_is_needed(
    *,
    crm: Crm,
    maximizer: Stage,
    switches: dict[str, Any],
    entry: dict[str, Any],
    words: str | None,
) -> None:
    await crm.switch(**switches)
    faults = list((await faults_of(maximizer, **entry)).values())
    assert len(faults) == (0 if words is None else 1)
    assert all(words in fault for fault in faults if words is not None)


async def test_a_stamp_that_can_be_sorted_but_not_searched_by_is_no_fault(
    crm: Crm, maximizer: Stage
) -> None:
    await crm.switch(not_queryable=["Lead/LastModifyDate"])
    polling = polling_of(maximizer)
    check = await check_fields(maximizer.connector, maximizer.account, polling)
    assert (list(check.faults), check.filters_by_stamp) == ([], False)


@pytest.mark.parametrize("fault", ["unsupported", "partial"])
@pytest.mark.parametrize("resource", ["leads", "tasks", "notes", "contacts"])
async def test_a_schema_that_cannot_be_read_refuses_nothing(
    crm: Crm, maximizer: Stage, fault: str, resource: str
) -> None:
    company = await crm.add("companies", {"CompanyName": "Acme"})
    fields = {"ParentKey": company["key"]} if resource == "contacts" else {}
    named = {"tasks": "Activity", "notes": "Text"}.get(resource, "LastName")
    await crm.add(resource, {named: "Doe", **fields})
    await crm.switch(schema=fault, unknown_field="no_rows")
    assert await faults_of(maximizer, resource) == {}


@pytest.mark.parametrize(
    ("fault", "calls"),
    [
        ({"status": {"status": 503}}, 2),
        ({"status": {"status": 429}}, 1),
        ({"bad_token": {}}, 1),
        ({"reset": {}}, 2),
        ({"truncated": {}}, 2),
    ],
    ids=["HTTP 503", "HTTP 429", "a rejected token", "a reset", "half an answer"],
)
async def test_trouble_of_the_provider_refuses_nothing_and_is_not_asked_for_twice(
    crm: Crm, maximizer: Stage, fault: dict[str, Any], calls: int
) -> None:
    await crm.switch(**fault)
    account = replace(maximizer.account, instance_id=UNSTORED)
    polling = polling_of(maximizer, idField="Mood")
    assert await find_faults(maximizer.connector, account, polling) == []
    assert len(await crm.requests()) == calls


async def test_without_a_schema_the_field_that_makes_rows_vanish_is_found_by_reading(
    crm: Crm, maximizer: Stage
) -> None:
    await crm.add("leads", {"LastName": "Doe"})
    await crm.switch(schema="unsupported", unknown_field="no_rows")
    faults = await faults_of(maximizer, idField="Mood", url=f"{STOCK} AND Colour='red'")
    assert {place: "no record" in words for place, words in faults.items()} == {
        "idField": True,
        "url": True,
    }


async def test_without_a_schema_a_field_of_the_default_ones_that_makes_rows_vanish_is_told(
    crm: Crm, maximizer: Stage
) -> None:
    await crm.add("leads", {"LastName": "Doe"})
    await crm.switch(
        schema="unsupported", unknown_field="no_rows", missing_fields=["Lead/NoEmployees"]
    )
    assert "?fields=" in (await faults_of(maximizer))["url"]
    assert await faults_of(maximizer, url="/hubs/crm/leads?fields=Key,LastName") == {}


async def test_without_a_schema_an_empty_resource_says_nothing(crm: Crm, maximizer: Stage) -> None:
    await crm.switch(schema="unsupported", unknown_field="no_rows")
    assert await faults_of(maximizer, idField="Mood") == {}


async def test_an_instance_that_is_still_to_be_stored_can_be_checked(
    crm: Crm, maximizer: Stage
) -> None:
    account = replace(maximizer.account, instance_id=UNSTORED)
    polling = polling_of(maximizer, idField="Mood")
    (fault,) = await find_faults(maximizer.connector, account, polling)
    assert fault.field == f"{KEY}.leads.idField"
