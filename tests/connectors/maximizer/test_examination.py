"""Trying out how a provider pages, against the stand-in with each of its habits."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.connectors.connector import Query
from daemon.connectors.facts import PagingFacts
from daemon.sandbox.clock import Clock
from tests.connectors.maximizer.stage import Stage
from tests.sandbox.clients import Crm


async def facts_of(crm: Crm, maximizer: Stage, clock: Clock, rows: int) -> PagingFacts:
    for number in range(rows):
        clock.advance(1)
        await crm.contact(f"Person {number}")
    query = Query(resource="addressbook-entries", page_size=10)
    return await maximizer.connector.examine_paging(maximizer.account, query)


@pytest.mark.parametrize(
    ("place", "named"),
    [
        ("object", "AbEntry.PageKey"),
        ("order_by", "AbEntry.OrderBy.PageKey"),
        ("next", "AbEntry.NextPageKey"),
        ("root", "PageKey"),
        ("none", None),
    ],
)
async def test_the_place_of_the_next_key_is_named(
    crm: Crm, maximizer: Stage, clock: Clock, place: str, named: str | None
) -> None:
    await crm.switch(page_key=place)
    facts = await facts_of(crm, maximizer, clock, 12)
    assert facts == PagingFacts(asked=10, got=10, cut=False, key_place=named, follows=True)


@pytest.mark.parametrize(
    ("rows", "switches", "expected"),
    [
        (0, {}, {"got": 0, "cut": False, "follows": None}),
        (1, {}, {"got": 1, "cut": False, "follows": None}),
        (2, {}, {"got": 2, "cut": False, "follows": None}),
        (3, {}, {"got": 3, "cut": False, "follows": True}),
        (12, {"max_page_size": 5}, {"got": 5, "cut": True, "follows": True}),
        (12, {"max_page_size": 5, "page_key": "none"}, {"got": 5, "cut": True, "follows": True}),
    ],
    ids=["empty", "one row", "two rows", "three rows", "cut", "cut without keys"],
)
async def test_short_and_cut_pages_are_told_apart(
    *,
    crm: Crm,
    maximizer: Stage,
    clock: Clock,
    rows: int,
    switches: dict[str, Any],
    expected: dict[str, Any],
) -> None:
    await crm.switch(**switches)
    facts = await facts_of(crm, maximizer, clock, rows)
    assert {name: getattr(facts, name) for name in expected} == expected


async def test_a_next_page_that_repeats_the_first_does_not_follow(
    crm: Crm, maximizer: Stage, clock: Clock
) -> None:
    await crm.switch(unordered={"among": "all", "seed": 4})
    facts = await facts_of(crm, maximizer, clock, 3)
    assert facts.follows is False
