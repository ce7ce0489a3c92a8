"""Every resource of the element, end to end against the stand-in: what is done is told."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from daemon.store.database import Database
from tests.polling.watching import Watching, watching

DATED: Mapping[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "contacts": ({"LastName": "Doe"}, {"LastName": "Roe"}),
    "companies": ({"CompanyName": "Acme"}, {"WebSite": "https://acme.example"}),
    "addressbook-entries": ({"Type": "Individual", "LastName": "Doe"}, {"LastName": "Roe"}),
    "opportunities": ({"Objective": "Sell"}, {"Description": "More"}),
    "leads": ({"LastName": "Doe"}, {"LastName": "Roe"}),
    "cases": ({"Subject": "Broken"}, {"Subject": "Mended"}),
    "campaigns": ({"Name": "Spring"}, {"Name": "Summer"}),
    "appointments": ({"Subject": "Meet"}, {"Subject": "Meet again"}),
    "addresses": ({"City": "Vancouver"}, {"City": "Burnaby"}),
    "custom-records": ({"Name": "Machine"}, {"Name": "Engine"}),
}
UNDATED: Mapping[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "tasks": ({"Activity": "Call"}, {"Activity": "Call again"}),
    "notes": ({"Text": "Said no"}, {"RichText": "<p>Said maybe</p>"}),
    "documents": ({"Name": "offer.pdf"}, {"Description": "The last one"}),
}
HOUR = timedelta(hours=1).total_seconds()


async def add(watched: Watching, resource: str, **fields: Any) -> dict[str, Any]:
    if resource in ("contacts", "addresses"):
        company = await watched.crm.add("companies", {"CompanyName": "Acme"})
        fields["ParentKey"] = company["key"]
    return await watched.crm.add(resource, fields)


@pytest.mark.parametrize("resource", DATED)
async def test_a_dated_resource_tells_what_is_created_and_what_is_changed(
    database: Database, monkeypatch: pytest.MonkeyPatch, resource: str
) -> None:
    first, second = DATED[resource]
    async with watching(database, monkeypatch, resource) as watched:
        old = await add(watched, resource, **first)
        watched.clock.advance(86_400)
        await watched.poll()
        assert await watched.told() == []
        new = await add(watched, resource, **first)
        await watched.poll()
        assert ("CREATED", new["key"]) in await watched.told()
        await watched.crm.edit(old, **second)
        await watched.poll()
        assert await watched.told() == [("UPDATED", old["key"])]
        await watched.poll()
        assert await watched.told() == []


@pytest.mark.parametrize("resource", UNDATED)
async def test_a_resource_without_a_date_of_change_tells_changes_by_content(
    database: Database, monkeypatch: pytest.MonkeyPatch, resource: str
) -> None:
    first, second = UNDATED[resource]
    async with watching(database, monkeypatch, resource) as watched:
        old = await watched.crm.add(resource, first)
        watched.clock.advance(86_400)
        await watched.poll()
        new = await watched.crm.add(resource, first)
        await watched.poll()
        assert await watched.told() == [("CREATED", new["key"])]
        await watched.crm.edit(old, **second)
        await watched.poll()
        await watched.slow_work()
        assert await watched.told() == []
        await watched.poll(HOUR)
        await watched.slow_work()
        assert await watched.told() == [("UPDATED", old["key"])]
        await watched.poll(HOUR)
        await watched.slow_work()
        assert await watched.told() == []
