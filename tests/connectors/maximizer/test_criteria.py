from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.connectors import ceql
from daemon.connectors.maximizer.criteria import key_query, literal, search_query
from daemon.connectors.maximizer.resources import RESOURCES
from daemon.errors import InvalidInput

ENTRIES = RESOURCES["addressbook-entries"]
PACIFIC = timezone(timedelta(hours=-8))


@pytest.mark.parametrize(
    ("where", "query"),
    [
        ("LastName = 'Doe'", {"LastName": {"$EQ": "Doe"}}),
        ("LastName != 'Doe'", {"LastName": {"$NE": "Doe"}}),
        ("Cost < 5", {"Cost": {"$LT": 5}}),
        ("Cost <= 5.5", {"Cost": {"$LE": 5.5}}),
        ("Cost > 5", {"Cost": {"$GT": 5}}),
        ("Cost >= 5", {"Cost": {"$GE": 5}}),
        ("Completed = true", {"Completed": {"$EQ": True}}),
        ("Name LIKE 'A%'", {"Name": {"$LIKE": "A%"}}),
        ("Type IN ('Company', 'Contact')", {"Type": {"$IN": ["Company", "Contact"]}}),
        ("TerritoryKey IS NULL", {"TerritoryKey": {"$EQ": None}}),
        ("TerritoryKey IS NOT NULL", {"TerritoryKey": {"$NE": None}}),
        ("Address.City = 'Vancouver'", {"Address/City": {"$EQ": "Vancouver"}}),
        ("Address/City = 'Vancouver'", {"Address/City": {"$EQ": "Vancouver"}}),
        ("`Udf/$NAME(a.b)` = 'x'", {"Udf/$NAME(a.b)": {"$EQ": "x"}}),
        (
            "A = 1 AND (B = 2 OR C = 3)",
            {"$AND": [{"A": {"$EQ": 1}}, {"$OR": [{"B": {"$EQ": 2}}, {"C": {"$EQ": 3}}]}]},
        ),
    ],
)
def test_each_condition_has_its_operator(where: str, query: dict[str, Any]) -> None:
    assert search_query(ENTRIES, ceql.parse(where)) == query


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("'2019-01-15T16:54:00Z'", "2019-01-15T16:54:00"),
        ("'2019-01-15T16:54:00+00:00'", "2019-01-15T16:54:00"),
        ("'2019-01-15T16:54:00+0000'", "2019-01-15T16:54:00"),
        ("'2019-01-15T08:54:00-08:00'", "2019-01-15T16:54:00"),
        ("'2019-01-15 16:54:00'", "2019-01-15T16:54:00"),
        ("'2019-01-15T16:54:00'", "2019-01-15T16:54:00"),
        ("'2019-01-15T16:54:00.900Z'", "2019-01-15T16:54:00"),
        ("'2019-01-15'", "2019-01-15"),
        ("'1547571240'", "2019-01-15T16:54:00"),
        ("1547571240", "2019-01-15T16:54:00"),
        ("'1547571240000'", "2019-01-15T16:54:00"),
        ("'1547571240000000'", "2019-01-15T16:54:00"),
        ("'$TODAY()'", "$TODAY()"),
    ],
)
@pytest.mark.parametrize("field", ["LastModifyDate", "lastmodifydate"])
def test_a_date_is_sent_as_the_service_takes_it(field: str, value: str, expected: str) -> None:
    query = search_query(ENTRIES, ceql.parse(f"{field} >= {value}"))
    assert query == {field: {"$GE": expected}}


def test_a_text_that_looks_like_a_date_is_left_alone_in_other_fields() -> None:
    query = search_query(ENTRIES, ceql.parse("LastName = '2019-01-15T16:54:00Z'"))
    assert query == {"LastName": {"$EQ": "2019-01-15T16:54:00Z"}}


def test_a_fraction_below_an_upper_bound_is_rounded_up_so_that_no_row_is_missed() -> None:
    query = search_query(ENTRIES, ceql.parse("LastModifyDate < '2019-01-15T16:54:00.5Z'"))
    assert query == {"LastModifyDate": {"$LT": "2019-01-15T16:54:01"}}


@pytest.mark.parametrize(
    "value", ["'yesterday'", "'2019-13-45T00:00:00Z'", "''", "'999999999999999999'"]
)
def test_a_date_that_is_none_is_invalid_input(value: str) -> None:
    with pytest.raises(InvalidInput, match="LastModifyDate is not a date"):
        search_query(ENTRIES, ceql.parse(f"LastModifyDate > {value}"))


def test_an_instant_of_the_poller_needs_no_text() -> None:
    instant = datetime(2019, 1, 15, 8, 54, tzinfo=PACIFIC)
    where = ceql.Comparison(
        field="LastModifyDate", operator=ceql.Operator.GREATER_OR_EQUAL, value=instant
    )
    assert search_query(ENTRIES, where) == {"LastModifyDate": {"$GE": "2019-01-15T16:54:00"}}


def test_nothing_asked_for_means_everything_of_the_resource() -> None:
    assert search_query(ENTRIES, None) == {}
    assert search_query(RESOURCES["contacts"], None) == {"Type": {"$EQ": "Contact"}}


def test_a_condition_is_joined_to_the_type_of_the_resource() -> None:
    query = search_query(RESOURCES["companies"], ceql.parse("A = 1 OR B = 2"))
    assert query == {
        "$AND": [
            {"Type": {"$EQ": "Company"}},
            {"$OR": [{"A": {"$EQ": 1}}, {"B": {"$EQ": 2}}]},
        ]
    }


def test_one_record_is_asked_for_by_its_key_within_its_resource() -> None:
    assert key_query(RESOURCES["contacts"], "Key", "abc") == {
        "$AND": [{"Type": {"$EQ": "Contact"}}, {"Key": {"$EQ": "abc"}}]
    }


def test_a_macro_that_nobody_expanded_is_a_mistake_of_ours() -> None:
    where = ceql.parse(["LastModifyDate > '", object(), "'"])
    with pytest.raises(TypeError, match="macro"):
        search_query(ENTRIES, where)


@given(st.datetimes(timezones=st.timezones()))
def test_a_literal_is_never_later_than_its_instant_and_less_than_a_second_earlier(
    instant: datetime,
) -> None:
    try:
        expected = instant.astimezone(UTC)
    except OverflowError:
        return
    shown = datetime.fromisoformat(literal(instant)).replace(tzinfo=UTC)
    assert timedelta(0) <= expected - shown < timedelta(seconds=1)
