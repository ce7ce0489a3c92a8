from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from daemon.polling.identities import Identities

NAMES = st.lists(st.text(max_size=8), max_size=40)


@given(st.lists(NAMES, max_size=8))
def test_it_holds_exactly_what_was_put_into_it(pages: list[list[str]]) -> None:
    seen, expected = Identities(), set[str]()
    for page in pages:
        assert all((name in seen) == (name in expected) for name in page)
        seen = seen.with_more(page)
        expected.update(page)
    assert all(name in seen for name in expected)
    assert len(seen) == len(expected)


def test_putting_more_into_it_leaves_the_set_before_as_it_was() -> None:
    before = Identities().with_more(["a"])
    after = before.with_more(["b"])
    assert ("b" in before, "b" in after, "a" in after) == (False, True, True)


def test_half_a_surrogate_pair_is_an_identity_like_any_other() -> None:
    assert "\ud800" in Identities().with_more(["\ud800"])


def test_a_hundred_thousand_identities_need_about_a_megabyte() -> None:
    seen = Identities()
    for start in range(0, 100_000, 1000):
        seen = seen.with_more(f"name {number}" for number in range(start, start + 1000))
    assert len(seen) == 100_000
    assert sum(bucket.__sizeof__() for bucket in seen._buckets.values()) < 1_500_000
