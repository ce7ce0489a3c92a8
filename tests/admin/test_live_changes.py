"""Changes of an instance while it polls: what they promise holds from their answer on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from daemon.connectors.maximizer.connector import MaximizerConnector
from daemon.connectors.maximizer.element import ELEMENT
from daemon.connectors.maximizer.resources import RESOURCES
from daemon.sandbox.clock import Clock
from daemon.store.embedded import ServerAddress
from tests.admin.maximizer import standing_in
from tests.admin.running import PEOPLE, Running, running

STOCK = f"/hubs/crm/{PEOPLE}?where=LastModifyDate>'${{date:yyyy-MM-dd'T'HH:mm:ssXXX}}'"
ONLY_ADA: dict[str, Any] = {PEOPLE: {"url": f"{STOCK} AND LastName='Ada'"}}
BY_CREATION: dict[str, Any] = {
    "url": f"/hubs/crm/{PEOPLE}?where=CreationDate>'${{date:yyyy-MM-dd'T'HH:mm:ssXXX}}'",
    "datesConfiguration": {"updatedDateField": "CreationDate"},
}
IN_VANCOUVER: dict[str, Any] = {
    "datesConfiguration": {
        "updatedDateField": "LastModifyDate",
        "updatedDateFormat": "yyyy-MM-dd'T'HH:mm:ss'Z'",
        "updatedDateTimezone": "America/Vancouver",
    },
}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest_asyncio.fixture
async def daemon(
    database_address: ServerAddress, clock: Clock, tmp_path: Path
) -> AsyncIterator[Running]:
    async with (
        asyncio.timeout(50),
        standing_in(clock) as crm,
        running(database_address, crm, tmp_path) as daemon,
    ):
        yield daemon


async def test_an_edit_right_after_a_resource_was_added_is_told(daemon: Running) -> None:
    ada = await daemon.crm.contact("Ada")
    path = await daemon.create({"companies": {}})
    await daemon.alter(path, {"companies": {}, PEOPLE: {}})
    await daemon.crm.edit(ada, FirstName="Augusta")
    state = await daemon.order(path, "POST poll")
    assert await daemon.told() == [("UPDATED", ada["key"])]
    assert (state["state"], state["rows"]["changed"]) == ("active", 1)
    assert state["nextPoll"] > state["lastPoll"] >= state["baseline"]


async def test_a_new_baseline_is_silent_about_what_came_before_its_answer(
    daemon: Running,
) -> None:
    ada, bob = await daemon.crm.contact("Ada"), await daemon.crm.contact("Bob")
    path = await daemon.create(ONLY_ADA)
    await daemon.crm.edit(bob, FirstName="Robert")
    await daemon.alter(path, {PEOPLE: {}}, "baseline")
    await daemon.order(path, "POST poll")
    assert await daemon.told() == []
    await daemon.crm.edit(ada, FirstName="Augusta")
    await daemon.order(path, "POST poll")
    assert await daemon.told() == [("UPDATED", ada["key"])]


async def test_a_rewound_filter_tells_what_it_now_lets_through_since_the_baseline(
    daemon: Running, clock: Clock
) -> None:
    bob = await daemon.crm.contact("Bob")
    clock.advance(20)
    await daemon.crm.contact("Ada")
    path = await daemon.create(ONLY_ADA)
    clock.advance(20)
    await daemon.crm.edit(bob, FirstName="Robert")
    await daemon.order(path, "POST poll")
    assert await daemon.told() == []
    await daemon.alter(path, {PEOPLE: {}}, "rewind")
    await daemon.order(path, "POST poll")
    assert await daemon.told() == [("UPDATED", bob["key"])]


async def test_another_id_field_tells_the_changes_since_the_baseline_under_its_ids(
    daemon: Running, clock: Clock
) -> None:
    ada = await daemon.crm.contact("Ada", WebSite="ada.example")
    clock.advance(20)
    await daemon.crm.edit(ada, FirstName="Augusta")
    path = await daemon.create({PEOPLE: {}})
    clock.advance(2)
    await daemon.crm.contact("Bob", WebSite="bob.example")
    await daemon.order(path, "POST poll")
    ((_, bob),) = await daemon.told()
    await daemon.alter(path, {PEOPLE: {"idField": "WebSite"}}, "rewind")
    await daemon.order(path, "POST poll")
    assert await daemon.told() == [("CREATED", bob), ("CREATED", "bob.example")]


@pytest.mark.parametrize("decision", ["keep", "rewind"])
async def test_another_date_field_or_zone_tells_nothing_of_what_is_known(
    daemon: Running, clock: Clock, decision: str
) -> None:
    await daemon.crm.contact("Ada", WebSite="ada.example")
    path = await daemon.create({PEOPLE: {}})
    clock.advance(2)
    bob = await daemon.crm.contact("Bob")
    await daemon.order(path, "POST poll")
    for entry in (BY_CREATION, IN_VANCOUVER, {}):
        await daemon.alter(path, {PEOPLE: entry}, decision)
        for _ in range(2):
            await daemon.order(path, "POST poll")
        assert await daemon.told() == [("CREATED", bob["key"])], entry
    await daemon.crm.edit(bob, FirstName="Robert")
    await daemon.order(path, "POST poll")
    assert await daemon.told() == [("CREATED", bob["key"]), ("UPDATED", bob["key"])]


async def test_an_edit_under_another_zone_is_told_once(daemon: Running, clock: Clock) -> None:
    ada = await daemon.crm.contact("Ada")
    path = await daemon.create({PEOPLE: {}})
    clock.advance(2)
    for entry in (IN_VANCOUVER, {}):
        await daemon.crm.edit(ada, FirstName=f"read as {len(entry)} entries say")
        await daemon.alter(path, {PEOPLE: entry}, "keep")
        for _ in range(2):
            await daemon.order(path, "POST poll")
    assert await daemon.told() == [("UPDATED", ada["key"])] * 2


async def test_what_is_ignored_may_change_and_tells_nothing(daemon: Running, clock: Clock) -> None:
    ada = await daemon.crm.contact("Ada", Position="Countess", Salutation="Lady")
    path = await daemon.create({PEOPLE: {}})
    clock.advance(2)
    await daemon.crm.edit(ada, Position="Engineer")
    await daemon.order(path, "POST poll")
    told = [("UPDATED", ada["key"])]
    for ignored in (["Position"], ["Position", "Salutation"], []):
        await daemon.alter(path, {PEOPLE: {"ignoreFields": ignored}})
        await daemon.order(path, "POST poll")
        assert await daemon.told() == told, ignored


async def test_an_upgrade_that_reads_one_more_field_tells_nothing(
    daemon: Running, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as older:
        _read_by_an_older_version(older, without="Position")
        ada = await daemon.crm.contact("Ada", Position="Countess")
        path = await daemon.create({PEOPLE: {}})
        clock.advance(2)
        await daemon.crm.edit(ada, FirstName="Augusta")
        state = await daemon.order(path, "POST poll")
    for _ in range(2):
        await daemon.order(path, "POST rewind", {"to": state["baseline"]})
        await daemon.order(path, "POST poll")
    assert await daemon.told() == [("UPDATED", ada["key"])]
    await daemon.crm.edit(ada, Position="Engineer")
    await daemon.order(path, "POST poll")
    changed = await daemon.context.database.fetchval(
        "select changed from events order by sequence desc limit 1"
    )
    assert changed == ["Position"]


def _read_by_an_older_version(patch: pytest.MonkeyPatch, *, without: str) -> None:
    """Its connector knew one field less of people."""
    row = RESOURCES[PEOPLE]
    known = replace(row, scope={name: row.scope[name] for name in row.scope if name != without})
    specs = {**ELEMENT.resources, PEOPLE: known.spec}
    patch.setattr("daemon.connectors.maximizer.connector.RESOURCES", {**RESOURCES, PEOPLE: known})
    patch.setattr(MaximizerConnector, "element", replace(ELEMENT, resources=specs))


async def test_what_is_known_is_told_again_only_on_request(daemon: Running, clock: Clock) -> None:
    await daemon.crm.contact("Ada")
    path = await daemon.create({PEOPLE: {}})
    state = await daemon.order(path, "POST poll")
    clock.advance(2)
    bob = await daemon.crm.contact("Bob")
    await daemon.order(path, "POST poll")
    for resend, told in ((False, 1), (True, 2)):
        await daemon.order(path, "POST rewind", {"to": state["baseline"], "resend": resend})
        await daemon.order(path, "POST poll")
        assert [key for _, key in await daemon.told()].count(bob["key"]) == told, resend


async def test_a_pause_keeps_what_happens_meanwhile_for_later(daemon: Running) -> None:
    ada = await daemon.crm.contact("Ada")
    path = await daemon.create({PEOPLE: {}})
    await daemon.order(path, "DELETE enabled")
    await daemon.crm.edit(ada, FirstName="Augusta")
    refused = await daemon.api.call("POST", f"{path}/resources/{PEOPLE}/poll")
    assert refused.status == 409
    await daemon.order(path, "PUT enabled")
    await daemon.order(path, "POST poll")
    assert await daemon.told() == [("UPDATED", ada["key"])]
