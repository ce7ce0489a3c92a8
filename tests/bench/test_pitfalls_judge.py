from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import pytest

from bench.pitfalls.contender import Told
from bench.pitfalls.judge import MARKER, Findings, Truth
from daemon.sandbox.keys import Key
from daemon.sandbox.records import Record, Version, View

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SINCE = 10
KEY = Key(kind="Contact", id="1", number=1)


def record(before: str, after: str) -> Record:
    """A contact with a version for each letter; `-` is its deletion."""
    versions = [
        Version(
            number=number,
            change=change,
            stamp=NOW,
            written_at=NOW,
            fields={MARKER: letter},
            deleted=letter == "-",
        )
        for number, (change, letter) in enumerate(
            [*enumerate(before, start=1), *enumerate(after, start=SINCE + 1)], start=1
        )
    ]
    return Record(
        object_name="AbEntry",
        resource="contacts",
        short_id=1,
        sequence=1,
        key=KEY,
        created_at=NOW,
        versions=versions,
    )


def told(message: str, event_id: str | None = None) -> Told:
    """`cA` is version A told as created, `uA` as updated; `d` is a deletion."""
    kinds = {"c": "created", "u": "updated", "d": "deleted"}
    return Told(
        key=KEY.text(),
        kind=kinds[message[0]],
        record={MARKER: message[1:]} if message[1:] else {},
        event_id=event_id,
    )


def judge(before: str, after: str, messages: Sequence[Told], *, deletes: bool = True) -> Findings:
    truth = Truth(
        records=[record(before, after)],
        view=View(now=NOW, reads=0),
        since=SINCE,
        deletes=deletes,
    )
    return truth.judge(messages)


@pytest.mark.parametrize(
    ("before", "after", "messages"),
    [
        ("A", "", ""),
        ("A", "BC", "uB uC"),
        ("A", "BC", "uC"),
        ("", "AB", "cB"),
        ("A", "BAB", "uB uA uB"),
        ("A", "-", "d"),
        ("A", "-B", "d cB"),
        ("A", "-B", "uB"),
    ],
)
def test_whoever_tells_the_last_version_of_all_in_order_is_without_a_fault(
    before: str, after: str, messages: str
) -> None:
    found = judge(before, after, [told(each) for each in messages.split()])
    assert found.is_clean, found.details


@pytest.mark.parametrize(
    ("before", "after", "messages", "faults"),
    [
        ("A", "B", "", {"lost": 1}),
        ("A", "BC", "uB", {"lost": 1}),
        ("A", "BAB", "uB", {"lost": 1}),
        ("A", "B-", "uB", {"lost": 1}),
        ("A", "B", "uB uB", {"repeated": 1}),
        ("A", "BC", "uC uB", {"disordered": 1}),
        ("A", "B", "d uB", {"false_deletes": 1}),
        ("A", "B", "cB", {"wrong": 1}),
        ("", "A", "uA", {"wrong": 1}),
        ("A", "", "uA", {"wrong": 1}),
        ("A", "B", "uX uB", {"wrong": 1}),
    ],
)
def test_each_fault_is_counted_as_what_it_is(
    before: str, after: str, messages: str, faults: Mapping[str, int]
) -> None:
    found = judge(before, after, [told(each) for each in messages.split()])
    assert {name: count for name, count in found.counts().items() if count} == faults
    assert len(found.details) == sum(faults.values())


def test_a_message_under_the_same_event_id_is_no_other_change() -> None:
    assert judge("A", "B", [told("uB", "1"), told("uB", "1")]).is_clean
    assert judge("A", "B", [told("uB", "1"), told("uB", "2")]).repeated == 1


def test_a_deletion_has_to_be_told_only_where_it_was_asked_for() -> None:
    assert judge("A", "-", [], deletes=False).is_clean
    assert judge("A", "-", [], deletes=True).lost == 1


def test_an_object_that_nobody_knows_is_wrong() -> None:
    stranger = Told(key="?", kind="created", record={})
    assert judge("A", "", [stranger]).counts()["wrong"] == 1
