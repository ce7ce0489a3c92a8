from typing import Any

import pytest

from daemon.sandbox.delivered import read_events

RECORDS = [{"Key": "k2", "LastName": "B"}, {"Key": "k1", "LastName": "A"}]


def envelope(*events: dict[str, Any], raw: Any = None) -> dict[str, Any]:
    return {"id": "1", "message": {"instanceId": 7, "events": list(events), "raw": raw}}


def entry(object_id: str = "k1", **more: Any) -> dict[str, Any]:
    return {"objectType": "contacts", "objectId": object_id, "eventType": "CREATED", **more}


def test_the_original_envelope_is_read_with_each_events_record() -> None:
    body = envelope(
        entry("k1", eventId="e1", sequence=4, date="2026-06-01T00:00:00Z", backfill=True),
        entry("k2", changed=["LastName"]),
        raw={"contacts": RECORDS},
    )
    first, second = read_events(body)
    assert (first.instance, first.object_type, first.object_id) == ("7", "contacts", "k1")
    assert (first.event_type, first.event_id, first.sequence) == ("CREATED", "e1", 4)
    assert (first.backfill, first.record) == (True, RECORDS[1])
    assert (second.changed, second.record, second.sequence) == (["LastName"], RECORDS[0], None)


def test_a_record_without_its_id_is_the_one_beside_its_event() -> None:
    (event,) = read_events(envelope(entry("other"), raw={"contacts": [{"LastName": "A"}]}))
    assert event.record == {"LastName": "A"}


def test_a_record_that_only_names_another_events_object_is_not_taken_for_it() -> None:
    company, employee = {"Key": "k1", "ParentKey": None}, {"Key": "k2", "ParentKey": "k1"}
    body = envelope(entry("k2"), entry("k1"), raw={"contacts": [employee, company]})
    assert [event.record for event in read_events(body)] == [employee, company]


@pytest.mark.parametrize("raw", [None, {}, {"contacts": []}])
def test_an_event_may_have_no_record(raw: Any) -> None:
    (event,) = read_events(envelope(entry(), raw=raw))
    assert event.record is None


def test_a_standard_webhook_is_read() -> None:
    data = {"objectId": "k1", "eventId": "e1", "sequence": 4, "instanceId": 7, "record": RECORDS[1]}
    body = {"type": "maximizer.contacts.updated", "timestamp": "t", "data": data}
    (event,) = read_events(body)
    assert (event.instance, event.object_type, event.event_type) == ("7", "contacts", "UPDATED")
    assert (event.sequence, event.record) == (4, RECORDS[1])


def test_a_batch_of_cloud_events_is_read() -> None:
    (event,) = read_events(
        [
            {
                "specversion": "1.0",
                "id": "e1",
                "source": "/instances/7",
                "type": "maximizer.contacts.deleted",
                "subject": "k1",
                "sequence": "4",
                "data": {"record": RECORDS[1]},
            }
        ]
    )
    assert (event.instance, event.object_type, event.object_id) == ("7", "contacts", "k1")
    assert (event.event_type, event.event_id, event.sequence) == ("DELETED", "e1", 4)
    assert event.record == RECORDS[1]


@pytest.mark.parametrize(
    "body",
    [{}, 7, "x", None, {"message": {}}, {"message": {"events": [{}], "instanceId": 1}}, [{}], [7]],
    ids=str,
)
def test_other_bodies_are_refused(body: Any) -> None:
    with pytest.raises(ValueError, match="the body"):
        read_events(body)
