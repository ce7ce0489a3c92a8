from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from daemon.connectors.connector import Record
from daemon.connectors.facts import PagingFacts
from daemon.doctor_findings import (
    Finding,
    Mark,
    of_budget,
    of_dates,
    of_ignored,
    of_order,
    of_paging,
    of_probe,
)
from daemon.polling.javadate import compile_format
from daemon.polling.resource import RecordDate
from daemon.polling.verdict import Probe, ProbeKind, Verdict

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DATE = RecordDate(
    field="LastModifyDate", format=compile_format("yyyy-MM-dd'T'HH:mm:ssXXX"), zone=UTC
)


def records(*values: Any) -> list[Record]:
    return [Record(identity="1", key="1", raw={"LastModifyDate": v}, content={}) for v in values]


@pytest.mark.parametrize(
    ("fields", "noted"),
    [
        ((), []),
        (("LastModifyDate",), []),
        (("LastModifyDate", "lastmodifydate", "Adress"), ["names lastmodifydate, Adress, which"]),
    ],
    ids=["none", "there", "not there"],
)
def test_fields_to_ignore_that_no_record_has_are_noted(
    fields: tuple[str, ...], noted: list[str]
) -> None:
    found = list(of_ignored("contacts", fields, records("2026-06-01T12:00:00Z")))
    assert [finding.mark for finding in found] == [Mark.NOTE] * len(noted)
    assert all(words in str(finding) for words, finding in zip(noted, found, strict=True))
    assert list(of_ignored("contacts", fields, [])) == []


@pytest.mark.parametrize(
    ("values", "mark", "words"),
    [
        ([], Mark.NOTE, "no record"),
        (["2026-06-01T05:00:00-07:00"], Mark.FINE, "is 2026-06-01 12:00:00 UTC"),
        (["2026-06-01T12:00:00Z", None, ""], Mark.NOTE, "2 of 3 records have none"),
        ([None, None], Mark.WRONG, "None of the newest 2 records has a LastModifyDate"),
        (["2026-06-01T12:00:00Z", "01.06.2026"], Mark.WRONG, "'01.06.2026' is no date"),
        ([5], Mark.WRONG, "a JSON number is no date"),
    ],
    ids=["empty", "all readable", "some without", "all without", "another format", "a number"],
)
def test_dates_of_real_records_are_read_as_they_are_configured(
    values: list[Any], mark: Mark, words: str
) -> None:
    finding = of_dates("contacts", DATE, records(*values), values, NOW)
    assert finding.mark is mark
    assert words in str(finding)


@pytest.mark.parametrize(
    ("kind", "verdict", "hours", "mark"),
    [
        (ProbeKind.LITERAL, Verdict.PROVED, 0, Mark.FINE),
        (ProbeKind.LITERAL, Verdict.UNKNOWN, 0, Mark.NOTE),
        (ProbeKind.LITERAL, Verdict.SHIFTED, 7, Mark.WRONG),
        (ProbeKind.LITERAL, Verdict.SHIFTED, -7, Mark.NOTE),
        (ProbeKind.STAMPS, Verdict.SHIFTED, -7, Mark.NOTE),
        (ProbeKind.CLOCK, Verdict.SHIFTED, -1, Mark.WRONG),
        (ProbeKind.CLOCK, Verdict.SHIFTED, 1, Mark.WRONG),
        (ProbeKind.CLOCK, Verdict.PROVED, 0, Mark.FINE),
    ],
    ids=str,
)
def test_only_what_costs_changes_or_calls_is_wrong(
    kind: ProbeKind, verdict: Verdict, hours: int, mark: Mark
) -> None:
    shift = timedelta(hours=hours)
    probe = Probe(kind=kind, verdict=verdict, detail="So it is.", at=NOW, shift=shift)
    assert of_probe("contacts", probe) == Finding(mark=mark, about="contacts", sentence="So it is.")


@pytest.mark.parametrize(
    ("facts", "marks", "words"),
    [
        ({}, [Mark.FINE, Mark.FINE], "its key stood at AbEntry.PageKey"),
        ({"key_place": None}, [Mark.FINE, Mark.FINE], "its key had to be computed"),
        ({"got": 50, "cut": True}, [Mark.NOTE, Mark.FINE], "cut to 50 rows"),
        ({"got": 101}, [Mark.WRONG, Mark.FINE], "101 rows came for a page of 100"),
        ({"follows": False}, [Mark.FINE, Mark.WRONG], "does not follow"),
        ({"follows": None}, [Mark.FINE, Mark.NOTE], "too few records"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_pages_are_told_in_words(facts: dict[str, Any], marks: list[Mark], words: str) -> None:
    usual = {"asked": 100, "got": 100, "cut": False, "key_place": "AbEntry.PageKey"}
    told = list(of_paging("contacts", PagingFacts(**{**usual, "follows": True, **facts})))
    assert [finding.mark for finding in told] == marks
    assert words in " ".join(finding.sentence for finding in told)


@pytest.mark.parametrize(
    ("minutes", "mark", "words"),
    [
        ([], Mark.FINE, "in the order"),
        ([1, 2, 2, 3], Mark.FINE, "in the order"),
        ([1, 3, 2, 4, 1], Mark.NOTE, "2 of 5 records"),
    ],
    ids=str,
)
def test_records_out_of_their_turn_are_counted(minutes: list[int], mark: Mark, words: str) -> None:
    finding = of_order("contacts", [NOW + timedelta(minutes=each) for each in minutes])
    assert finding.mark is mark
    assert words in finding.sentence


@pytest.mark.parametrize(
    ("wanted", "mark", "words"),
    [
        ({"polls": 32.2, "sweeps": 0}, Mark.FINE, "About 32 calls an hour are wanted (polls 32)"),
        ({"polls": 6000, "sweeps": 500}, Mark.NOTE, "polls 6000, sweeps 500"),
        ({"polls": 14_400}, Mark.WRONG, "Polls will be late."),
        ({}, Mark.FINE, "(none)"),
    ],
    ids=str,
)
def test_the_forecast_names_what_the_calls_are_for(
    wanted: dict[str, float], mark: Mark, words: str
) -> None:
    finding = of_budget(wanted, 10_800)
    assert finding.mark is mark
    assert words in finding.sentence
    assert "10800" in finding.sentence


def test_a_finding_is_one_line_with_its_mark() -> None:
    finding = Finding(mark=Mark.WRONG, about="contacts", sentence="So it is.")
    assert str(finding) == "WRONG contacts: So it is."
    assert str(Finding(mark=Mark.FINE, sentence="Fine.")) == "ok    Fine."
