from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.connectors import ceql
from daemon.polling.epoch import MICROSECONDS
from daemon.polling.resource import ResourcePolling, differs
from daemon.polling.standards import PollingStandards
from tests.polling.element import only

INSTANT = datetime(2024, 6, 1, 12, 30, 15, 123456, tzinfo=UTC)
VANCOUVER = ZoneInfo("America/Vancouver")
IN_VANCOUVER = PollingStandards(zone=VANCOUVER)
MACRO = "${date:yyyy-MM-dd'T'HH:mm:ssXXX}"


def url(where: str, resource: str = "contacts") -> dict[str, Any]:
    return {"url": f"/hubs/crm/{resource}?where={where}"}


def bounded(polling: ResourcePolling, instant: datetime | None) -> str | None:
    tree = polling.with_lower_bound(instant)
    return ceql.render(tree) if tree else None


@pytest.mark.parametrize(
    ("where", "with_bound", "without"),
    [
        (f"d>'{MACRO}'", "d>='2024-06-01T05:30:15-07:00'", None),
        (f"d>='{MACRO}' AND Type='x'", "d>='2024-06-01T05:30:15-07:00' AND Type='x'", "Type='x'"),
        ("d>'${gmtDate:yyyy-MM-dd HH:mm}'", "d>='2024-06-01 12:30'", None),
        ("d>'${gmtDate:yyyy-MM-dd}T00:00:00Z'", "d>='2024-06-01T00:00:00Z'", None),
        ("d>${gmtDate:yyyyMMdd}", "d>='20240601'", None),
        (
            "(d>'${gmtDate:yyyy}' OR e>'${gmtDate:yyyy}') AND x IS NULL",
            "(d>='2024' OR e>='2024') AND x IS NULL",
            "x IS NULL",
        ),
        ("d>'${gmtDate:yyyy}' AND e>'${gmtDate:yyyy}'", "d>='2024' AND e>='2024'", None),
        ("Type='x'", "Type='x'", "Type='x'"),
    ],
)
def test_the_comparison_with_the_macro_becomes_an_inclusive_bound_and_others_stay(
    where: str, with_bound: str, without: str | None
) -> None:
    polling = only(url(where), IN_VANCOUVER)
    assert bounded(polling, INSTANT) == with_bound
    assert bounded(polling, None) == without


@pytest.mark.parametrize(
    ("where", "shows"),
    [
        ("Type='x'", False),
        (f"lastmodifydate>'{MACRO}'", False),
        (f"LastModifyDate>'{MACRO}' OR CreationDate>'{MACRO}'", True),
        (f"CreationDate>'{MACRO}'", True),
    ],
)
def test_a_url_with_another_date_shows_records_without_one_to_be_ordered_by(
    where: str, shows: bool
) -> None:
    polling = only(url(where), IN_VANCOUVER)
    assert polling.shows_undated is shows


@pytest.mark.parametrize(
    ("macro", "instant"),
    [
        ("${epoch}", INSTANT.replace(microsecond=123000)),
        ("'${epoch:s}'", INSTANT.replace(microsecond=0)),
        ("'${epoch:us}'", INSTANT),
        ("'${milliseconds}'", INSTANT.replace(microsecond=123000)),
    ],
)
def test_a_count_becomes_an_instant_for_the_connector_to_spell(
    macro: str, instant: datetime
) -> None:
    tree = only(url(f"d>{macro}")).with_lower_bound(INSTANT)
    assert tree == ceql.Comparison(
        field="d", operator=ceql.Operator.GREATER_OR_EQUAL, value=instant
    )


def test_the_comparisons_with_a_macro_are_known_by_field() -> None:
    polling = only(url(f"a=1 AND (b>'{MACRO}' OR c>${{epoch:s}})"))
    assert [(leaf.field, str(macro)) for leaf, macro in polling.bounds] == [
        ("b", MACRO),
        ("c", "${epoch:s}"),
    ]
    assert only({"url": "/hubs/crm/contacts"}).bounds == ()


@pytest.mark.parametrize(
    ("where", "updated_format", "granularity"),
    [
        (f"d>'{MACRO}'", "yyyy-MM-dd'T'HH:mm:ss.SSSXXX", timedelta(seconds=1)),
        ("d>'${epoch}'", "yyyy-MM-dd HH:mm", timedelta(minutes=1)),
        ("d>'${date:yyyy-MM-dd}'", "milliseconds", timedelta(days=1)),
        ("x=1", "milliseconds", timedelta(milliseconds=1)),
    ],
)
def test_the_granularity_is_the_coarser_of_stamp_and_literal(
    where: str, updated_format: str, granularity: timedelta
) -> None:
    dates = {"datesConfiguration": {"updatedDateFormat": updated_format}}
    polling = only(url(where) | dates)
    assert polling.granularity == granularity
    assert INSTANT - polling.floor(INSTANT) < granularity


def test_a_floor_is_cut_in_the_zone_of_the_literal() -> None:
    polling = only(url("d>'${date:yyyy-MM-dd}'"), IN_VANCOUVER)
    assert polling.floor(INSTANT) == datetime(2024, 6, 1, 7, tzinfo=UTC)


@given(st.integers(347_155_200_000_000, 2_114_380_800_000_000).map(MICROSECONDS.parse))
def test_the_literal_of_a_floor_is_that_of_the_instant(instant: datetime) -> None:
    for polling in LITERALS:
        floored = polling.floor(instant)
        assert floored <= instant
        assert bounded(polling, floored) == bounded(polling, instant)


LITERALS = [
    only(url(f"d>'{macro}'"), IN_VANCOUVER)
    for macro in (MACRO, "${date:yyyy-MM-dd}", "${gmtDate:yyyy-MM-dd HH}", "${epoch:s}")
]


def test_the_cursor_follows_the_created_date_where_only_created_objects_are_told() -> None:
    entry = url("x=1")
    assert only(entry).cursor == only(entry).updated
    assert only(entry | {"filterByUpdatedDate": False}).cursor == only(entry).created
    assert only(url("x=1", "documents")).cursor is None


@pytest.mark.parametrize(
    ("pattern", "zone", "is_local"),
    [
        ("yyyy-MM-dd HH:mm:ss", "America/Vancouver", True),
        ("yyyy-MM-dd'T'HH:mm:ss'Z'", "America/Vancouver", True),
        ("yyyy-MM-dd HH:mm:ss", "-8:00", False),
        ("yyyy-MM-dd HH:mm:ss", "GMT", False),
        ("yyyy-MM-dd'T'HH:mm:ssXXX", "America/Vancouver", False),
        ("milliseconds", "America/Vancouver", False),
    ],
)
def test_stamps_are_local_time_only_without_an_offset_and_in_a_named_zone(
    pattern: str, zone: str, is_local: bool
) -> None:
    dates = {"updatedDateFormat": pattern, "updatedDateTimezone": zone}
    cursor = only(url("x=1") | {"datesConfiguration": dates}).cursor
    assert cursor is not None
    assert cursor.is_zone_local is is_local


def test_a_record_date_is_read_in_its_format_and_zone() -> None:
    dates = {"updatedDateFormat": "MM/dd/yyyy HH:mm", "updatedDateTimezone": "PST"}
    updated = only(url("x=1") | {"datesConfiguration": dates}).updated
    assert updated is not None
    assert updated.parse("06/01/2024 04:30") == datetime(2024, 6, 1, 12, 30, tzinfo=UTC)


OLD = {
    **url(f"LastModifyDate>'{MACRO}' AND open=true"),
    "datesConfiguration": {"createdDateField": "CreationDate"},
}


def dated(**dates: str) -> dict[str, Any]:
    return OLD | {"datesConfiguration": {"createdDateField": "CreationDate"} | dates}


@pytest.mark.parametrize(
    ("new", "difference"),
    [
        (OLD, set()),
        (OLD | url(f"LastModifyDate > '{MACRO}' and open = TRUE"), set()),
        (OLD | url(f"LastModifyDate%3E'{MACRO}'%20AND%20open=true"), set()),
        (OLD | {"pageSize": 3, "pollDelay": 9, "ignoreFields": ["x"]}, set()),
        (OLD | {"datesConfiguration": {}}, set()),
        (dated(createdDateField="Born", createdDateFormat="seconds"), set()),
        (OLD | url(f"LastModifyDate>'{MACRO}' AND open=1"), {"filter"}),
        (OLD | url(f"LastModifyDate>'{MACRO}'"), {"filter"}),
        (OLD | url(f"LastModifyDate>'{MACRO}' AND open=true", "companies"), {"filter"}),
        (OLD | {"idField": "Id"}, {"idField"}),
        (dated(updatedDateField="Changed"), {"dateField"}),
        (dated(updatedDateFormat="seconds"), {"dateField"}),
        (dated(updatedDateTimezone="PST"), {"zone"}),
        (OLD | {"filterByUpdatedDate": False}, {"dateField"}),
        (OLD | {"idField": "Id"} | url("x=1"), {"idField", "filter"}),
    ],
    ids=[
        "nothing",
        "spelling",
        "encoding",
        "what moves no cursor",
        "created date removed",
        "created date of another field",
        "true is not 1",
        "a condition less",
        "another resource",
        "id field",
        "date field",
        "date format",
        "zone",
        "created dates instead",
        "two at once",
    ],
)
def test_a_change_says_whether_cursor_and_snapshots_stay_right(
    new: dict[str, Any], difference: set[str]
) -> None:
    assert differs(only(OLD), only(new)) == difference


def test_the_configured_zone_is_a_difference_where_a_literal_is_local_time() -> None:
    dates = {"datesConfiguration": {"updatedDateTimezone": "UTC"}}
    local = url("d>'${date:yyyy-MM-dd HH:mm}'") | dates
    zoned = url(f"d>'{MACRO}'") | dates
    assert differs(only(local), only(local, IN_VANCOUVER)) == {"zone"}
    assert differs(only(zoned), only(zoned, IN_VANCOUVER)) == set()
