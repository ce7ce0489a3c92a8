from __future__ import annotations

import orjson
import pytest

from daemon.instance import EventId
from daemon.notifications import ping
from daemon.notifications.context import NotificationFormat
from tests.notifications.samples import make_context

EVENT = EventId("A" * 20)


def test_a_ping_in_the_original_envelope_holds_no_event_and_no_record() -> None:
    body = orjson.loads(ping.render(make_context(), EVENT))

    assert body["message"]["eventId"] == EVENT
    assert body["message"]["events"] == []
    assert body["message"]["raw"]["ping"] == []


@pytest.mark.parametrize(
    "kind", [NotificationFormat.CLOUDEVENTS, NotificationFormat.STANDARD], ids=str
)
def test_a_ping_in_another_format_has_a_type_of_its_own(kind: NotificationFormat) -> None:
    content = orjson.loads(ping.render(make_context(format=kind), EVENT))
    (event,) = content if isinstance(content, list) else [content]

    assert event["type"].endswith(".ping")
