from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.samples import paired_ratio, percentile


@pytest.mark.parametrize(
    ("share", "value"),
    [
        pytest.param(0.5, 50, id="median"),
        pytest.param(0.99, 99, id="p99"),
        pytest.param(1.0, 100, id="largest"),
        pytest.param(0.0, 1, id="smallest"),
    ],
)
def test_a_percentile_is_one_of_the_values(share: float, value: float) -> None:
    assert percentile([*range(100, 0, -1)], share) == value


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0, 1))
def test_a_percentile_is_exceeded_by_no_more_than_the_rest(
    values: list[float], share: float
) -> None:
    found = percentile(values, share)
    assert sum(value > found for value in values) <= (1 - share) * len(values) + 1e-9


def test_a_turn_in_which_the_machine_was_slow_does_not_move_the_ratio() -> None:
    assert paired_ratio([50, 5, 50], [100, 10, 100]) == 0.5
