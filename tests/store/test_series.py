from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from daemon.instance import InstanceId, OrganizationId
from daemon.store import overview, series
from daemon.store.database import Database
from daemon.store.series import ChangeCounts, Span
from tests.delivery.workshop import Source, make_source
from tests.store.plans import fill_tables, indexes_used

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
A_MOMENT = timedelta(seconds=1)
"""Clocks of the same machine need not agree to the microsecond."""


@pytest.fixture
async def source(database: Database) -> Source:
    return await make_source(database)


async def span_of(database: Database, instance_id: InstanceId, *, whole: bool = False) -> Span:
    organization_id = await database.fetchval(
        "select organization_id from instances where id = $1", instance_id
    )
    return Span(
        organization_id=OrganizationId(organization_id),
        instance_id=None if whole else instance_id,
        length=HOUR,
        bucket=MINUTE,
    )


async def test_changes_are_counted_by_bucket_type_and_resource(
    database: Database, source: Source
) -> None:
    await source.commit("a", "b")
    await database.execute("update events set created_at = now() - interval '10 min'")
    await source.commit("c")
    counts, now = ChangeCounts(database), datetime.now(UTC) + A_MOMENT

    whole = await counts.count(await span_of(database, source.instance_id, whole=True), now)
    own = await counts.count(await span_of(database, source.instance_id), now)

    assert [(one.resource, one.changes) for one in whole] == [("", 2), ("", 1)]
    assert [(one.resource, one.changes) for one in own] == [("contacts", 2), ("contacts", 1)]
    ago = [now - one.at for one in own]
    assert ago[0] - 10 * MINUTE < MINUTE + timedelta(seconds=10)
    assert ago[1] < MINUTE + timedelta(seconds=10)


async def test_a_bucket_is_not_counted_again_once_nothing_can_be_added_to_it(
    database: Database, source: Source
) -> None:
    await source.commit("a")
    await database.execute("update events set created_at = now() - interval '10 min'")
    counts, span = ChangeCounts(database), await span_of(database, source.instance_id)
    before = await counts.count(span, datetime.now(UTC) + A_MOMENT)
    await database.execute("update events set created_at = created_at + interval '1 min'")
    await source.commit("b")

    after = await counts.count(span, datetime.now(UTC) + A_MOMENT)

    assert after[: len(before)] == before
    assert sum(one.changes for one in after) == 2
    assert await counts.count(span, datetime.now(UTC) + HOUR) == after[1:]
    assert await counts.count(span, datetime.now(UTC) + 2 * HOUR) == []


async def test_the_queries_behind_the_overview_use_their_indexes(
    database: Database, source: Source
) -> None:
    await fill_tables(database, source)
    now, instance_id = datetime.now(UTC), source.instance_id
    organization_id = (await span_of(database, instance_id)).organization_id
    own, lately = [organization_id, instance_id], now - MINUTE
    every_state = ["active", "degraded", "needs_reauth", "disabled"]
    wanted = {
        "measure_backlog": ("notifications_unfinished", overview, [organization_id, 10_000]),
        "list_instances": (
            "notifications_unfinished",
            overview,
            [organization_id, "", [], every_state, False, 50, 0, 10_000, None],
        ),
        "list_resources": ("events_pkey", overview, [[instance_id]]),
        "count_changes": ("events_by_time", series, [organization_id, lately, now, 60.0]),
        "count_changes_of_instance": (
            "events_by_time",
            series,
            [organization_id, lately, now, 60.0, instance_id],
        ),
        "measure_latency": ("notifications_finished", series, [*own, 3600.0, 60.0, 20_000]),
    }
    for name, (index, module, arguments) in wanted.items():
        used = await indexes_used(database, module.QUERIES[name], *arguments)
        large = {f"sequential scan of {table}" for table in ("events", "notifications")}
        assert index in used, (name, used)
        assert not used & large, (name, used)
