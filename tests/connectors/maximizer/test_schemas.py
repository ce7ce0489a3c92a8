"""Schemas of tenants against the stand-in: read once, checked for holes, and what they narrow."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from daemon.connectors.connector import UNSTORED
from daemon.errors import MalformedAnswer, NotFound, ProviderUnavailable, RequestRefused
from daemon.sandbox.clock import Clock
from tests.connectors.maximizer.stage import Stage, stage
from tests.sandbox.clients import Crm


async def test_the_schema_tells_what_can_be_searched_and_sorted_by(
    crm: Crm, maximizer: Stage
) -> None:
    await crm.switch(
        hidden_abilities=["AbEntry/Department"], not_queryable=["AbEntry/LastModifyDate"]
    )
    facts = await maximizer.connector.describe(maximizer.account, "contacts")
    assert (facts["LastModifyDate"].queryable, facts["LastModifyDate"].sortable) == (False, True)
    assert (facts["Department"].queryable, facts["Department"].sortable) == (False, False)
    assert facts["CreationDate"].queryable
    assert facts["Phone1/Number"].nullable
    assert not facts["Type"].nullable
    assert not facts["FullName"].assignable


async def test_resources_of_one_object_share_a_schema_that_is_read_once(
    crm: Crm, maximizer: Stage
) -> None:
    account = maximizer.account
    for resource in ("contacts", "companies", "addressbook-entries", "contacts"):
        await maximizer.connector.describe(account, resource)
    assert len(await crm.requests()) == 1
    await maximizer.connector.describe(replace(account, instance_id=2), "contacts")
    assert len(await crm.requests()) == 2


async def test_a_schema_is_read_again_after_an_hour(
    crm: Crm, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    now: list[datetime] = [clock.now()]
    monkeypatch.setattr("daemon.connectors.maximizer.opening._now", lambda: now[0])
    configuration = {"maximizer.personal.access.token": crm.service.personal_access_token}
    async with stage(crm, configuration) as opened:
        for minutes, calls in ((0, 1), (59, 1), (61, 2)):
            now[0] = clock.now() + timedelta(minutes=minutes)
            await opened.connector.describe(opened.account, "leads")
            assert len(await crm.requests()) == calls


async def test_nothing_is_remembered_of_an_instance_that_is_not_stored(
    crm: Crm, maximizer: Stage
) -> None:
    account = replace(maximizer.account, instance_id=UNSTORED)
    for _ in range(2):
        await maximizer.connector.describe(account, "leads")
    assert len(await crm.requests()) == 2


@pytest.mark.parametrize("unknown_field", ["error", "no_rows"])
@pytest.mark.parametrize("is_empty", [False, True], ids=["with records", "empty"])
async def test_fields_that_a_tenant_lacks_are_left_out_of_what_is_read_by_default(
    crm: Crm, maximizer: Stage, unknown_field: str, is_empty: bool
) -> None:
    if not is_empty:
        await crm.add("leads", {"LastName": "Doe"})
    await crm.switch(
        missing_fields=["Lead/NoEmployees", "Lead/Address"], unknown_field=unknown_field
    )
    facts = await maximizer.connector.describe(maximizer.account, "leads")
    assert "NoEmployees" not in facts
    if is_empty:
        await crm.add("leads", {"LastName": "Doe"})
    (record,) = await maximizer.records("leads")
    assert record.raw["LastName"] == "Doe"
    assert not record.raw.keys() & {"NoEmployees", "Address"}


async def test_a_field_that_is_asked_for_by_name_is_asked_for(crm: Crm, maximizer: Stage) -> None:
    await crm.add("leads", {"LastName": "Doe"})
    await crm.switch(missing_fields=["Lead/NoEmployees"])
    await maximizer.connector.describe(maximizer.account, "leads")
    with pytest.raises(RequestRefused, match="NoEmployees"):
        await maximizer.read("leads", fields=("LastName", "NoEmployees"))


async def test_a_schema_with_holes_is_not_believed(crm: Crm, maximizer: Stage) -> None:
    await crm.add("leads", {"LastName": "Doe"})
    await crm.switch(schema="partial")
    with pytest.raises(MalformedAnswer, match="leaves out"):
        await maximizer.connector.describe(maximizer.account, "leads")
    (record,) = await maximizer.records("leads")
    assert "SourceUrl" in record.raw


async def test_keys_that_cannot_be_sorted_by_are_left_out_of_the_order(
    crm: Crm, maximizer: Stage
) -> None:
    await crm.contact("Doe")
    await crm.switch(hidden_abilities=["AbEntry/Key"])
    with pytest.raises(RequestRefused, match="cannot be sorted by"):
        await maximizer.records("addressbook-entries")
    await maximizer.connector.describe(maximizer.account, "addressbook-entries")
    assert len(await maximizer.records("addressbook-entries")) == 1


async def test_a_tenant_without_schema_says_so(crm: Crm, maximizer: Stage) -> None:
    await crm.switch(schema="unsupported")
    with pytest.raises(RequestRefused, match="not supported"):
        await maximizer.connector.describe(maximizer.account, "leads")


async def test_an_outage_is_not_remembered(crm: Crm, maximizer: Stage) -> None:
    await crm.switch(status={"status": 503, "times": 1})
    with pytest.raises(ProviderUnavailable):
        await maximizer.connector.describe(maximizer.account, "leads")
    assert await maximizer.connector.describe(maximizer.account, "leads")


async def test_a_resource_that_does_not_exist_has_no_schema(maximizer: Stage) -> None:
    with pytest.raises(NotFound):
        await maximizer.connector.describe(maximizer.account, "invoices")
