from __future__ import annotations

from typing import Any

import orjson
import pytest

from daemon.connectors.maximizer.answers import check_body, read_rows, read_written
from daemon.connectors.maximizer.records import RecordReader
from daemon.errors import (
    MalformedAnswer,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
    RequestRefused,
    TokenRejected,
)

READER = RecordReader(["Key", "LastName"])
KEY = "Q29tcGFueQlERU1PXzRDCTA="


def rows_of(answer: Any) -> list[Any]:
    read = read_rows(orjson.dumps(answer), "AbEntry", READER)
    return [record.raw for record in read.records]


def test_success_is_judged_by_the_code_alone_even_beside_a_message() -> None:
    answer = {"Code": 0, "Msg": ["This is a beta"], "AbEntry": {"Data": [{"Key": KEY}]}}
    assert rows_of(answer) == [{"Key": KEY}]


def test_an_answer_is_understood_in_the_requests_or_any_casing() -> None:
    answer = {"code": 0, "abEntry": {"data": [{"key": KEY}]}}
    assert rows_of(answer) == [{"Key": KEY}]


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (["Wrong key.(DONOTUPDATE)"], "Wrong key.(DONOTUPDATE)"),
        ([{"Message": "Result is mandatory", "ErrorCode": -10003}], "Result is mandatory (-10003)"),
        ([{"message": "a"}, "b"], "a; b"),
        ("plain text", "plain text"),
        ([], "Code -1 without a message"),
        (None, "Code -1 without a message"),
        ([{"ErrorCode": -5}], "no message (-5)"),
    ],
    ids=str,
)
def test_both_forms_of_a_message_are_told(message: object, words: str) -> None:
    with pytest.raises(RequestRefused) as raised:
        rows_of({"Code": -1, "Msg": message})
    assert raised.value.provider_message == words
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("Token is invalid", TokenRejected),
        ("The TOKEN has expired", TokenRejected),
        ("Rate limit exceeded", RateLimited),
        ("Execution timed out", ProviderUnavailable),
        ("The object doesn't support property X", RequestRefused),
    ],
)
def test_a_refusal_is_classified_by_its_words(message: str, kind: type[ProviderError]) -> None:
    for form in (message, {"Message": message, "ErrorCode": -1}):
        with pytest.raises(kind) as raised:
            rows_of({"Code": -1, "Msg": [form]})
        assert type(raised.value) is kind


@pytest.mark.parametrize(
    "answer",
    [
        [],
        "text",
        None,
        {},
        {"AbEntry": {"Data": []}},
        {"Code": None, "AbEntry": {"Data": []}},
        {"Code": "0", "AbEntry": {"Data": []}},
        {"Code": True, "AbEntry": {"Data": []}},
        {"Code": 0},
        {"Code": 0, "Lead": {"Data": []}},
        {"Code": 0, "AbEntry": None},
        {"Code": 0, "AbEntry": []},
        {"Code": 0, "AbEntry": {}},
        {"Code": 0, "AbEntry": {"Data": None}},
        {"Code": 0, "AbEntry": {"Data": {}}},
    ],
    ids=str,
)
def test_an_answer_without_rows_is_malformed_and_never_an_empty_page(answer: object) -> None:
    with pytest.raises(MalformedAnswer):
        rows_of(answer)


def test_a_refusal_within_the_section_is_a_refusal() -> None:
    with pytest.raises(RequestRefused, match="no rights"):
        rows_of({"Code": 0, "AbEntry": {"Code": -1, "Msg": ["no rights"], "Data": []}})


def test_an_empty_list_is_an_empty_page() -> None:
    assert rows_of({"Code": 0, "AbEntry": {"Data": []}}) == []


@pytest.mark.parametrize(
    "more",
    [
        {"AbEntry": {"PageKey": "MTA="}},
        {"AbEntry": {"pagekey": "MTA="}},
        {"AbEntry": {"NextPageKey": "MTA="}},
        {"AbEntry": {"OrderBy": {"PageKey": "MTA="}}},
        {"AbEntry": {"orderBy": {"pageKey": "MTA="}}},
        {"PageKey": "MTA="},
        {"nextpagekey": "MTA="},
        {"OrderBy": {"PageKey": "MTA="}},
        {"AbEntry": {"PageKey": None, "NextPageKey": "MTA="}},
    ],
    ids=str,
)
def test_the_next_key_is_found_wherever_it_stands(more: dict[str, Any]) -> None:
    answer = {"Code": 0, **more, "AbEntry": {"Data": [], **more.get("AbEntry", {})}}
    assert read_rows(orjson.dumps(answer), "AbEntry", READER).page_keys == ["MTA="]


def test_a_key_that_is_named_the_next_one_is_believed_before_others() -> None:
    answer = {"Code": 0, "AbEntry": {"Data": [], "PageKey": "MTA=", "NextPageKey": "MjA="}}
    assert read_rows(orjson.dumps(answer), "AbEntry", READER).page_keys == ["MjA=", "MTA="]


def test_a_page_with_a_number_of_thirty_digits_is_read_again_exactly() -> None:
    body = b'{"Code": 0, "AbEntry": {"Data": [{"Key": "%s", "LastName": 1%s}]}}'
    rows = read_rows(body % (KEY.encode(), b"0" * 30), "AbEntry", READER)
    (record,) = rows.records
    assert record.raw == {"Key": KEY}
    assert record.poison == "has values that cannot be carried: LastName"


@pytest.mark.parametrize(
    "data", [{"Key": KEY, "LastName": "Doe"}, [{"Key": KEY, "LastName": "Doe"}]]
)
def test_a_written_object_comes_back_as_an_object_or_as_a_list_of_it(data: object) -> None:
    body = orjson.dumps({"Code": 0, "AbEntry": {"Data": data}})
    assert read_written(body, "AbEntry", READER).key == KEY


@pytest.mark.parametrize("data", [None, {}, {"LastName": "Doe"}, []])
def test_a_write_that_does_not_name_its_object_is_malformed(data: object) -> None:
    body = orjson.dumps({"Code": 0, "AbEntry": {"Data": data}})
    with pytest.raises(MalformedAnswer, match="does not name"):
        read_written(body, "AbEntry", READER)


def test_a_call_without_a_result_needs_a_code_only() -> None:
    check_body(b'{"Code": 0}')
    with pytest.raises(TokenRejected):
        check_body(b'{"Code": -1, "Msg": ["Token is invalid"]}')
    with pytest.raises(MalformedAnswer):
        check_body(b"")
