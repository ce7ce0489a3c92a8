from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from bench.question import Question, page_key, parse_question, question_body
from daemon.connectors import ceql
from daemon.connectors.connector import Order, Query
from daemon.connectors.maximizer.criteria import search_query
from daemon.connectors.maximizer.questions import read_body, scope
from daemon.connectors.maximizer.resources import RESOURCES

CONTACTS = RESOURCES["contacts"]
BOUND = datetime(2026, 11, 24, 5, 6, 7, tzinfo=UTC)


def asked(query: Query) -> bytes:
    search = search_query(CONTACTS, query.where)
    return read_body(CONTACTS, query, search, scope(CONTACTS, query), 101)


def test_the_products_own_question_for_a_page_is_understood() -> None:
    where = ceql.Comparison(
        field="LastModifyDate", operator=ceql.Operator.GREATER_OR_EQUAL, value=BOUND
    )
    body = asked(Query(resource="contacts", where=where, page_key=page_key(202)))
    assert parse_question(body) == Question(bound=BOUND, newest=False, offset=202, size=101)


def test_the_products_own_question_for_the_newest_row_is_understood() -> None:
    order = (Order(name="LastModifyDate", descending=True), Order(name="Key"))
    body = asked(Query(resource="contacts", order=order))
    assert parse_question(body) == Question(bound=None, newest=True, offset=0, size=101)


def test_the_bare_pipelines_question_is_understood() -> None:
    found = parse_question(question_body(300, 100))
    assert found == Question(bound=None, newest=False, offset=300, size=100)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param({"Schema": {}}, id="another object"),
        pytest.param(
            {
                "AbEntry": {
                    "Criteria": {"SearchQuery": {"LastName": {"$EQ": "Byron"}}},
                    "OrderBy": {"PageKey": None, "PageSize": 1, "Fields": [{}]},
                }
            },
            id="another condition",
        ),
    ],
)
def test_a_question_that_would_be_answered_wrongly_is_not_understood(
    content: Mapping[str, Any],
) -> None:
    assert parse_question(orjson.dumps(content)) is None
