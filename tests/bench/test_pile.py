from __future__ import annotations

from datetime import datetime, timedelta

import orjson

from bench.pile import STEP, TAIL, Heap, Pile
from bench.shelf import Cut

OBJECTS = 1000


def stamps(cut: Cut) -> list[datetime]:
    return [datetime.fromisoformat(orjson.loads(row)["LastModifyDate"]) for row in cut.rows]


def test_every_record_is_shown_once_in_the_order_of_its_stamp() -> None:
    pile, bound, keys, last = Pile(0, OBJECTS), None, list[str](), list[datetime]()
    more = True
    while more:
        cut = pile.ascending(bound, 0, 101)
        keys += [orjson.loads(row)["Key"] for row in cut.rows[1 if bound else 0 :]]
        last += stamps(cut)[1 if bound else 0 :]
        bound, more = last[-1], cut.more
    assert len(set(keys)) == len(keys) == OBJECTS
    assert last == sorted(last)
    assert last[1] - last[0] == STEP


def test_a_bound_between_two_stamps_begins_with_the_later_one() -> None:
    pile = Pile(0, OBJECTS)
    first, second = stamps(pile.ascending(None, 0, 2))
    assert stamps(pile.ascending(first + timedelta(seconds=1), 0, 1)) == [second]
    assert stamps(pile.ascending(second, 0, 1)) == [second]


def test_the_newest_comes_first() -> None:
    pile = Pile(0, OBJECTS)
    cut = pile.newest(2)
    assert cut.more
    assert stamps(cut) == stamps(pile.ascending(None, OBJECTS - 2, 2))[::-1]


def test_rows_read_again_are_counted_and_those_at_the_end_are_not() -> None:
    pile = Pile(0, OBJECTS)
    for offset in (0, 100, 50, OBJECTS - TAIL):
        pile.ascending(None, offset, 100)
    assert pile.read == Heap(pages=3, furthest=200, again=100)
