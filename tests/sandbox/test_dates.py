from datetime import UTC, datetime

import pytest

from daemon.sandbox.dates import Frame
from daemon.sandbox.profile import Profile
from tests.sandbox.clients import STAMP, Crm

VANCOUVER = "America/Vancouver"


async def lead(crm: Crm, name: str) -> None:
    await crm.add("leads", {"LastName": name})


async def found(crm: Crm, literal: str) -> list[str]:
    query = {"LastModifyDate": {"$GE": literal}}
    rows = await crm.rows(
        "Lead", fields=("LastName",), query=query, order={"PageSize": 9, "Fields": STAMP}
    )
    return [row["LastName"] for row in rows]


async def test_stamps_of_a_zone_are_shown_and_compared_as_local_time_with_a_z(crm: Crm) -> None:
    await crm.switch(stamp_zones={"Lead": VANCOUVER})
    await lead(crm, "A")
    rows = await crm.rows("Lead", fields=("CreationDate", "LastModifyDate"))
    assert rows == [dict.fromkeys(("CreationDate", "LastModifyDate"), "2026-06-01T05:00:00Z")]
    assert await found(crm, "2026-06-01T05:00:00") == ["A"]
    assert await found(crm, "2026-06-01T05:00:01") == []


async def test_literals_of_another_zone_are_read_there(crm: Crm) -> None:
    await lead(crm, "A")
    await crm.switch(query_zones={"lead": VANCOUVER})
    assert await found(crm, "2026-06-01T05:00:00") == ["A"]
    assert await found(crm, "2026-06-01T05:00:01") == []


async def test_stamps_and_literals_can_have_different_zones(crm: Crm) -> None:
    await lead(crm, "A")
    await crm.switch(stamp_zones={"Lead": VANCOUVER}, query_zones={"Lead": "UTC"})
    assert await found(crm, "2026-06-01T12:00:00") == ["A"]
    assert await found(crm, "2026-06-01T12:00:01") == []


async def test_local_stamps_repeat_an_hour_when_summer_time_ends(crm: Crm) -> None:
    await crm.switch(stamp_zones={"Lead": VANCOUVER})
    for minute, name in (("08:50", "before"), ("09:10", "after")):
        crm.service.clock.set(datetime.fromisoformat(f"2026-11-01T{minute}:00Z"))
        await lead(crm, name)
    rows = await crm.rows(
        "Lead", fields=("LastName", "LastModifyDate"), order={"PageSize": 9, "Fields": STAMP}
    )
    assert [(row["LastName"], row["LastModifyDate"]) for row in rows] == [
        ("after", "2026-11-01T01:10:00Z"),
        ("before", "2026-11-01T01:50:00Z"),
    ]


async def test_an_unknown_zone_is_refused(crm: Crm) -> None:
    response = await crm.http.patch("/_sandbox/faults", json={"stamp_zones": {"Lead": "Moon/Sea"}})
    assert (response.status, await response.json()) == (
        400,
        {"message": "zone 'Moon/Sea' is unknown"},
    )


@pytest.mark.parametrize(
    ("function", "low", "high"),
    [
        ("$NOW()", "2024-02-29T10:20:30", "2024-02-29T10:20:30"),
        ("$TODAY()", "2024-02-29T00:00:00", "2024-03-01T00:00:00"),
        ("$THISWEEK()", "2024-02-25T00:00:00", "2024-03-03T00:00:00"),
        ("$THISMONTH()", "2024-02-01T00:00:00", "2024-03-01T00:00:00"),
        ("$THISYEAR()", "2024-01-01T00:00:00", "2025-01-01T00:00:00"),
        ("$OFFSET(D-90, $TODAY())", "2023-12-01T00:00:00", "2023-12-02T00:00:00"),
        ("$OFFSET(Y1, $TODAY())", "2025-02-28T00:00:00", "2025-03-01T00:00:00"),
        ("$OFFSET(Q-1, $THISMONTH())", "2023-11-01T00:00:00", "2023-12-01T00:00:00"),
        ("$OFFSET(m+5, $OFFSET(h-1, $NOW()))", "2024-02-29T09:25:30", "2024-02-29T09:25:30"),
    ],
)
def test_date_functions_stand_for_spans(function: str, low: str, high: str) -> None:
    frame = Frame.of("AbEntry", Profile(), datetime(2024, 2, 29, 10, 20, 30, tzinfo=UTC))
    span = frame.span(function)
    assert [each.replace(tzinfo=None).isoformat() for each in (span.low, span.high)] == [low, high]
