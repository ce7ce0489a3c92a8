from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.connectors.rate_windows import CallHistory, RateWindow, parse_rate_limit


@pytest.mark.parametrize(
    ("text", "windows"),
    [
        ("30/10s", [(30, 10)]),
        ("90/30s", [(90, 30)]),
        (" 30 / 10 s ", [(30, 10)]),
        ("30/10s, 1000/3600s", [(30, 10), (1000, 3600)]),
        ("1/0.5s", [(1, 0.5)]),
    ],
)
def test_a_rate_limit_is_read(text: str, windows: list[tuple[int, float]]) -> None:
    assert [(window.calls, window.seconds) for window in parse_rate_limit(text)] == windows


@pytest.mark.parametrize(
    "text", ["", "30", "30/10", "0/10s", "30/0s", "-1/10s", "30/10m", "30/10s,"]
)
def test_a_text_that_is_no_rate_limit_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="CALLS/SECONDSs"):
        parse_rate_limit(text)


def test_a_call_counts_until_a_window_after_its_answer() -> None:
    history = CallHistory(parse_rate_limit("2/10s"))
    history.start()
    history.start()
    assert history.wait_seconds(100, reserved=False) == inf
    history.finish(103)
    assert history.wait_seconds(103, reserved=False) == 10
    assert history.wait_seconds(112, reserved=False) == 1
    assert history.wait_seconds(113, reserved=False) == 0
    assert history.remaining(113) == 1
    assert not history.is_empty(113)


def test_the_strictest_of_several_windows_decides() -> None:
    history = CallHistory(parse_rate_limit("2/1s, 3/100s"))
    for moment in (0, 0, 2):
        history.start()
        history.finish(moment)
    assert history.remaining(3) == 0
    assert history.wait_seconds(3, reserved=False) == 97


def test_the_reserve_is_a_fifth_but_never_everything() -> None:
    reserves = {calls: RateWindow(calls=calls, seconds=10).reserve for calls in (1, 2, 3, 30, 90)}
    assert reserves == {1: 0, 2: 1, 3: 1, 30: 6, 90: 18}


def test_an_empty_history_is_one_that_forgot_everything() -> None:
    history = CallHistory(parse_rate_limit("2/10s"))
    history.start()
    assert not history.is_empty(0)
    history.finish(1)
    assert not history.is_empty(10)
    assert history.is_empty(11)


@given(
    calls=st.integers(1, 5),
    seconds=st.integers(1, 20),
    plan=st.lists(
        st.tuples(st.floats(0, 30), st.floats(0, 1), st.floats(0, 15)), min_size=1, max_size=60
    ),
)
def test_the_provider_never_sees_more_than_its_limit_whenever_calls_arrive(
    calls: int, seconds: int, plan: list[tuple[float, float, float]]
) -> None:
    history = CallHistory([RateWindow(calls=calls, seconds=seconds)])
    now = 0.0
    arrivals: list[float] = []
    open_calls: list[float] = []
    for pause, share, duration in plan:
        now += pause
        while history.wait_seconds(now, reserved=False) > 0:
            # Time goes on to whatever comes first: an answer, or the end of the wait.
            waited = now + history.wait_seconds(now, reserved=False)
            moment = min([waited, *open_calls])
            assert moment < inf
            now = max(now, moment)
            for answered in sorted(each for each in open_calls if each <= now):
                open_calls.remove(answered)
                history.finish(now)
        history.start()
        arrivals.append(now + share * duration)
        open_calls.append(now + duration)
    arrivals.sort()
    for first, beyond in zip(arrivals, arrivals[calls:], strict=False):
        assert beyond - first >= seconds * (1 - 1e-9)
