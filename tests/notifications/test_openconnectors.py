from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson
import pytest

from daemon.instance import EventType
from daemon.notifications.change import Change
from daemon.notifications.compose import compose
from daemon.notifications.context import Context, RawMode
from daemon.notifications.openconnectors import java_date
from tests.notifications.samples import make_change, make_context, numbers

EXPECTED = (
    b'{"severity":"medium","createdDate":"Mon Aug 20 15:30:07 UTC 2018",'
    b'"topic":"instance-7950647-netsuiteerpv2-events","action":"create","id":"1496771",'
    b'"message":{"elementKey":"netsuiteerpv2","accountId":874,"eventId":"%s","companyId":291,'
    b'"instanceId":7950647,"instance_id":7950647,"instanceName":"<name>",'
    b'"instanceTags":["<tag>"],"raw":{"invoices":[{"internalId":"14682",'
    b'"lastModifiedDate":"2018-08-20T15:29:06Z","createdDate":"2018-08-20T15:29:06Z"}],'
    b'"pollDate":1534778974827,"objectType":"invoices"},"userId":2749,"events":['
    b'{"date":"2018-08-20T15:29:06Z","elementKey":"netsuiteerpv2",'
    b'"pollDate":"2018-08-20T15:29:34Z","eventType":"CREATED","hubKey":"erp",'
    b'"objectId":"14682","objectType":"invoices","sequence":1,"eventId":"%s",'
    b'"backfill":false}]},"user":"notifications@cloud-elements.com"}'
)
"""The notification on record from the original, made anew; only the 20-character ids are ours."""


def tell(context: Context, *changes: Change) -> Any:
    (draft,) = compose(context, changes, first_sequence=1, predecessors={}, ids=numbers())
    return orjson.loads(draft.body)


def test_the_envelope_is_the_originals_byte_for_byte_with_our_keys_behind() -> None:
    (draft,) = compose(
        make_context(), [make_change()], first_sequence=1, predecessors={}, ids=numbers()
    )

    (event,) = draft.events
    assert draft.body == EXPECTED % (draft.event_id.encode(), event.event_id.encode())


@pytest.mark.parametrize(
    ("instant", "text"),
    [
        pytest.param(
            datetime(2018, 8, 20, 15, 30, 7, tzinfo=UTC), "Mon Aug 20 15:30:07 UTC 2018", id="utc"
        ),
        pytest.param(
            datetime(2024, 2, 29, 23, 59, 59, 999999, tzinfo=UTC),
            "Thu Feb 29 23:59:59 UTC 2024",
            id="fractions are cut",
        ),
        pytest.param(
            datetime(2025, 1, 1, 1, 0, tzinfo=timezone(timedelta(hours=2))),
            "Tue Dec 31 23:00:00 UTC 2024",
            id="other zones are turned to utc",
        ),
        pytest.param(
            datetime(2026, 3, 1, 4, 5, 6, tzinfo=UTC),
            "Sun Mar 01 04:05:06 UTC 2026",
            id="two digits for the day",
        ),
    ],
)
def test_created_date_is_written_as_java_does(instant: datetime, text: str) -> None:
    assert java_date(instant) == text


def test_a_deletion_tells_the_id_under_the_configured_field() -> None:
    change = make_change("9", type=EventType.DELETED, object_key="Q29udGFjdA==", raw=None)

    flat = tell(make_context(id_field="Key"), change)
    nested = tell(make_context(id_field="user.id"), change)

    assert flat["message"]["raw"]["invoices"] == [{"Key": "Q29udGFjdA=="}]
    assert nested["message"]["raw"]["invoices"] == [{"user": {"id": "Q29udGFjdA=="}}]


def test_changed_fields_are_told_of_updates_only_and_only_when_known() -> None:
    update = make_change("1", type=EventType.UPDATED, changed=("Phone", "Email"))
    unknown = make_change("2", type=EventType.UPDATED)
    creation = make_change("3", changed=("Phone",))

    events = tell(make_context(), update, unknown, creation)["message"]["events"]

    assert [event.get("changed") for event in events] == [["Phone", "Email"], None, None]


def test_a_backfilled_event_says_so() -> None:
    assert tell(make_context(), make_change(backfill=True))["message"]["events"][0]["backfill"]


@pytest.mark.parametrize(
    ("drop", "expected"),
    [
        pytest.param(True, {"a": 1, "deep": {"b": [None, {}]}}, id="dropped at every depth"),
        pytest.param(
            False, {"a": 1, "n": None, "deep": {"b": [None, {"c": None}], "d": None}}, id="kept"
        ),
    ],
)
def test_nulls_are_dropped_from_raw_as_configured(drop: bool, expected: object) -> None:
    raw = {"a": 1, "n": None, "deep": {"b": [None, {"c": None}], "d": None}}

    body = tell(make_context(drop_nulls=drop), make_change(raw=raw))

    assert body["message"]["raw"]["invoices"] == [expected]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        pytest.param(RawMode.EVENTS, [{"id": 1}], id="events"),
        pytest.param(RawMode.PAGE, [{"id": 1}, {"id": 2}], id="page"),
        pytest.param(RawMode.NONE, [], id="none"),
    ],
)
def test_raw_holds_the_records_that_were_asked_for(mode: RawMode, expected: object) -> None:
    context = make_context(raw_mode=mode, page=[{"id": 1}, {"id": 2, "empty": None}])

    raw = tell(context, make_change(raw={"id": 1}))["message"]["raw"]

    assert raw == {"invoices": expected, "pollDate": 1534778974827, "objectType": "invoices"}


def test_a_page_that_would_outgrow_the_cap_is_told_by_its_events_only() -> None:
    page = [{"id": 1}, {"id": 2, "text": "x" * 5000}]
    context = make_context(raw_mode=RawMode.PAGE, page=page, max_body_bytes=4096)

    assert tell(context, make_change(raw={"id": 1}))["message"]["raw"]["invoices"] == [{"id": 1}]
