from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from daemon.admin.context import AdminContext
from daemon.instance import NotificationState
from tests.admin.api import Api
from tests.admin.sources import Told, make_told

PATH = "/instances/events/analytics"


@pytest.fixture
async def told(api: Api, context: AdminContext) -> Told:
    return await make_told(api, context)


async def test_an_hour_of_minutes_is_sixty_one_buckets(api: Api) -> None:
    query = "from=2026-01-01T10:00:00Z&to=2026-01-01T11:00:00Z&interval=minute"
    buckets = (await api.get(f"{PATH}?{query}")).json

    assert len(buckets) == 61
    assert buckets[0] == {"count": 0, "timestamp": "2026-01-01T10:00:00Z"}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        pytest.param("from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "from", id="reversed"),
        pytest.param("interval=second", "interval", id="seconds"),
        pytest.param("from=2020-01-01T00:00:00Z", "interval", id="far too many"),
        pytest.param("until=2020-01-01T00:00:00Z", "until", id="misspelled"),
    ],
)
@pytest.mark.parametrize("rest", ["", "/instances", "/accounts"])
async def test_a_span_that_cannot_be_counted_is_refused(
    api: Api, rest: str, query: str, field: str
) -> None:
    reply = await api.get(f"{PATH}{rest}?{query}")

    assert (reply.status, list(reply.faults)) == (400, [field])


async def test_another_account_does_not_exist(api: Api) -> None:
    assert (await api.get(f"{PATH}?accountId=999")).status == 404


async def test_events_are_counted_with_what_became_of_them(
    api: Api, told: Told, context: AdminContext
) -> None:
    other = await make_told(api, context, "Second", "code-1")
    await told.commit("a", "b")
    dead = await told.commit("c")
    await other.commit("d")
    await told.end(NotificationState.DELIVERED)
    await told.end(NotificationState.DEAD, dead)
    since = datetime.now(UTC) - timedelta(minutes=1)
    query = f"interval=month&from={since:%Y-%m-%dT%H:%M:%SZ}"

    plain = (await api.get(f"{PATH}?{query}")).json
    by_instance = (await api.get(f"{PATH}/instances?{query}")).json
    by_account = (await api.get(f"{PATH}/accounts?{query}")).json

    assert sum(bucket["count"] for bucket in plain) == 4
    (bucket,) = [each for each in by_instance if each["total"]]
    assert {record["instanceId"]: record for record in bucket["records"]} == {
        told.id: {"instanceId": told.id, "count": 3, "success": 2, "failed": 1},
        other.id: {"instanceId": other.id, "count": 1, "success": 0, "failed": 0},
    }
    (account,) = next(each for each in by_account if each["total"])["records"]
    assert (account["count"], account["success"], account["failed"]) == (4, 2, 1)


async def test_there_is_a_poller_record_for_each_polled_resource(api: Api, told: Told) -> None:
    await told.commit("a")

    first = await api.get("/instances/event-poller-records?pageSize=3")
    token = first.headers["Elements-Next-Page-Token"]
    rest = await api.get(f"/instances/event-poller-records?nextPage={token}")

    records = [*first.json, *rest.json]
    assert [record["objectType"] for record in records] == [
        "contacts",
        "companies",
        "addressbook-entries",
        "opportunities",
    ]
    assert records[0]["elementInstanceId"] == told.id
    assert records[0]["eventCount"] == 1
    assert "Link" not in rest.headers
