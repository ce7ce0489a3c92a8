from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.polling.lateness import BOUNDS, Lateness

SECONDS = st.lists(st.floats(0, 10**8), max_size=50)


@given(SECONDS, SECONDS)
def test_counts_survive_the_way_through_the_database(seen: list[float], late: list[float]) -> None:
    lateness = Lateness().observed(seen, late)
    assert Lateness.from_json(lateness.as_json()) == lateness
    assert lateness.count == len(seen)


@given(SECONDS.filter(bool), st.floats(0.01, 1))
def test_a_quantile_is_not_below_the_true_one_by_more_than_its_bucket(
    seen: list[float], share: float
) -> None:
    found = Lateness().observed(seen, ()).seen_within(share)
    assert found is not None
    ordered = sorted(seen)
    within = [second for second in ordered if second <= found]
    assert len(within) >= share * len(seen) - 1e-9 or found == BOUNDS[-1]


def test_nothing_counted_says_nothing() -> None:
    empty = Lateness()
    assert (empty.seen_within(0.5), empty.latest_arrival, empty.count) == (None, None, 0)


@pytest.mark.parametrize("stored", [{}, {"seen": [1, 2]}, {"seen": "much", "late": None}])
def test_what_another_version_stored_counts_as_nothing(stored: dict[str, object]) -> None:
    assert Lateness.from_json(stored) == Lateness()


def test_half_of_the_versions_and_nearly_all_are_told_apart() -> None:
    lateness = Lateness().observed([1.0] * 98 + [3000.0] * 2, ())
    assert (lateness.seen_within(0.5), lateness.seen_within(0.99)) == (1.0, 4096.0)


@pytest.mark.parametrize(
    ("late", "overlap", "advice"),
    [
        ([], 120, "No late arrival among 3 changes; 120 s is enough."),
        (
            [20.0],
            120,
            "1 of 3 changes showed up to 32 s late; the overlap of 120 s covers that twice.",
        ),
        (
            [20.0, 100.0],
            120,
            "2 of 3 changes showed up to 128 s late; raise overlapSeconds from 120 to 256.",
        ),
    ],
    ids=["none", "covered", "not covered"],
)
def test_the_advice_says_in_words_what_the_overlap_should_be(
    late: list[float], overlap: float, advice: str
) -> None:
    assert Lateness().observed([1.0, 2.0, 3.0], late).advice(overlap) == advice
