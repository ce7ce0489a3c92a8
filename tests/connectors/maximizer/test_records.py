from __future__ import annotations

import copy
from typing import Any

import pytest

from daemon.connectors.maximizer.parsing import parse_patiently
from daemon.connectors.maximizer.records import DistortedError, RecordReader
from daemon.connectors.maximizer.resources import RESOURCES

KEY = "Q29tcGFueQlERU1PXzRDCTA="
OTHER_FORM = "QWJFbnRyeQlERU1PXzRDCTA="
READER = RecordReader(RESOURCES["contacts"].scope)
ROW: dict[str, Any] = {
    "Key": KEY,
    "ParentKey": KEY,
    "LastName": "Doe",
    "FirstName": None,
    "FullName": "Doe, the one",
    "LastModifyDate": "2026-06-01T12:00:00Z",
    "ModifiedBy": "somebody",
    "Address": {"City": "Vancouver", "ZipCode": None, "DisplayValue": "Vancouver"},
}


def test_a_record_is_told_as_it_came() -> None:
    row = copy.deepcopy(ROW)
    (record,) = READER.read([row])
    assert record.raw == ROW
    assert (record.identity, record.key, record.poison) == ("DEMO_4C\t0", KEY, None)


def test_a_record_is_compared_without_nulls_and_without_what_is_only_for_display() -> None:
    (record,) = READER.read([ROW])
    assert record.content == {
        "Key": "DEMO_4C\t0",
        "ParentKey": "DEMO_4C\t0",
        "LastName": "Doe",
        "Address": {"City": "Vancouver"},
    }


def test_another_form_of_its_keys_and_another_stamp_make_no_other_content() -> None:
    changed = {
        **ROW,
        "Key": {"Value": OTHER_FORM, "ID": "DEMO_4C", "Number": 0},
        "ParentKey": OTHER_FORM,
        "FullName": "The One, Doe",
        "LastModifyDate": "2026-06-01T05:00:00Z",
    }
    del changed["FirstName"]
    (before,), (after,) = READER.read([ROW]), READER.read([changed])
    assert before.content == after.content
    assert before.identity == after.identity


def test_another_value_makes_another_content() -> None:
    for changed in ({**ROW, "LastName": "Roe"}, {**ROW, "Address": {"City": "Victoria"}}):
        assert READER.read([changed])[0].content != READER.read([ROW])[0].content


def test_names_come_back_as_they_were_asked_for() -> None:
    (record,) = READER.read([{"key": KEY, "LASTNAME": "Doe", "extra": 1}])
    assert record.raw == {"Key": KEY, "LastName": "Doe", "extra": 1}
    assert record.identity == "DEMO_4C\t0"


@pytest.mark.parametrize("row", [{}, {"Key": None}, {"Key": ""}, {"Key": 5}, {"LastName": "Doe"}])
def test_a_row_without_an_id_is_a_record_without_identity(row: dict[str, Any]) -> None:
    (record,) = READER.read([row])
    assert (record.identity, record.key) == (None, None)
    assert record.poison == "has no usable id"


@pytest.mark.parametrize("row", [None, "text", 5, ["list"]])
def test_a_row_that_is_no_object_is_isolated(row: object) -> None:
    for records in (READER.read([row, ROW]), READER.read_patiently([row, ROW])):
        assert [record.identity for record in records] == [None, "DEMO_4C\t0"]
        assert records[0].poison == "is not an object"


def test_a_number_that_may_be_distorted_sends_the_page_to_the_patient_reader() -> None:
    for row in ({"Key": KEY, "Cost": 1e30}, {"Key": KEY, "Address": {"City": [1e30]}}):
        with pytest.raises(DistortedError):
            READER.read([row])
        assert READER.read_patiently([row])[0].poison is None


def test_a_record_is_told_without_what_cannot_be_carried_and_says_what_it_was() -> None:
    rows = parse_patiently(
        b'[{"Key": "%s", "LastName": "\\ud800", "Cost": NaN, "Address": {"City": "\\u0000"}}]'
        % KEY.encode()
    )
    (record,) = READER.read_patiently(rows)
    assert record.raw == {"Key": KEY, "Address": {}}
    assert record.poison == "has values that cannot be carried: LastName, Cost, Address"
    assert record.identity == "DEMO_4C\t0"


def test_a_key_that_cannot_be_carried_is_no_key() -> None:
    (record,) = READER.read_patiently([{"Key": "a\x00b", "LastName": "Doe"}])
    assert record.identity is None
    assert record.poison is not None
    assert "Key" in record.poison


@pytest.mark.parametrize(
    ("id_field", "row", "identity"),
    [
        ("WebSite", {"WebSite": "x.example"}, "x.example"),
        ("website", {"WebSite": "x.example"}, "x.example"),
        ("Number", {"Number": 17}, "17"),
        ("Email1.Address", {"Email1": {"Address": "a@x"}}, "a@x"),
        ("Email1/Address", {"Email1": {"address": "a@x"}}, "a@x"),
        ("Email1.Address", {"Email1/Address": "a@x"}, "a@x"),
        ("Email1.Address", {"Email1": "a@x"}, None),
        ("WebSite", {"WebSite": True}, None),
        ("WebSite", {"WebSite": ""}, None),
        ("WebSite", {"WebSite": None}, None),
        ("key", {"Key": KEY}, "DEMO_4C\t0"),
    ],
)
def test_another_field_can_be_the_id(
    id_field: str, row: dict[str, Any], identity: str | None
) -> None:
    reader = RecordReader(["Key", "WebSite", "Number", "Email1", "Email1/Address"], id_field)
    assert reader.read([row])[0].identity == identity
