from __future__ import annotations

from typing import Any

import orjson
import pytest

from daemon.connectors.facts import FieldFacts
from daemon.connectors.maximizer.schema import read_schema, schema_body
from daemon.errors import MalformedAnswer, RequestRefused, TokenRejected


def answer(*rows: Any, **more: Any) -> bytes:
    return orjson.dumps({"Code": 0, "Schema": {"Data": list(rows), **more}})


def row(key: str, **abilities: Any) -> dict[str, Any]:
    return {"Key": key, "Name": key.rpartition("/")[2], "Type": "StringField", **abilities}


def test_the_question_is_the_one_of_the_vendors_collection() -> None:
    body = orjson.loads(schema_body("AbEntry"))
    assert body["Schema"]["Criteria"] == {"SearchQuery": {"Key": {"$TREE": "/AbEntry"}}}
    assert set(body["Schema"]["Scope"]["Fields"]) >= {"Key", "Sortable", "Queryable", "Nullable"}
    assert body["Compatibility"]["SchemaObject"] == "1.0"
    assert "OrderBy" not in body["Schema"]
    assert orjson.loads(schema_body("AbEntry", "MTA="))["Schema"]["OrderBy"] == {"PageKey": "MTA="}


def test_rows_become_facts_by_path_below_the_object() -> None:
    page = read_schema(
        answer(
            row("/AbEntry/LastModifyDate", Sortable=True, Queryable=False, Nullable=False),
            row("/AbEntry/Phone1/Number", Assignable=False),
            PageKey="MTA=",
        ),
        "AbEntry",
    )
    assert page.facts == {
        "LastModifyDate": FieldFacts(queryable=False, nullable=False),
        "Phone1/Number": FieldFacts(assignable=False),
    }
    assert list(page.page_keys) == ["MTA="]


def test_names_come_in_any_casing() -> None:
    body = orjson.dumps(
        {"Code": 0, "schema": {"data": [{"key": "/abentry/LastName", "queryable": False}]}}
    )
    assert read_schema(body, "AbEntry").facts == {"LastName": FieldFacts(queryable=False)}


@pytest.mark.parametrize(
    "stray",
    [row("/Lead/LastName"), row("/AbEntry"), {"Key": None}, {}, "text", None, 5],
    ids=str,
)
def test_rows_about_something_else_say_nothing(stray: Any) -> None:
    assert read_schema(answer(stray, row("/AbEntry/A")), "AbEntry").facts == {"A": FieldFacts()}


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"Code": -1, "Msg": ["Token is invalid"]}', TokenRejected),
        (b'{"Code": -1, "Msg": ["The object is not supported"]}', RequestRefused),
        (b'{"Code": 0}', MalformedAnswer),
        (b"<html>", MalformedAnswer),
    ],
)
def test_a_failure_is_never_an_empty_schema(body: bytes, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        read_schema(body, "AbEntry")
