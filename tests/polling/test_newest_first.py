"""A tenant whose date of change cannot be searched by is read from the newest record on."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.errors import InvalidInput
from daemon.polling.newest_first import NewestFirstReader
from daemon.polling.verdict import ProbeKind
from daemon.store.database import Database
from tests.polling.watching import watching

UNSEARCHABLE: dict[str, Any] = {"not_queryable": ["AbEntry/LastModifyDate"]}


async def test_changes_are_told_as_ever_and_only_down_to_the_mark(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watching(
        database, monkeypatch, "addressbook-entries", switches=UNSEARCHABLE, pageSize=10
    ) as watched:
        people = []
        for number in range(35):
            watched.clock.advance(3600)
            people.append(await watched.crm.contact(f"Person {number:02}"))
        await watched.poll()
        assert isinstance((await watched.opened()).access.reader, NewestFirstReader)
        assert await watched.told() == []
        await watched.crm.edit(people[7], LastName="Changed")
        new = await watched.crm.contact("New")
        before = len(await watched.requests())
        await watched.poll(60)
        assert sorted(await watched.told()) == [
            ("CREATED", new["key"]),
            ("UPDATED", people[7]["key"]),
        ]
        assert len(await watched.requests()) - before == 3  # the newest, and two passes
        watched.forget()
        await watched.poll(60)
        assert await watched.told() == []
        probes = (await watched.opened()).journal.progress.probes
        literal = probes.find(ProbeKind.LITERAL)
        assert literal is not None
        assert "cannot be searched" in literal.detail


async def test_pages_that_shift_while_they_are_read_lose_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watching(
        database, monkeypatch, "addressbook-entries", switches=UNSEARCHABLE, pageSize=3
    ) as watched:
        people = [await watched.crm.contact(f"Person {n:02}") for n in range(12)]
        watched.clock.advance(86_400)
        await watched.poll()
        for person in people[:8]:
            await watched.crm.edit(person, LastName="Changed")
        await watched.crm.switch(page_shift={"action": "delete", "whom": "served", "times": 2})
        await watched.poll(60)
        await watched.poll(60)
        told = {key for _, key in await watched.told()}
        history = (await (await watched.crm.http.get("/_sandbox/history")).json())["objects"]
        living = {each["key"] for each in history if not each["versions"][-1]["deleted"]}
        assert {person["key"] for person in people[:8]} & living <= told


async def test_a_record_stamped_far_in_the_future_never_moves_the_cursor(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watching(
        database, monkeypatch, "addressbook-entries", switches=UNSEARCHABLE
    ) as watched:
        await watched.crm.contact("Doe")
        watched.clock.advance(86_400)
        await watched.crm.contact("Tomorrow", LastModifyDate="2099-01-01T00:00:00Z")
        await watched.poll()
        cursor = (await watched.opened()).journal.marks.cursor_at
        assert cursor is not None
        assert cursor.year == 2026
        new = await watched.crm.contact("New")
        await watched.poll(60)
        assert await watched.told() == [("CREATED", new["key"])]


async def test_a_sweep_finds_deletions_there_too(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watching(
        database,
        monkeypatch,
        "addressbook-entries",
        switches=UNSEARCHABLE,
        pageSize=3,
        deletes={"mode": "sweep", "intervalMinutes": 60},
    ) as watched:
        people = [await watched.crm.contact(f"Person {n:02}") for n in range(8)]
        await watched.poll()
        await watched.slow_work()
        await watched.crm.delete(people[3])
        for _ in range(2):
            await watched.poll(3601)
            await watched.slow_work()
        assert await watched.told() == [("DELETED", people[3]["key"])]


async def test_a_date_that_cannot_be_sorted_by_either_is_refused_in_words(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = {"hidden_abilities": ["AbEntry/LastModifyDate"]}
    async with watching(database, monkeypatch, "addressbook-entries", switches=hidden) as watched:
        with pytest.raises(InvalidInput, match="cannot be sorted by 'LastModifyDate'"):
            await watched.poll()
