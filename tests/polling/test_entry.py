from __future__ import annotations

from collections.abc import Callable

import pytest

from daemon.errors import Fault
from daemon.polling.entry import Entry

NAMES = {"size": "size", "isOpen": "isOpen", "oldSize": "size", "inner": "inner"}


def read(value: object) -> tuple[Entry, list[Fault]]:
    faults: list[Fault] = []
    return Entry(value, path="top", names=NAMES, faults=faults), faults


@pytest.mark.parametrize("value", [3, "3", " 3 ", 3.0, "3.0"])
def test_a_whole_number_is_natural_or_text(value: object) -> None:
    entry, faults = read({"size": value})
    assert entry.integer("size", default=1, least=1, most=9) == 3
    assert not faults


@pytest.mark.parametrize(
    ("value", "expected"),
    [(True, True), ("true", True), ("TRUE", True), ("1", True), (False, False), ("no", False)],
)
def test_a_boolean_is_natural_or_text(value: object, expected: bool) -> None:
    entry, faults = read({"isOpen": value})
    assert entry.boolean("isOpen", default=not expected) is expected
    assert not faults


@pytest.mark.parametrize("given", [{}, {"size": None}, {"size": ""}, {"size": "  "}])
def test_what_is_missing_null_or_empty_gives_the_default(given: dict[str, object]) -> None:
    entry, faults = read(given)
    assert entry.integer("size", default=7, least=1, most=9) == 7
    assert entry.boolean("size", default=True)
    assert entry.text("size", "seven") == "seven"
    assert not faults


@pytest.mark.parametrize(
    ("ask", "value", "words"),
    [
        (
            lambda entry: entry.integer("size", default=1, least=1, most=9),
            10,
            "from 1 to 9, not 10",
        ),
        (lambda entry: entry.integer("size", default=1, least=1, most=9), "0", "from 1 to 9"),
        (lambda entry: entry.integer("size", default=1, least=1, most=9), 1.5, "a whole number"),
        (
            lambda entry: entry.integer("size", default=1, least=1, most=9),
            True,
            "a number, not true",
        ),
        (lambda entry: entry.integer("size", default=1, least=1, most=9), "nan", "a number"),
        (lambda entry: entry.integer("size", default=1, least=1, most=9), 10**400, "a huge number"),
        (
            lambda entry: entry.integer("size", default=1, least=1, most=9),
            [],
            "a number, not a list",
        ),
        (lambda entry: entry.boolean("size", default=True), "maybe", "true or false, not 'maybe'"),
        (lambda entry: entry.boolean("size", default=True), [1], "true or false, not a list"),
        (lambda entry: entry.boolean("size", default=True), 1, "true or false, not 1"),
        (lambda entry: entry.text("size"), 5, "a text"),
        (lambda entry: entry.text("size"), "x" * 10_001, "at most 10000"),
        (lambda entry: entry.names("size"), 5, "a list of texts, not 5"),
        (lambda entry: entry.names("size"), ["a", 5], "a list of texts"),
        (lambda entry: entry.child("size", {}), "x", "an object, not 'x'"),
    ],
)
def test_a_wrong_value_is_a_fault_that_names_it(
    ask: Callable[[Entry], object], value: object, words: str
) -> None:
    entry, faults = read({"size": value})
    ask(entry)
    assert [fault.field for fault in faults] == ["top.size"]
    assert words in faults[0].message


@pytest.mark.parametrize("value", ["b, a,,b ", ["b", "a", " b", ""]])
def test_a_list_of_texts_is_sorted_and_has_each_once(value: object) -> None:
    entry, _ = read({"size": value})
    assert entry.names("size") == ("a", "b")


@pytest.mark.parametrize("spelling", ["size", "SIZE", "oldSize", "oldsize", " size "])
def test_a_field_is_known_in_any_casing_and_by_its_other_names(spelling: str) -> None:
    entry, faults = read({spelling: 3})
    assert "size" in entry
    assert not faults


@pytest.mark.parametrize(
    ("given", "field", "words"),
    [
        ({"siez": 1}, "top.siez", "did you mean 'size'?"),
        ({"xyz": 1}, "top.xyz", "known are size, isOpen, inner"),
        ({"size": 1, "oldSize": 2}, "top.size", "given twice"),
        ({f"f{number}": 1 for number in range(101)}, "top", "more than 100 fields"),
        (None, "top", "must be an object, not null"),
        ("text", "top", "must be an object, not 'text'"),
        ([], "top", "must be an object, not a list"),
    ],
    ids=["typing error", "unknown", "twice", "too many", "null", "text", "list"],
)
def test_a_field_that_does_not_exist_is_a_fault(given: object, field: str, words: str) -> None:
    _, faults = read(given)
    assert [fault.field for fault in faults] == [field]
    assert words in faults[0].message


def test_an_inner_object_reports_under_its_own_path() -> None:
    entry, faults = read({"inner": {"deep": 1}})
    entry.child("inner", {"depth": "depth"})
    assert [str(fault) for fault in faults] == [
        "top.inner.deep: is no known field; did you mean 'depth'?"
    ]


def test_a_blank_field_is_there_but_empty() -> None:
    entry, _ = read({"size": None, "isOpen": " ", "inner": {}})
    assert [entry.is_blank(name) for name in ("size", "isOpen", "inner", "oldSize")] == [
        True,
        True,
        False,
        False,
    ]
