"""PURE: a Read of Octopus as far as the provider of the benchmarks understands it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """`bound` is the least stamp asked for, None for any; `newest` asks in descending order."""

    bound: datetime | None
    newest: bool
    offset: int
    size: int

    @property
    def is_page(self) -> bool:
        """Whether it reads on; what asks for a single row only looks how things stand."""
        return not self.newest and self.size > 1


def parse_question(body: bytes) -> Question | None:
    """What is asked; None if it is anything but entries by their date of modification."""
    section = orjson.loads(body).get("AbEntry")
    if not isinstance(section, dict):
        return None
    order = section["OrderBy"]
    bounds = _bounds(section["Criteria"]["SearchQuery"])
    if bounds is None:
        return None
    return Question(
        bound=max(bounds, default=None),
        newest=order["Fields"][0].get("LastModifyDate") == "DESC",
        offset=0 if order["PageKey"] is None else int(base64.b64decode(order["PageKey"])),
        size=order["PageSize"],
    )


def question_body(offset: int, size: int) -> bytes:
    """The body of a question for all rows from this one on, as the bare pipeline asks it."""
    return orjson.dumps(
        {
            "AbEntry": {
                "Criteria": {"SearchQuery": {}},
                "OrderBy": {
                    "PageKey": page_key(offset),
                    "PageSize": size,
                    "Fields": [{"LastModifyDate": "ASC"}],
                },
            }
        }
    )


def page_key(offset: int) -> str:
    """The key of the page that begins so many rows on."""
    return base64.b64encode(str(offset).encode()).decode()


def _bounds(query: Mapping[str, Any]) -> list[datetime] | None:
    """The lower bounds of the stamps; None for a query with conditions that are not understood."""
    bounds: list[datetime] = []
    for condition in query.get("$AND", [query]):
        match condition:
            case {"LastModifyDate": {"$GE": str(text)}}:
                bounds.append(datetime.fromisoformat(text).replace(tzinfo=UTC))
            case {"Type": {"$EQ": _}}:
                pass
            case {**others} if others:
                return None
    return bounds
