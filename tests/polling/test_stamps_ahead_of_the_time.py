"""Records stamped some hours ahead, while nobody can tell whether that is now in another zone."""

from __future__ import annotations

from datetime import timedelta

import pytest

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
