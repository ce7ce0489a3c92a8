from hypothesis import given
from hypothesis import strategies as st

from daemon.sandbox.continuity import Continuity


def continuity(*sequences: int) -> Continuity:
    stream = Continuity()
    for sequence in sequences:
        stream.add(sequence, f"e{sequence}")
    return stream


def test_gaps_are_told_as_first_and_last_missing_number() -> None:
    assert continuity(3, 4, 8, 2).gaps() == [(1, 1), (5, 7)]


def test_a_number_that_comes_late_closes_its_gap() -> None:
    assert continuity(1, 3, 2).gaps() == []


def test_repeats_are_counted_and_two_events_under_one_number_are_a_conflict() -> None:
    stream = continuity(1, 2, 2)
    stream.add(1, "other")
    assert stream.as_json() == {
        "count": 2,
        "last": 2,
        "gaps": [],
        "repeats": 2,
        "conflicts": [1],
    }


@given(st.sets(st.integers(1, 60)))
def test_gaps_and_numbers_make_up_everything_up_to_the_last(sequences: set[int]) -> None:
    missing = {
        number for first, last in continuity(*sequences).gaps() for number in range(first, last + 1)
    }
    assert missing | sequences == set(range(1, max(sequences, default=0) + 1))
    assert not missing & sequences
