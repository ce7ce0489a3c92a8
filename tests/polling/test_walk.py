from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.polling.walk import PASSES_IN_VAIN, Passes, Step, Walk
from daemon.polling.window import ANY_ZONE, Row

SECOND = timedelta(seconds=1)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
FAR = datetime(2099, 1, 1, tzinfo=UTC)
MOST_PAGES = 500


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def rows(*seconds: float | None, start: int = 0) -> list[Row]:
    return [
        Row(identity=f"o{number}", stamp=None if second is None else at(second))
        for number, second in enumerate(seconds, start)
    ]


def walk(lower: datetime | None = NOON, cap: datetime | None = None) -> Walk:
    return Walk.start(lower, cap, SECOND, NOON + ANY_ZONE)


@dataclass(slots=True)
class Shelf:
    """A provider whose rows stand still, or leave while they are read."""

    rows: list[Row]
    page_size: int
    null_stamps_first: bool = True

    def page(
        self, bound: datetime | None, page_key: str | None
    ) -> tuple[list[Row], str | None, bool]:
        def order(row: Row) -> tuple[bool, datetime, str]:
            undated = row.stamp is None
            return (undated != self.null_stamps_first, row.stamp or NOON, row.identity or "")

        shown = sorted(
            (row for row in self.rows if bound is None or (row.stamp and row.stamp >= bound)),
            key=order,
        )
        start = int(page_key or 0)
        end = start + self.page_size
        complete = len(shown) < end
        return shown[start:end], None if complete else str(end), complete


def read(
    shelf: Shelf, steps: Walk | Passes, leaving: list[set[str]] | None = None
) -> tuple[set[str | None], Walk | Passes]:
    """Everything a walk reads; after each page some of the rows leave."""
    seen: set[str | None] = set()
    for _ in range(MOST_PAGES):
        page, next_key, complete = shelf.page(steps.bound, steps.page_key)
        seen.update(row.identity for row in page)
        steps = steps.advance(page, next_key=next_key, complete=complete)
        if steps.step is not Step.ASK:
            return seen, steps
        if leaving:
            gone = leaving.pop()
            shelf.rows = [row for row in shelf.rows if row.identity not in gone]
    raise AssertionError("the walk never ends")


SHELVES = st.builds(
    Shelf,
    rows=st.lists(st.integers(0, 6), max_size=30).map(lambda stamps: rows(*stamps)),
    page_size=st.integers(1, 6),
)


@given(SHELVES, st.none() | st.integers(0, 6))
def test_a_walk_reads_every_row_from_its_bound_on(shelf: Shelf, lower: int | None) -> None:
    bound = None if lower is None else at(lower)
    seen, end = read(shelf, walk(bound))
    assert end.step is Step.FINISHED
    assert seen == {
        row.identity for row in shelf.rows if bound is None or (row.stamp and row.stamp >= bound)
    }


OUTINGS = st.lists(st.integers(0, 29).map(lambda number: f"o{number}"), max_size=6).map(set)


@settings(max_examples=300)
@given(SHELVES, st.lists(st.tuples(st.integers(0, 8), OUTINGS), max_size=PASSES_IN_VAIN))
def test_a_walk_reads_every_row_that_stays_while_others_leave(
    shelf: Shelf, moments: list[tuple[int, set[str]]]
) -> None:
    leaving = [
        set[str](),
        *(outing for quiet, some in moments for outing in (some, *[set[str]()] * quiet)),
    ]
    staying = {row.identity for row in shelf.rows}.difference(*leaving)
    seen, end = read(shelf, walk(), leaving=leaving)
    assert end.step is Step.FINISHED
    assert staying <= seen


@given(SHELVES, st.integers(0, 6))
def test_a_walk_ends_once_a_page_has_passed_the_cap_and_has_read_all_below_it(
    shelf: Shelf, cap: int
) -> None:
    seen, end = read(shelf, walk(cap=at(cap)))
    assert end.step is Step.FINISHED
    assert {row.identity for row in shelf.rows if row.stamp and row.stamp <= at(cap)} <= seen


@given(SHELVES, st.integers(1, 20))
def test_a_walk_that_goes_on_from_its_resume_point_reads_the_rest(shelf: Shelf, pages: int) -> None:
    seen: set[str | None] = set()
    steps = walk()
    for _ in range(pages):
        page, next_key, complete = shelf.page(steps.bound, steps.page_key)
        seen.update(row.identity for row in page)
        steps = steps.advance(page, next_key=next_key, complete=complete)
        if steps.step is not Step.ASK:
            break
    rest, _ = read(shelf, Walk.resumed(steps.resume, SECOND, NOON))
    assert seen | rest == {row.identity for row in shelf.rows}


def test_equal_stamps_that_fill_more_than_a_page_are_read_by_page_key_until_nobody_is_new() -> None:
    shelf = Shelf(rows=rows(0, *[5] * 20, 9), page_size=4)
    seen, _ = read(shelf, walk())
    assert len(seen) == 22


@pytest.mark.parametrize("first", [True, False], ids=["nulls first", "nulls last"])
def test_rows_without_a_stamp_are_walked_over(first: bool) -> None:
    shelf = Shelf(rows=rows(*[None] * 9, 1, 2), page_size=3, null_stamps_first=first)
    seen, end = read(shelf, walk(None))
    assert end.step is Step.FINISHED
    assert {"o9", "o10"} <= seen


def test_a_row_that_leaves_a_group_of_equal_stamps_hides_no_other() -> None:
    shelf = Shelf(rows=rows(*[5] * 12), page_size=4)
    everybody = {row.identity for row in shelf.rows}
    first, *_ = (row.identity for row in shelf.page(None, None)[0])
    assert first is not None
    seen, _ = read(shelf, walk(), leaving=[{first}, set()])
    assert seen == everybody


def leaving_after(outings: Mapping[int, Iterable[int]]) -> list[set[str]]:
    """Who leaves after which page, the first page being number one."""
    last = max(outings)
    return [{f"o{number}" for number in outings.get(page, ())} for page in range(last, 0, -1)]


def test_rows_that_leave_a_group_hide_none_behind_it() -> None:
    shelf = Shelf(rows=rows(*[5] * 12, *range(6, 26)), page_size=4)
    seen, _ = read(shelf, walk(), leaving=leaving_after({8: range(8)}))
    assert {f"o{number}" for number in range(32)} == seen


def test_rows_without_a_stamp_that_leave_hide_none_that_have_one() -> None:
    shelf = Shelf(rows=rows(*[None] * 6, *range(1, 13)), page_size=3)
    seen, _ = read(shelf, walk(None), leaving=leaving_after({5: range(6)}))
    assert {f"o{number}" for number in range(18)} == seen


def test_a_row_hidden_in_two_passes_by_others_that_leave_is_read_in_the_third() -> None:
    shelf = Shelf(rows=rows(*[5] * 12, 6), page_size=4)
    seen, _ = read(shelf, walk(), leaving=leaving_after({3: [0], 5: range(1, 5)}))
    assert {f"o{number}" for number in range(13)} == seen


def test_a_group_that_somebody_leaves_all_the_time_comes_to_an_end() -> None:
    shelf = Shelf(rows=rows(*[5] * 200, 6), page_size=10)
    seen, end = read(shelf, walk(), leaving=[{f"o{number}"} for number in range(200)])
    assert (end.step, "o200" in seen) == (Step.FINISHED, True)


def test_a_group_on_whose_pages_other_old_versions_turn_up_each_time_comes_to_an_end() -> None:
    steps = Walk.start(at(5), None, SECOND, NOON + ANY_ZONE)
    passes = 0
    while steps.bound == at(5):
        key = steps.page_key
        old = [Row(identity="o1", stamp=at(passes / 1000))]
        page = [*old, *rows(5, 5)] if key is None else [*rows(5, start=2), *rows(6, start=3)]
        steps = steps.advance(page, next_key="2", complete=False)
        passes += key is not None
        assert passes <= 1 + PASSES_IN_VAIN


def test_stamps_in_the_far_future_are_read_although_the_cap_is_passed() -> None:
    shelf = Shelf(rows=[*rows(1, 2, 3, 4, 5), Row(identity="far", stamp=FAR)], page_size=2)
    seen, _ = read(shelf, walk(cap=at(2)))
    assert "far" in seen
    assert "o4" not in seen


def test_rows_that_come_out_of_order_stop_the_walk() -> None:
    assert walk().advance(rows(2, 1), next_key=None, complete=True).step is Step.DISORDERED


def test_a_page_of_unusable_stamps_at_the_end_ends_the_walk() -> None:
    end = walk().advance(rows(None), next_key=None, complete=True)
    assert (end.step, end.bound) == (Step.FINISHED, None)


@pytest.mark.parametrize("granularity", [SECOND, timedelta(minutes=1), timedelta(days=1)])
def test_a_page_is_asked_anew_from_what_its_last_stamp_can_be_said_to_be(
    granularity: timedelta,
) -> None:
    steps = Walk.start(None, None, granularity, NOON)
    after = steps.advance(rows(1, 90_000.7), next_key="2", complete=False)
    assert isinstance(after, Walk)
    assert after.bound is not None
    assert at(90_000.7) - granularity < after.bound <= at(90_000.7)


@settings(max_examples=30)
@given(SHELVES)
def test_passes_end_when_two_in_a_row_read_the_same(shelf: Shelf) -> None:
    seen, end = read(shelf, Passes(lower=None, cap=None))
    assert end.step is Step.FINISHED
    assert seen == {row.identity for row in shelf.rows}


def test_passes_go_on_while_a_version_changes_in_between() -> None:
    steps = Passes(lower=None, cap=None)
    for stamp in (1, 2):
        steps = steps.advance(rows(stamp), next_key=None, complete=True)
        assert steps.step is Step.ASK
    assert steps.advance(rows(2), next_key=None, complete=True).step is Step.FINISHED


def test_passes_end_although_something_changes_all_the_time() -> None:
    steps = Passes(lower=NOON, cap=at(9))
    for turn in range(MOST_PAGES):
        page = [*rows(1, 2, 3), Row(identity="busy", stamp=at(10 + turn))]
        steps = steps.advance(page, next_key=None, complete=True)
        if steps.step is Step.FINISHED:
            break
    assert turn == PASSES_IN_VAIN


def test_passes_over_a_row_that_is_listed_twice_come_to_an_end() -> None:
    steps = Passes(lower=None, cap=None)
    page = [*rows(1), *rows(1)]
    steps = steps.advance(page, next_key=None, complete=True)
    assert steps.advance(page, next_key=None, complete=True).step is Step.FINISHED
    assert steps.advance(rows(1), next_key=None, complete=True).step is Step.ASK


def test_a_disordered_walk_has_no_point_to_go_on_from() -> None:
    assert Passes(lower=NOON, cap=None).resume is None
