from __future__ import annotations

from typing import Any

import orjson
import pytest

from daemon.instance import EventId, NotificationId
from daemon.notifications.context import NotificationFormat
from daemon.notifications.identifiers import notification_event_id
from daemon.notifications.splitting import Part, split_body


def envelope(records: list[dict[str, Any]], *object_ids: str) -> bytes:
    events = [
        {"objectId": each, "objectType": "contacts", "eventId": f"event-{each}", "sequence": n}
        for n, each in enumerate(object_ids, 1)
    ]
    message = {
        "eventId": "whole",
        "raw": {"contacts": records, "pollDate": 5, "objectType": "contacts"},
        "events": events,
    }
    return orjson.dumps({"severity": "medium", "id": "7", "message": message, "user": "x"})


def parts(*object_ids: str) -> list[Part]:
    return [
        Part(id=NotificationId(100 + n), told=EventId(f"event-{each}"))
        for n, each in enumerate(object_ids)
    ]


def split(records: list[dict[str, Any]], id_field: str, *object_ids: str) -> list[Any]:
    bodies = split_body(
        NotificationFormat.OPENCONNECTORS,
        envelope(records, *object_ids),
        parts(*object_ids),
        id_field,
    )
    return [orjson.loads(body) for body in bodies]


def test_each_part_is_the_envelope_with_its_own_number_name_event_and_record() -> None:
    first, second = split([{"Key": "a", "N": 1.5}, {"Key": "b"}], "Key", "a", "b")

    assert list(first) == ["severity", "id", "message", "user"]
    assert (first["id"], second["id"]) == ("100", "101")
    named = notification_event_id(NotificationId(100), [EventId("event-a")])
    assert first["message"]["eventId"] == named
    assert [event["eventId"] for event in second["message"]["events"]] == ["event-b"]
    assert first["message"]["raw"] == {
        "contacts": [{"Key": "a", "N": 1.5}],
        "pollDate": 5,
        "objectType": "contacts",
    }


@pytest.mark.parametrize(
    ("records", "id_field", "taken"),
    [
        pytest.param(
            [{"Key": "x"}, {"Key": "b"}, {"Key": "a"}], "Key", [["a"], ["b"]], id="a whole page"
        ),
        pytest.param([{"Key": "A1"}, {"Key": "B1"}], "Key", [["A1"], ["B1"]], id="other spelling"),
        pytest.param([{"Key": "b"}], "Key", [[], ["b"]], id="one record was left out"),
        pytest.param([], "Key", [[], []], id="no records travel along"),
        pytest.param([{"Key": "x"}, {"Key": "y"}, {"Key": "z"}], "Key", [[], []], id="no match"),
    ],
)
def test_the_record_of_an_event_is_found_by_id_or_by_its_place(
    records: list[dict[str, Any]], id_field: str, taken: list[list[str]]
) -> None:
    bodies = split(records, id_field, "a", "b")

    assert [
        [record["Key"] for record in body["message"]["raw"]["contacts"]] for body in bodies
    ] == taken


def test_an_id_may_lie_deeper_and_be_a_number() -> None:
    first, second = split([{"i": {"n": 2}}, {"i": {"n": 1}}], "i.n", "1", "2")

    assert first["message"]["raw"]["contacts"] == [{"i": {"n": 1}}]
    assert second["message"]["raw"]["contacts"] == [{"i": {"n": 2}}]


def test_a_batch_of_cloudevents_becomes_batches_of_one() -> None:
    entries = [{"id": "event-a", "data": {"record": 1}}, {"id": "event-b", "data": {}}]

    bodies = split_body(
        NotificationFormat.CLOUDEVENTS, orjson.dumps(entries), parts("a", "b"), "Key"
    )

    assert [orjson.loads(body) for body in bodies] == [[entries[0]], [entries[1]]]


def test_an_event_that_is_not_in_the_body_is_a_fault() -> None:
    with pytest.raises(ValueError, match="not in the body"):
        split_body(NotificationFormat.OPENCONNECTORS, envelope([], "a"), parts("other"), "Key")
    with pytest.raises(ValueError, match="one event only"):
        split_body(NotificationFormat.STANDARD, b"{}", parts("a"), "Key")
