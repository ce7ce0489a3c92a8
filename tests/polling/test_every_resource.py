"""Every resource of the element, end to end against the stand-in: what is done is told."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from daemon.polling.slow_pass import PassKind
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


async def test_what_was_there_before_is_known_whole_where_only_content_tells_changes(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watching(database, monkeypatch, "tasks", pageSize=3) as watched:
        old = [await watched.crm.add("tasks", {"Activity": f"Call {n}"}) for n in range(8)]
        watched.clock.advance(30 * 86_400)
        await watched.poll()
        assert await database.fetchval("select count(*) from snapshots") == 8
        await watched.crm.edit(old[0], Activity="Call at once")
        await watched.poll(HOUR)
        await watched.slow_work()
        assert await watched.told() == [("UPDATED", old[0]["key"])]


@pytest.mark.parametrize("resource", ["notes", "documents"])
async def test_a_record_dated_back_by_its_author_is_found_by_content(
    database: Database, monkeypatch: pytest.MonkeyPatch, resource: str
) -> None:
    first, _ = UNDATED[resource]
    async with watching(database, monkeypatch, resource) as watched:
        await watched.crm.add(resource, first)
        watched.clock.advance(86_400)
        await watched.poll()
        new = await watched.crm.add(resource, {**first, "DateTime": "2019-01-01T00:00:00Z"})
        await watched.poll()
        assert await watched.told() == []
        await watched.poll(HOUR)
        await watched.slow_work()
        assert await watched.told() == [("CREATED", new["key"])]
        assert await database.fetchval("select missed from resources") == 0


async def test_a_note_whose_own_date_is_changed_is_updated(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watching(database, monkeypatch, "notes") as watched:
        note = await watched.crm.add("notes", {"Text": "Said no"})
        await watched.poll()
        await watched.crm.edit(note, DateTime="2020-01-01T00:00:00Z")
        await watched.poll(HOUR)
        await watched.slow_work()
        assert await watched.told() == [("UPDATED", note["key"])]


async def test_deleted_tasks_are_told_by_the_sweep_which_compares_content_too(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = {"mode": "sweep", "intervalMinutes": 60}
    async with watching(database, monkeypatch, "tasks", deletes=sweep) as watched:
        first, second = [await watched.crm.add("tasks", {"Activity": "Call"}) for _ in range(2)]
        await watched.poll()
        await watched.slow_work()
        await watched.crm.delete(first)
        await watched.crm.edit(second, Activity="Write")
        for _ in range(2):
            await watched.poll(HOUR + 1)
            await watched.slow_work()
        assert await watched.told() == [("UPDATED", second["key"]), ("DELETED", first["key"])]


async def test_a_backfill_of_tasks_tells_each_once_and_changes_of_older_ones_too(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watching(
        database, monkeypatch, "tasks", firstRun="from:2026-06-02T00:00:00Z"
    ) as watched:
        before = await watched.crm.add("tasks", {"Activity": "Before"})
        watched.clock.advance(86_400)
        since = await watched.crm.add("tasks", {"Activity": "Since"})
        await watched.poll()
        await watched.slow_work()
        assert await watched.told() == [("CREATED", since["key"])]
        await watched.crm.edit(before, Activity="Before, and changed")
        await watched.poll(HOUR)
        await watched.slow_work()
        assert await watched.told() == [("UPDATED", before["key"])]


async def test_tasks_of_which_only_creations_are_wanted_are_never_listed_whole(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watching(database, monkeypatch, "tasks", filterByUpdatedDate=False) as watched:
        old = await watched.crm.add("tasks", {"Activity": "Call"})
        await watched.poll()
        assert set((await watched.opened()).journal.work) == {PassKind.RECHECK}
        await watched.crm.edit(old, Activity="Write")
        new = await watched.crm.add("tasks", {"Activity": "Call"})
        await watched.poll(HOUR)
        assert await watched.told() == [("CREATED", new["key"])]


FRAMES: Mapping[str, tuple[str, str | None]] = {
    "west of UTC": ("America/Vancouver", None),
    "east of UTC": ("Asia/Kathmandu", None),
    "west, searched by UTC": ("America/Vancouver", "UTC"),
    "east, searched by UTC": ("Asia/Tokyo", "UTC"),
    "east, searched by a time in the west": ("Pacific/Kiritimati", "America/Vancouver"),
}
"""The zone whose local time stamps are, and the one in which dates of filters are read."""


@pytest.mark.parametrize("frame", FRAMES)
async def test_leads_stamped_in_local_time_lose_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch, frame: str
) -> None:
    zone, literals = FRAMES[frame]
    switches = {"stamp_zones": {"Lead": zone}} | (
        {"query_zones": {"Lead": literals}} if literals else {}
    )
    async with watching(database, monkeypatch, "leads", switches=switches) as watched:
        await watched.crm.add("leads", {"LastName": "First"})
        watched.clock.advance(3 * 86_400)
        old = await watched.crm.add("leads", {"LastName": "Doe"})
        await watched.poll()
        for _ in range(3):
            await watched.crm.edit(old, Position="Moved")
            new = await watched.crm.add("leads", {"LastName": "New"})
            await watched.poll(900)
            assert sorted(await watched.told()) == [
                ("CREATED", new["key"]),
                ("UPDATED", old["key"]),
            ]
        assert (await watched.opened()).journal.marks.utc is None


async def test_records_of_a_resource_may_be_asked_for_together(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watching(database, monkeypatch, "companies") as watched:
        added = [await add(watched, "companies", CompanyName=f"Acme {n}") for n in range(4)]
        await watched.crm.delete(added[1])
        reader = (await watched.opened()).access.reader
        found = await reader.some([record["key"] for record in added[:3]], background=True)
        assert {one.object_key for one in found} == {added[0]["key"], added[2]["key"]}


async def test_records_asked_for_by_two_dates_are_read_in_passes_whatever_their_order(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    date = "${gmtDate:yyyy-MM-dd'T'HH:mm:ss}"
    where = f"LastModifyDate>'{date}' OR CreationDate>'{date}'"
    async with watching(
        database,
        monkeypatch,
        "addressbook-entries",
        url=f"/hubs/crm/addressbook-entries?where={where}",
        pageSize=2,
    ) as watched:
        await watched.poll()
        people = []
        for number in range(5):
            watched.clock.advance(5)
            people.append(await watched.crm.contact(f"Doe {number}"))
        before = len(await watched.requests())
        await watched.poll(60)
        assert sorted(await watched.told()) == sorted(
            ("CREATED", person["key"]) for person in people
        )
        rows = [each["rows"] for each in (await watched.requests())[before:]]
        assert rows == [1, *[2, 2, 1] * 2]
