from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from yarl import URL

from daemon.admin.context import AdminContext
from daemon.instance import NotificationState
from daemon.store.first_account import Credentials
from tests.admin.api import Api
from tests.admin.sources import Told, make_told


@pytest.fixture
async def told(api: Api, context: AdminContext) -> Told:
    return await make_told(api, context)


async def test_a_list_of_events_has_the_original_keys_and_ours(api: Api, told: Told) -> None:
    await told.commit("a")

    for path in (f"{told.path}/events", "/instances/events"):
        reply = await api.get(path)
        assert reply.status == 200
        (event,) = reply.json
        expected = {
            "elementKey": "maximizer",
            "hubKey": "crm",
            "eventType": "UPDATED",
            "objectType": "contacts",
            "objectId": "a",
            "sequence": 1,
            "state": "pending",
            "status": "NEW",
            "instanceId": told.id,
        }
        assert {key: event[key] for key in expected} == expected
        assert reply.headers["Elements-Returned-Count"] == "1"
        assert "Link" not in reply.headers


async def test_pages_follow_each_other_by_token_and_by_link(api: Api, told: Told) -> None:
    for number in range(5):
        await told.commit(f"o{number}")

    path, seen = URL(f"{told.path}/events?pageSize=2"), list[int]()
    for _ in range(3):
        reply = await api.get(path)
        seen += [event["sequence"] for event in reply.json]
        if link := reply.headers.get("Link"):
            match = re.fullmatch(r'<(.+)>; rel="next"', link)
            assert match is not None
            path = URL(match[1], encoded=True)
            assert path.query["nextPage"] == reply.headers["Elements-Next-Page-Token"]

    assert seen == [5, 4, 3, 2, 1]
    assert "Elements-Next-Page-Token" not in reply.headers


@pytest.mark.parametrize(
    ("query", "field"),
    [
        pytest.param("state=lost", "state", id="unknown state"),
        pytest.param("eventType=MOVED", "eventType", id="unknown type"),
        pytest.param("from=yesterday", "from", id="no instant"),
        pytest.param("from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z", "from", id="reversed"),
        pytest.param("pageSize=0", "pageSize", id="empty page"),
        pytest.param("nextPage=xyz", "nextPage", id="no cursor"),
        pytest.param("nextPage=WyJuIiwxXQ", "nextPage", id="the cursor of another list"),
        pytest.param("objektType=contacts", "objektType", id="misspelled"),
        pytest.param("fromSequence=1", "fromSequence", id="numbers without a resource"),
        pytest.param("objectType=contacts&fromSequence=x", "fromSequence", id="no number"),
    ],
)
async def test_what_cannot_be_asked_for_is_refused_by_name(
    api: Api, told: Told, query: str, field: str
) -> None:
    reply = await api.get(f"{told.path}/events?{query}")

    assert reply.status == 400
    assert list(reply.faults) == [field]


async def test_filters_narrow_a_list(api: Api, told: Told) -> None:
    dead = await told.commit("a")
    await told.commit("b")
    await told.end(NotificationState.DEAD, dead)

    async def objects(query: str) -> list[str]:
        reply = await api.get(f"{told.path}/events?{query}")
        return [event["objectId"] for event in reply.json]

    assert await objects("state=dead") == ["a"]
    assert await objects("state=pending,dead") == ["b", "a"]
    assert await objects("objectId=b&objectType=contacts") == ["b"]
    assert await objects("eventType=created") == []
    assert await objects("from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z") == []


async def test_a_receiver_can_explain_every_missing_number(api: Api, told: Told) -> None:
    numbers = [await told.commit(each) for each in "abcd"]
    await told.end(NotificationState.DEAD, numbers[1])
    await told.end(NotificationState.DEAD, numbers[2])
    purged = await api.call("DELETE", f"{told.path}/events/{numbers[2]}")
    assert purged.json == {"notifications": 1, "events": 1, "dryRun": False}

    reply = await api.get(f"{told.path}/events?objectType=contacts&fromSequence=2&pageSize=2")
    token = reply.headers["Elements-Next-Page-Token"]
    last = await api.get(
        f"{told.path}/events?objectType=contacts&fromSequence=2&pageSize=2&nextPage={token}"
    )

    assert [(event["sequence"], event["state"]) for event in reply.json] == [
        (2, "dead"),
        (3, "purged"),
    ]
    assert [(event["sequence"], event["state"]) for event in last.json] == [(4, "pending")]
    assert "Link" not in last.headers
    only = await api.get(f"{told.path}/events?objectType=contacts&fromSequence=1&state=dead")
    assert [event["sequence"] for event in only.json] == [2]


async def test_an_event_in_detail_tells_payload_headers_and_attempts(
    api: Api, told: Told, context: AdminContext
) -> None:
    number = await told.commit("a", "b")
    row = await told.row(number)
    await context.database.execute(
        "insert into attempts (notification_id, number, started_at, duration_seconds, outcome,"
        " status, spent, answer) values ($1, 1, $2, 0.25, 'status', 500, true, 'oh')",
        number,
        datetime(2026, 1, 1, tzinfo=UTC),
    )
    listed = (await api.get(f"{told.path}/events")).json
    change = next(event for event in listed if event["objectId"] == "b")

    by_change = (await api.get(f"/instances/events/{change['id']}")).json
    by_notification = (await api.get(f"{told.path}/events/{row['event_id']}")).json

    assert by_change["objectId"] == "b"
    assert by_change["id"] == change["id"]
    assert by_change["notificationId"] == str(number)
    for detail in (by_change, by_notification):
        assert [event["objectId"] for event in detail["events"]] == ["a", "b"]
        assert detail["body"].encode() == row["body"]
        assert [record["Key"] for record in orjson.loads(detail["providerData"])["contacts"]] == [
            *"ab"
        ]
        assert len(detail["notifiedData"]) == 2
        assert detail["headers"]["webhook-id"] == row["event_id"]
        assert detail["headers"]["webhook-timestamp"] == "1767225600"
        (attempt,) = detail["attempts"]
        assert (attempt["status"], attempt["milliseconds"], attempt["answer"]) == (500, 250, "oh")


async def test_headers_in_detail_hide_what_a_person_configured(
    api: Api, context: AdminContext
) -> None:
    more = {
        "event.notification.callback.headers": {"X-Secret": "hush"},
        "event.notification.basic.username": "anna",
        "event.notification.basic.password": "hush",
    }
    told = await make_told(api, context, **more)
    number = await told.commit("a")

    detail = (await api.get(f"{told.path}/events/{number}")).json

    assert detail["headers"]["X-Secret"] == detail["headers"]["Authorization"] == "********"


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        ("timeout", "Error delivering event: no answer (timeout)"),
        ("cancelled", "Event not delivered: cut off by a stop after 5000 ms (attempt 1, not count"),
    ],
)
async def test_dispositions_say_in_words_what_became_of_events(
    api: Api, told: Told, context: AdminContext, outcome: str, words: str
) -> None:
    number = await told.commit("a")
    await context.database.execute(
        "insert into attempts (notification_id, number, started_at, duration_seconds, outcome,"
        " spent) values ($1, 1, now(), 5, $2, false)",
        number,
        outcome,
    )

    (entry,) = (await api.get("/instances/events/dispositions")).json

    assert entry["elementInstanceId"] == told.id
    (message,) = entry["notificationData"]
    assert message["message"].startswith(words)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "{path}/events"),
        ("GET", "{path}/events/{event}"),
        ("GET", "/instances/events/{event}"),
        ("DELETE", "{path}/events/{event}"),
        ("DELETE", "{path}/events?state=dead"),
        ("POST", "{path}/events/{event}/redeliver"),
        ("POST", "/instances/events/{event}/redeliver"),
        ("POST", "{path}/redeliver"),
        ("GET", "{path}/endpoint"),
        ("POST", "{path}/endpoint/enable"),
        ("POST", "{path}/endpoint/rotate-secret"),
        ("POST", "{path}/endpoint/ping"),
        ("GET", "/notifications/subscriptions/{id}"),
        ("DELETE", "/notifications/subscriptions/{id}"),
        ("GET", "/notifications/{event}/subscriptions/deliveries"),
        ("GET", "/events/stream?instanceId={id}"),
    ],
    ids=str,
)
async def test_what_belongs_to_others_does_not_exist(
    foreign: Api, told: Told, method: str, path: str
) -> None:
    number = await told.commit("a")
    await told.end(NotificationState.DEAD)
    event = (await told.row(number))["event_id"]

    reply = await foreign.call(method, path.format(path=told.path, event=event, id=told.id))

    assert reply.status == 404
    assert (await told.row(number))["state"] == "dead"


async def test_lists_over_all_instances_show_ones_own_only(
    api: Api, foreign: Api, told: Told, context: AdminContext, credentials: Credentials
) -> None:
    other = await make_told(api, context, "Second", "code-1")
    await told.commit("a")
    await other.commit("b")
    mine = api.acting_for(credentials, told.instance["token"])

    for path in ("/instances/events", "/notifications/subscriptions/deliveries"):
        assert len((await api.get(path)).json) == 2
        assert len((await mine.get(path)).json) == 1
        assert (await foreign.get(path)).json == []
    assert (await foreign.get("/notifications/subscriptions")).json == []
    assert (await foreign.get("/instances/event-poller-records")).json == []
    counts: list[dict[str, Any]] = (await foreign.get("/instances/events/analytics")).json
    assert sum(bucket["count"] for bucket in counts) == 0
