from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.connectors.maximizer.page_sizes import SUCCESSES_TO_GROW, PageSizes
from daemon.connectors.maximizer.paging import computed_key, offset_of, page_key, told_key
from daemon.errors import MalformedAnswer


def test_page_keys_are_the_vendors_own() -> None:
    assert (page_key(10), page_key(3)) == ("MTA=", "Mw==")


@given(st.integers(0, 10**12))
def test_a_page_key_says_its_offset(offset: int) -> None:
    assert offset_of(page_key(offset)) == offset


@pytest.mark.parametrize(
    "key", ["", "opaque", "LTU=", "YWJj", "4pmg", "!!", "OTk5OTk5OTk5OTk5OTk5OTk5"]
)
def test_a_key_of_another_kind_says_no_offset(key: str) -> None:
    assert offset_of(key) is None
    assert computed_key(key, 10) is None


def test_the_key_behind_a_page_is_its_offset_and_its_rows() -> None:
    assert computed_key(None, 10) == page_key(10)
    assert computed_key(page_key(10), 7) == page_key(17)


@pytest.mark.parametrize(
    ("asked", "told", "expected"),
    [
        (None, [], None),
        (None, [page_key(10)], page_key(10)),
        (page_key(10), [page_key(20)], page_key(20)),
        (page_key(10), [page_key(10), page_key(20)], page_key(20)),
        ("opaque-1", ["opaque-2"], "opaque-2"),
        (None, ["opaque"], "opaque"),
        (page_key(10), ["opaque"], "opaque"),
    ],
)
def test_the_key_told_is_followed(asked: str | None, told: list[str], expected: str | None) -> None:
    assert told_key(asked, told) == expected


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (page_key(10), [page_key(10)]),
        (page_key(10), [page_key(5)]),
        (None, [page_key(0)]),
        ("opaque", ["opaque"]),
    ],
)
def test_a_key_that_leads_back_is_a_fault_and_no_loop(asked: str | None, told: list[str]) -> None:
    with pytest.raises(MalformedAnswer):
        told_key(asked, told)


def test_a_page_too_large_is_halved_down_to_one_row() -> None:
    sizes, seen, size = PageSizes(), [], 100
    while (smaller := sizes.too_slow("a", size)) is not None:
        seen.append(smaller)
        size = smaller
    assert seen == [50, 25, 12, 6, 3, 1]
    assert (sizes.size("a", 100), sizes.size("b", 100)) == (1, 100)


def test_larger_pages_are_tried_again_after_a_while() -> None:
    sizes = PageSizes()
    sizes.too_slow("a", 100)
    for _ in range(SUCCESSES_TO_GROW - 1):
        sizes.succeeded("a", 5, tells_keys=False)
    assert sizes.size("a", 100) == 50
    sizes.succeeded("a", 5, tells_keys=False)
    assert sizes.size("a", 100) == 100
    assert sizes.size("a", 1000) == 100


def test_a_limit_is_forgotten_when_it_has_grown_beyond_every_page() -> None:
    sizes = PageSizes()
    sizes.too_slow("a", 2)
    for _ in range(SUCCESSES_TO_GROW * 12):
        sizes.succeeded("a", 1, tells_keys=False)
    assert sizes.size("a", 5000) == 5000


def test_only_a_page_as_long_as_the_longest_seen_may_have_been_cut() -> None:
    sizes = PageSizes()
    assert sizes.may_be_capped("a", 20)
    sizes.succeeded("a", 20, tells_keys=False)
    assert sizes.may_be_capped("a", 20)
    assert not sizes.may_be_capped("a", 19)


def test_short_pages_are_believed_where_the_provider_tells_keys() -> None:
    sizes = PageSizes()
    assert not sizes.may_be_capped("a", 0)
    sizes.succeeded("a", 20, tells_keys=True)
    assert not sizes.may_be_capped("a", 50)


def test_the_same_few_rows_are_looked_behind_once_and_many_each_time() -> None:
    sizes = PageSizes()
    for rows, again in ((3, False), (4, False), (20, True)):
        assert sizes.may_be_capped("a", rows)
        sizes.succeeded("a", rows, tells_keys=False)
        sizes.ended("a", rows)
        assert sizes.may_be_capped("a", rows) is again


def test_a_cap_that_was_found_out_is_kept_to() -> None:
    sizes = PageSizes()
    sizes.capped("a", 20)
    assert (sizes.size("a", 100), sizes.size("a", 10)) == (20, 10)
