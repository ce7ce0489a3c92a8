"""Records stamped some hours ahead, while nobody can tell whether that is now in another zone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from daemon.polling.slow_pass import PassKind
from daemon.store.database import Database
from tests.polling.watching import Watching, watching

AHEAD = timedelta(hours=10)


def in_some_hours(watched: Watching) -> str:
    """A stamp that is now in Brisbane, or in the future."""
    return f"{watched.now() + AHEAD:%Y-%m-%dT%H:%M:%SZ}"


async def test_a_record_stamped_some_hours_ahead_hides_nothing_that_follows(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watching(database, monkeypatch, "addressbook-entries") as watched:
        doe, roe = await watched.crm.contact("Doe"), await watched.crm.contact("Roe")
        watched.clock.advance(86_400)
        await watched.poll()
        await watched.crm.edit(doe, LastModifyDate=in_some_hours(watched))
        await watched.poll(60)
        assert await watched.told() == [("UPDATED", doe["key"])]
        await watched.crm.edit(roe, LastName="Rose")
        await watched.poll(60)
        assert await watched.told() == [("UPDATED", roe["key"])]


async def test_what_is_ahead_of_utc_is_told_at_once_although_a_page_passes_the_cap(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watching(database, monkeypatch, "addressbook-entries", pageSize=2) as watched:
        people = [await watched.crm.contact(f"Doe {number}") for number in range(4)]
        await watched.poll()
        await watched.poll(60)
        await watched.crm.edit(people[0], LastName="Roe")
        await watched.poll(60)
        assert (await watched.opened()).journal.marks.utc is not None
        await watched.told()
        for number, person in enumerate(people[1:]):
            await watched.crm.edit(person, LastName=f"Rose {number}")
        later = await watched.crm.contact("Later", LastModifyDate=in_some_hours(watched))
        await watched.poll(0)
        assert ("CREATED", later["key"]) in await watched.told()


async def test_one_that_was_there_before_the_baseline_does_not_hide_what_is_new(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watching(database, monkeypatch, "addressbook-entries") as watched:
        doe = await watched.crm.contact("Doe")
        await watched.crm.contact("Tomorrow", LastModifyDate=in_some_hours(watched))
        watched.clock.advance(60)
        await watched.poll()
        new = await watched.crm.contact("New")
        await watched.crm.edit(doe, LastName="Dean")
        await watched.poll(60)
        assert sorted(await watched.told()) == sorted(
            [("CREATED", new["key"]), ("UPDATED", doe["key"])]
        )


async def test_a_mark_from_the_future_is_not_believed_after_an_upgrade(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watching(database, monkeypatch, "addressbook-entries") as watched:
        doe = await watched.crm.contact("Doe")
        watched.clock.advance(86_400)
        await watched.crm.contact("Tomorrow", LastModifyDate=in_some_hours(watched))
        await watched.poll()
        await watched.database.execute("update resources set cursor_at = $1", watched.now() + AHEAD)
        watched.forget()
        await watched.crm.edit(doe, LastName="Dean")
        await watched.poll(60)
        assert ("UPDATED", doe["key"]) in await watched.told()


@pytest.mark.parametrize("hours", [4, 7], ids=["later than there", "as if it were UTC"])
async def test_what_a_stamp_hides_west_of_utc_is_told_within_an_hour_or_a_day(
    database: Database, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    """Seven hours ahead of Vancouver's summer time is UTC: that looks like a proof."""
    switches = {"stamp_zones": {"AbEntry": "America/Vancouver"}}
    async with watching(database, monkeypatch, "addressbook-entries", switches=switches) as watched:
        doe, roe = await watched.crm.contact("Doe"), await watched.crm.contact("Roe")
        watched.clock.advance(600)
        await watched.poll()
        await watched.poll(60)
        await edit_ahead(watched, roe, hours)
        await watched.poll(60)
        assert await watched.told() == [("UPDATED", roe["key"])]
        await watched.crm.edit(doe, LastName="Dean")
        new = await watched.crm.contact("New")
        await watched.poll(60)
        assert await watched.told() == []
        looks_proved = (await watched.opened()).journal.marks.utc is not None
        assert looks_proved == (hours == 7)
        found = 0
        for _ in range(50 if looks_proved else 2):
            watched.clock.advance(1740)
            await edit_ahead(watched, roe, hours)
            await watched.poll(60)
            await watched.slow_work()
            found += (await watched.opened()).journal.work[PassKind.RECHECK].told
        told = await watched.told()
        assert found >= 2
        assert ("UPDATED", doe["key"]) in told
        assert new["key"] in {key for _, key in told}


async def edit_ahead(watched: Watching, record: dict[str, Any], hours: int) -> None:
    """An edit by somebody whose clock is so far ahead of that of everybody else."""
    ahead = watched.now() + timedelta(hours=hours)
    await watched.crm.edit(record, LastModifyDate=f"{ahead:%Y-%m-%dT%H:%M:%SZ}")


async def test_where_stamps_are_utc_a_recheck_asks_nothing_for_a_day(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watching(database, monkeypatch, "addressbook-entries") as watched:
        doe = await watched.crm.contact("Doe")
        await watched.poll(600)
        await watched.poll(60)
        await watched.crm.edit(doe, LastName="Dean")
        await watched.poll(60)
        asked = len(await watched.requests())
        for _ in range(23):
            watched.clock.advance(3600)
            await watched.slow_work()
        assert len(await watched.requests()) == asked
        watched.clock.advance(3600)
        await watched.slow_work()
        assert len(await watched.requests()) > asked


async def test_what_a_stamp_from_before_the_baseline_hides_west_of_utc_is_told_too(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    switches = {"stamp_zones": {"AbEntry": "America/Vancouver"}}
    async with watching(database, monkeypatch, "addressbook-entries", switches=switches) as watched:
        ahead = watched.now() + timedelta(hours=4)
        await watched.crm.contact("Ahead", LastModifyDate=f"{ahead:%Y-%m-%dT%H:%M:%SZ}")
        await watched.poll()
        new = await watched.crm.contact("New")
        await watched.poll(60)
        assert await watched.told() == []
        await watched.poll(3600)
        await watched.slow_work()
        assert [key for _, key in await watched.told()] == [new["key"]]


async def test_where_a_zone_is_configured_nothing_is_rechecked(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    dates = {
        "updatedDateFormat": "yyyy-MM-dd'T'HH:mm:ss'Z'",
        "updatedDateTimezone": "America/Vancouver",
    }
    async with watching(
        database, monkeypatch, "addressbook-entries", datesConfiguration=dates
    ) as watched:
        assert PassKind.RECHECK not in (await watched.opened()).journal.work
