"""The journal on a real database: one page whole or nothing of it, and never under a lost lease."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from daemon.errors import Fenced, RevisionMismatch
from daemon.instance import ResourceState
from daemon.polling.poller import Poller
from daemon.store.resources import load_progress
from tests.polling.bench import MANNER, Bench


async def test_the_baseline_is_stored_and_nothing_is_told(bench: Bench) -> None:
    poller = await bench.poller()
    await poller.poll_once()
    assert await bench.totals() == {"snapshots": 6, "events": 0, "notifications": 0}
    progress = await load_progress(bench.database, bench.target.resource_id)
    assert progress.state is ResourceState.ACTIVE
    assert progress.marks.baseline_at == max(
        t.versions[-1].stamp for t in bench.world.things.values()
    )


async def test_changes_are_told_once_with_a_sequence_without_gap(bench: Bench) -> None:
    poller = await bench.poller()
    await poller.poll_once()
    first, *_ = bench.world.things.values()
    bench.world.edit(first)
    bench.world.edit()
    bench.world.pass_time(2)
    await poller.poll_once()
    await poller.poll_once()
    rows = await bench.database.fetch(
        "select type, sequence, revision from events order by sequence"
    )
    assert [row["sequence"] for row in rows] == [1, 2]
    assert {row["type"] for row in rows} == {"CREATED", "UPDATED"}
    assert len(bench.woken) == await bench.count("notifications") == 1
    told = orjson.loads(bench.woken[0].body)
    assert [event["sequence"] for event in told["message"]["events"]] == [1, 2]


async def test_a_second_change_waits_for_the_notification_of_the_first(bench: Bench) -> None:
    poller = await bench.poller()
    await poller.poll_once()
    first, *_ = bench.world.things.values()
    for _ in range(2):
        bench.world.edit(first)
        bench.world.pass_time(2)
        await poller.poll_once()
    rows = await bench.database.fetch("select id, waits_for from notifications order by id")
    assert [row["waits_for"] for row in rows] == [None, rows[0]["id"]]
    assert [ready.id for ready in bench.woken] == [rows[0]["id"]]


async def test_an_idle_poll_writes_nothing(bench: Bench) -> None:
    poller = await bench.poller()
    await poller.poll_once()
    before = await bench.database.fetchval("select pg_current_xact_id()::text::bigint")
    tally = await poller.poll_once()
    after = await bench.database.fetchval("select pg_current_xact_id()::text::bigint")
    assert tally.suppressed > 0
    assert after == before + 1


async def test_a_token_stolen_during_the_fetch_writes_no_row(bench: Bench) -> None:
    poller = await bench.poller()
    await poller.poll_once()
    before = await bench.totals()
    bench.world.edit()
    bench.world.pass_time(2)
    reading = bench.world.page

    async def page_while_another_daemon_takes_over(*arguments: Any, **named: Any) -> Any:
        found = await reading(*arguments, **named)
        await bench.database.execute("update leases set owner = null, token = token + 1")
        return found

    bench.world.page = page_while_another_daemon_takes_over  # type: ignore[method-assign]
    with pytest.raises(Fenced):
        await poller.poll_once()
    assert await bench.totals() == before
    assert bench.woken == []


async def test_a_configuration_changed_during_the_fetch_writes_no_row(bench: Bench) -> None:
    poller = await bench.poller()
    await poller.poll_once()
    before = await bench.totals()
    bench.world.edit()
    bench.world.pass_time(2)
    await bench.database.execute("update resources set version = version + 1")
    with pytest.raises(Fenced):
        await poller.poll_once()
    assert await bench.totals() == before


async def test_a_revision_written_by_somebody_else_aborts_the_page(bench: Bench) -> None:
    journal = await bench.journal()
    poller = Poller(bench.world, journal, MANNER, bench.world.our_clock)
    await poller.poll_once()
    first, *_ = bench.world.things.values()
    bench.world.edit(first)
    bench.world.pass_time(2)
    known = journal.known

    async def known_before_another_write(object_ids: Sequence[str]) -> Any:
        found = await known(object_ids)
        await bench.database.execute("update snapshots set revision = revision + 1")
        return found

    journal.known = known_before_another_write  # type: ignore[method-assign]
    with pytest.raises(RevisionMismatch):
        await poller.poll_once()
    assert await bench.count("events") == 0
    journal.known = known  # type: ignore[method-assign]
    await poller.poll_once()
    assert await bench.database.fetchval("select array_agg(object_id) from events") == [first.id]


async def test_a_restart_goes_on_where_the_last_page_was_committed(bench: Bench) -> None:
    await (await bench.poller()).poll_once()
    for _ in range(20):
        bench.world.edit()
        bench.world.pass_time(1)
    poller = await bench.poller()
    asked = 0
    reading = bench.world.page

    async def page_until_killed(*arguments: Any, **named: Any) -> Any:
        nonlocal asked
        asked += 1
        if asked == 4:
            raise KeyboardInterrupt
        return await reading(*arguments, **named)

    bench.world.page = page_until_killed  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        await poller.poll_once()
    bench.world.page = reading  # type: ignore[method-assign]
    progress = await load_progress(bench.database, bench.target.resource_id)
    assert progress.marks.resume is not None
    told = await bench.count("events")
    assert 0 < told < 20
    await (await bench.poller()).poll_once()
    await (await bench.poller()).poll_once()
    assert await bench.count("events") == 20
    assert await bench.database.fetchval("select max(sequence) from events") == 20


async def test_marks_survive_the_way_through_the_database(bench: Bench) -> None:
    journal = await bench.journal()
    poller = Poller(bench.world, journal, MANNER, bench.world.our_clock)
    await poller.poll_once()
    for _ in range(3):
        bench.world.edit()
        bench.world.pass_time(5)
        await poller.poll_once()
    assert journal.marks.utc is not None
    bench.world.edit()
    bench.world.pass_time(5)
    await poller.poll_once()
    stored = await load_progress(bench.database, bench.target.resource_id)
    assert stored.marks == replace(journal.marks, cursor_at=stored.marks.cursor_at)
    assert stored.next_sequence == 5
    assert stored.marks.cursor_at is not None
    assert stored.marks.cursor_at.tzinfo is not None
    assert datetime.now(UTC) > stored.marks.cursor_at
