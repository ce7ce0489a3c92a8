from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.connectors.maximizer.parsing import (
    UNCARRIED,
    clean,
    is_distorted,
    parse_fast,
    parse_patiently,
)
from daemon.errors import MalformedAnswer

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": "\\ud800"}',
        b'{"a": "x\\u0000y"}',
        b'{"a": "x\xffy"}',
        b'{"a": 1e999}',
        b'\xef\xbb\xbf{"a": null}',
        b'{"a": "line\nbreak"}',
    ],
)
def test_what_the_fast_library_refuses_is_read_patiently(body: bytes) -> None:
    assert parse_fast(body) is None
    assert "a" in parse_patiently(body)


@pytest.mark.parametrize(
    ("body", "cleaned"),
    [
        (b'{"a": NaN, "b": 1}', {"b": 1}),
        (b'{"a": -Infinity, "b": 1}', {"b": 1}),
        (b'{"a": 123456789012345678901234567890, "b": 1}', {"b": 1}),
        (b'{"a": 18446744073709551616, "b": 18446744073709551615}', {"b": 18446744073709551615}),
        (b'{"a": -9223372036854775809, "b": -9223372036854775808}', {"b": -9223372036854775808}),
        (b'{"a": "\\ud83d", "b": "\\ud83d\\ude00"}', {"b": "\U0001f600"}),
        (b'{"a": "\\u0000", "b": "\\u0001"}', {"b": "\x01"}),
        (b'{"a": "\xff", "b": "\xc3\xa9"}', {"b": "é"}),
        (b'{"\\u0000": 1, "b": {"c": NaN, "d": [1, NaN, 2]}}', {"b": {"d": [1, 2]}}),
        (b'{"a": 1' + b"0" * 5000 + b', "b": 1}', {"b": 1}),
        (b'{"a": 1e30}', {"a": 1e30}),
    ],
    ids=str,
)
def test_values_that_cannot_be_carried_are_left_out_and_the_others_stay(
    body: bytes, cleaned: Any
) -> None:
    assert clean(parse_patiently(body)) == cleaned


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b'{"Code": 0, "AbEntry": {"Data": [{"Key": "Q2',
        b"<html></html>",
        b"[" * 100_000,
    ],
    ids=lambda body: str(body[:20]),
)
def test_what_is_no_json_is_a_malformed_answer(body: bytes) -> None:
    assert parse_fast(body) is None
    with pytest.raises(MalformedAnswer, match="cut short"):
        parse_patiently(body)


def test_a_nul_spelled_out_is_no_nul_but_is_read_patiently_all_the_same() -> None:
    body = orjson.dumps({"a": "\\u0000"})
    assert parse_fast(body) is None
    assert clean(parse_patiently(body)) == {"a": "\\u0000"}


@pytest.mark.parametrize(
    ("text", "distorted"),
    [
        ("18446744073709551616", True),
        ("-99999999999999999999", True),
        ("-9223372036854775809", True),
        ("1.5", False),
        ("1e5", False),
    ],
)
def test_a_float_that_may_have_been_a_larger_integer_is_suspicious(
    text: str, distorted: bool
) -> None:
    number = orjson.loads(text)
    assert isinstance(number, float)
    assert is_distorted(number) is distorted


@given(JSON)
def test_whatever_json_comes_is_made_fit_for_postgresql_and_for_every_library(value: Any) -> None:
    cleaned = clean(parse_patiently(json.dumps(value).encode()))
    if cleaned is not UNCARRIED:
        assert b"\\u0000" not in orjson.dumps(cleaned).replace(b"\\\\", b"")


@given(JSON)
def test_what_was_parsed_fast_without_suspicion_needs_no_cleaning(value: Any) -> None:
    content = parse_fast(json.dumps(value).encode())
    if content is not None:
        assert clean(content) == content


@given(st.binary())
def test_any_bytes_are_json_or_a_malformed_answer(body: bytes) -> None:
    try:
        parse_patiently(body)
    except MalformedAnswer:
        assert parse_fast(body) is None
