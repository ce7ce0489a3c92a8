from __future__ import annotations

from daemon.instance import EventId, InstanceId, NotificationId, ResourceId
from daemon.notifications.identifiers import event_id, notification_event_id


def test_ids_once_given_stay_the_same_in_every_later_version() -> None:
    event = event_id(InstanceId(42), ResourceId(7), "Q29udGFjdA", 3)
    notification = notification_event_id(NotificationId(1000001), [EventId("a" * 20)])

    assert event == "OVAdC6QQ5OUgbbg7k-RD"
    assert notification == "vhhoEcDKlVH3nC0Mn0zQ"


def test_the_same_number_with_other_events_gives_another_name() -> None:
    number = NotificationId(1)

    assert notification_event_id(number, [EventId("a" * 20)]) != notification_event_id(
        number, [EventId("b" * 20)]
    )
