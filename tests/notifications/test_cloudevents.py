from __future__ import annotations

import orjson

from daemon.instance import EventType
from daemon.notifications.compose import CONTENT_TYPES, compose
from daemon.notifications.context import NotificationFormat, RawMode
from tests.notifications.samples import make_change, make_context, numbers


def test_a_batch_holds_one_complete_cloudevent_per_change() -> None:
    context = make_context(format=NotificationFormat.CLOUDEVENTS)
    changes = [make_change("1"), make_change("2", type=EventType.UPDATED, changed=("Phone",))]

    (draft,) = compose(context, changes, first_sequence=41, predecessors={}, ids=numbers())

    first, second = orjson.loads(draft.body)
    assert first == {
        "specversion": "1.0",
        "id": draft.events[0].event_id,
        "source": "/instances/7950647/invoices",
        "type": "netsuiteerpv2.invoices.created",
        "subject": "1",
        "time": "2018-08-20T15:29:06Z",
        "datacontenttype": "application/json",
        "sequence": "41",
        "data": {
            "date": "2018-08-20T15:29:06Z",
            "elementKey": "netsuiteerpv2",
            "pollDate": "2018-08-20T15:29:34Z",
            "eventType": "CREATED",
            "hubKey": "erp",
            "objectId": "1",
            "objectType": "invoices",
            "sequence": 41,
            "eventId": draft.events[0].event_id,
            "backfill": False,
            "record": {
                "internalId": "1",
                "lastModifiedDate": "2018-08-20T15:29:06Z",
                "createdDate": "2018-08-20T15:29:06Z",
            },
        },
    }
    assert second["type"] == "netsuiteerpv2.invoices.updated"
    assert second["data"]["changed"] == ["Phone"]
    assert CONTENT_TYPES[draft.format] == "application/cloudevents-batch+json"


def test_a_resource_with_an_odd_name_still_makes_a_valid_source() -> None:
    context = make_context(format=NotificationFormat.CLOUDEVENTS, object_type="my contacts")

    (draft,) = compose(context, [make_change()], first_sequence=1, predecessors={}, ids=numbers())

    assert orjson.loads(draft.body)[0]["source"] == "/instances/7950647/my%20contacts"


def test_without_raw_there_is_no_record() -> None:
    context = make_context(format=NotificationFormat.CLOUDEVENTS, raw_mode=RawMode.NONE)

    (draft,) = compose(context, [make_change()], first_sequence=1, predecessors={}, ids=numbers())

    assert "record" not in orjson.loads(draft.body)[0]["data"]
