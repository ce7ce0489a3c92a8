from __future__ import annotations

import orjson

from daemon.instance import EventType
from daemon.notifications.compose import compose
from daemon.notifications.context import NotificationFormat
from tests.notifications.samples import make_change, make_context, numbers


def test_each_event_is_a_notification_of_type_timestamp_and_data() -> None:
    context = make_context(format=NotificationFormat.STANDARD, id_field="Key")
    changes = [make_change("1", type=EventType.DELETED, raw=None), make_change("2")]

    first, second = compose(context, changes, first_sequence=1, predecessors={}, ids=numbers())

    body = orjson.loads(first.body)
    assert list(body) == ["type", "timestamp", "data"]
    assert body["type"] == "netsuiteerpv2.invoices.deleted"
    assert body["timestamp"] == "2018-08-20T15:29:06Z"
    assert body["data"]["record"] == {"Key": "1"}
    assert body["data"]["eventId"] == first.events[0].event_id
    assert orjson.loads(second.body)["data"]["sequence"] == 2
