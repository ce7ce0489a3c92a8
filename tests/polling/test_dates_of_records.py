"""What the dates of records do to when, and whether, changes are told."""

from __future__ import annotations

from datetime import timedelta

import pytest

from daemon.store.database import Database
from tests.polling.watching import watching

MINUTE = timedelta(minutes=1)


async def test_a_version_waits_for_its_date_where_the_configuration_says_so(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watching(
        database, monkeypatch, "addressbook-entries", filterByCurrentDate=True
    ) as watched:
        doe, roe = await watched.crm.contact("Doe"), await watched.crm.contact("Roe")
        watched.clock.advance(86_400)
        await watched.poll()
        ahead = f"{watched.now() + 10 * MINUTE:%Y-%m-%dT%H:%M:%SZ}"
        await watched.crm.edit(doe, LastModifyDate=ahead)
        await watched.poll()
        assert await watched.told() == []
        await watched.crm.edit(roe, LastName="Rose")
        await watched.poll()
        assert await watched.told() == [("UPDATED", roe["key"])]
        await watched.poll()
        await watched.poll(600)
        assert await watched.told() == [("UPDATED", doe["key"])]
        await watched.poll()
        assert await watched.told() == []
