from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from daemon.admin.context import AdminContext
from daemon.instance import InstanceId, NotificationId, NotificationState
from daemon.store import replays
from daemon.store.database import Database
from daemon.store.replays import Volume
from tests.admin.api import Api
from tests.admin.sources import Told, make_told


@pytest.fixture
def woken() -> list[InstanceId]:
    return []


@pytest.fixture
def context(context: AdminContext, woken: list[InstanceId]) -> AdminContext:
    return replace(context, wake=woken.append)


@pytest.fixture
async def told(api: Api, context: AdminContext) -> Told:
    return await make_told(api, context)


@pytest.mark.parametrize("state", [NotificationState.DEAD, NotificationState.DELIVERED], ids=str)
async def test_a_redelivery_goes_out_under_its_ids_with_fresh_attempts_and_is_marked(
    api: Api, told: Told, woken: list[InstanceId], state: NotificationState
) -> None:
    number = await told.commit("a", "b")
    await told.end(state)
    before = await told.row(number)

    reply = await api.call("POST", f"{told.path}/events/{before['event_id']}/redeliver")

    assert reply.json == {"notifications": 1, "events": 2, "dryRun": False}
    after = await told.row(number)
    assert (after["state"], after["replay"], after["attempts"]) == ("pending", True, 0)
    assert (after["event_id"], after["body"]) == (before["event_id"], before["body"])
    assert after["due_at"] > before["due_at"]
    assert after["finished_at"] is None
    assert woken == [told.id]


async def test_live_changes_do_not_wait_for_a_redelivery(api: Api, told: Told) -> None:
    number = await told.commit("a")
    await told.end(NotificationState.DEAD)
    await api.call("POST", f"{told.path}/events/{number}/redeliver")

    live = await told.commit("a")

    assert (await told.row(live))["waits_for"] is None


async def test_one_on_its_way_is_brought_forward_behind_its_predecessors(
    api: Api, told: Told
) -> None:
    first = await told.commit("a")
    await told.commit("a")
    later = datetime.now(UTC) + timedelta(days=1)
    await told.source.database.execute(
        "update notifications set due_at = $1, attempts = 2, state = 'retrying'", later
    )
    second = await told.source.database.fetchval("select max(id) from notifications")

    for number in (first, second):
        reply = await api.call("POST", f"{told.path}/events/{number}/redeliver")
        assert reply.json["notifications"] == 1
        row = await told.row(number)
        assert (row["attempts"], row["replay"]) == (0, False)
        assert row["due_at"] < later
    assert (await told.row(second))["waits_for"] == first


async def test_of_a_split_one_the_parts_go_out_again(api: Api, told: Told) -> None:
    whole, *parts = [await told.commit(each) for each in "abc"]
    await told.end(NotificationState.DEAD)
    await told.end(NotificationState.SPLIT, whole)
    await told.source.database.execute(
        "update notifications set parent_id = $1 where id = any($2)", whole, parts
    )

    counted = await api.call("POST", f"{told.path}/events/{whole}/redeliver", {"dryRun": True})
    reply = await api.call("POST", f"{told.path}/events/{whole}/redeliver")

    assert counted.json == {"notifications": 2, "events": 2, "dryRun": True}
    assert reply.json == {**counted.json, "dryRun": False}
    assert (await told.row(whole))["state"] == "split"
    assert {(await told.row(part))["state"] for part in parts} == {"pending"}


async def test_without_a_span_all_that_is_dead_goes_out_again(api: Api, told: Told) -> None:
    dead = [await told.commit(each) for each in "abc"]
    await told.end(NotificationState.DEAD)
    delivered = await told.commit("d")
    await told.end(NotificationState.DELIVERED, delivered)

    dry = await api.call("POST", f"{told.path}/redeliver", {"dryRun": True})
    assert {(await told.row(number))["state"] for number in dead} == {"dead"}
    wet = await api.call("POST", f"{told.path}/redeliver")

    assert dry.json == {"notifications": 3, "events": 3, "dryRun": True}
    assert wet.json == {"notifications": 3, "events": 3, "dryRun": False}
    assert {(await told.row(number))["state"] for number in dead} == {"pending"}
    assert (await told.row(delivered))["state"] == "delivered"


async def test_a_span_of_delivered_ones_is_repeated_in_batches(
    api: Api, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.store.replays.BATCH", 2)
    await told.commit(*(f"o{number}" for number in range(25)))
    for number in range(3):
        await told.commit(f"p{number}")
    await told.end(NotificationState.DELIVERED)
    body = {"since": "2020-01-01T00:00:00Z", "status": "delivered", "objectType": "contacts"}

    dry = await api.call("POST", f"{told.path}/redeliver", {**body, "dryRun": True})
    wet = await api.call("POST", f"{told.path}/redeliver", body)
    past = await api.call(
        "POST", f"{told.path}/redeliver", {**body, "until": "2021-01-01T00:00:00Z"}
    )

    assert dry.json == {"notifications": 6, "events": 28, "dryRun": True}
    assert wet.json == {"notifications": 6, "events": 28, "dryRun": False}
    assert past.json["notifications"] == 0


async def test_what_is_delivered_while_a_span_is_sent_again_is_not_sent_a_third_time(
    api: Api, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = [await told.commit(each) for each in "ab"]
    await told.end(NotificationState.DEAD, first)
    await told.end(NotificationState.DELIVERED, second)
    revived = []

    async def revive_and_deliver(database: Database, ids: Sequence[NotificationId]) -> Volume:
        volume = await revive(database, ids)
        revived.extend(ids)
        for number in ids:
            await told.end(NotificationState.DELIVERED, number)
        return volume

    revive = replays.revive
    monkeypatch.setattr(replays, "revive", revive_and_deliver)
    body = {"since": "2020-01-01T00:00:00Z", "status": "all"}
    reply = await api.call("POST", f"{told.path}/redeliver", body)

    assert revived == [first, second]
    assert reply.json == {"notifications": 2, "events": 2, "dryRun": False}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        pytest.param({"status": "lost"}, "status", id="unknown status"),
        pytest.param({"status": "delivered"}, "since", id="delivered without a beginning"),
        pytest.param({"since": "now"}, "since", id="no instant"),
        pytest.param(
            {"since": "2026-02-01T00:00:00Z", "until": "2026-01-01T00:00:00Z"},
            "since",
            id="reversed",
        ),
        pytest.param({"objectType": 5}, "objectType", id="no name"),
        pytest.param({"sinse": 1}, "sinse", id="misspelled"),
        pytest.param({"dryRun": "perhaps"}, "dryRun", id="no flag"),
    ],
)
async def test_a_span_that_is_none_is_refused_by_name(
    api: Api, told: Told, body: dict[str, Any], field: str
) -> None:
    reply = await api.call("POST", f"{told.path}/redeliver", body)

    assert (reply.status, list(reply.faults)) == (400, [field])


async def test_an_unknown_resource_or_event_is_not_found(api: Api, told: Told) -> None:
    for path, body in (("redeliver", {"objectType": "x"}), ("events/none/redeliver", None)):
        assert (await api.call("POST", f"{told.path}/{path}", body)).status == 404


async def test_only_what_is_dead_can_be_removed(api: Api, told: Told) -> None:
    number = await told.commit("a")

    assert (await api.call("DELETE", f"{told.path}/events/{number}")).status == 409
    assert (await api.call("DELETE", f"{told.path}/events")).status == 400
    assert (await api.call("DELETE", f"{told.path}/events?state=pending")).status == 400
    assert (await told.row(number))["state"] == "pending"


async def test_all_that_is_dead_can_be_removed_at_once(
    api: Api, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.store.replays.BATCH", 2)
    for each in "abcde":
        await told.commit(each)
    await told.end(NotificationState.DEAD)
    kept = await told.commit("f")

    past = await api.call("DELETE", f"{told.path}/events?state=dead&to=2020-01-01T00:00:00Z")
    gone = await api.call("DELETE", f"{told.path}/events?state=dead")

    assert past.json["notifications"] == 0
    assert gone.json == {"notifications": 5, "events": 5, "dryRun": False}
    (event,) = (await api.get(f"{told.path}/events")).json
    assert event["notificationId"] == str(kept)
