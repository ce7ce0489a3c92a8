from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.delivery.retry import (
    Blame,
    RetryPolicy,
    blame_for_status,
    next_due_at,
    retry_after_seconds,
)

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
DEFAULT = (0, 5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
POLICY = RetryPolicy(schedule_seconds=DEFAULT, jitter=0.2, disable_after=timedelta(days=5))


@pytest.mark.parametrize(
    ("statuses", "blame"),
    [
        pytest.param((200, 201, 202, 204, 226, 299), Blame.NOBODY, id="2xx is success"),
        pytest.param(
            (400, 402, 405, 406, 409, 413, 415, 418, 422, 451), Blame.NOTIFICATION, id="4xx"
        ),
        pytest.param((401, 403, 404, 408, 425, 429), Blame.ENDPOINT, id="4xx of the endpoint"),
        pytest.param((300, 301, 302, 304, 307, 308), Blame.ENDPOINT, id="redirects"),
        pytest.param((500, 502, 503, 504, 507, 599, 999), Blame.ENDPOINT, id="5xx and beyond"),
        pytest.param((410,), Blame.GONE, id="gone"),
    ],
)
def test_a_status_says_whose_trouble_it_is(statuses: tuple[int, ...], blame: Blame) -> None:
    assert {blame_for_status(status) for status in statuses} == {blame}


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        pytest.param(None, 0.0, id="absent"),
        pytest.param("120", 120.0, id="seconds"),
        pytest.param(" 7 ", 7.0, id="blanks around"),
        pytest.param("1.5", 1.5, id="fractions"),
        pytest.param("-3", 0.0, id="negative"),
        pytest.param("nan", 0.0, id="not a number"),
        pytest.param("inf", 0.0, id="infinite"),
        pytest.param("999999", 86400.0, id="capped at a day"),
        pytest.param("Tue, 24 Nov 2026 12:01:30 GMT", 90.0, id="date"),
        pytest.param("Tue, 24 Nov 2026 12:01:30 -0000", 90.0, id="date without a zone"),
        pytest.param("Tue, 24 Nov 2026 11:00:00 GMT", 0.0, id="date in the past"),
        pytest.param("Tue, 24 Nov 2099 11:00:00 GMT", 86400.0, id="date far away"),
        pytest.param("soon", 0.0, id="words"),
        pytest.param("", 0.0, id="empty"),
    ],
)
def test_retry_after_is_understood_and_capped(header: str | None, seconds: float) -> None:
    assert retry_after_seconds(header, NOW) == seconds


@given(st.text())
def test_no_retry_after_breaks_the_parser(header: str) -> None:
    assert 0.0 <= retry_after_seconds(header, NOW) <= 86400.0


@pytest.mark.parametrize(("attempts", "wait"), list(enumerate(DEFAULT)), ids=str)
def test_each_attempt_has_its_own_wait(attempts: int, wait: int) -> None:
    assert next_due_at(POLICY, attempts, 0.0, NOW, 0.5) == NOW + timedelta(seconds=wait)


def test_after_the_last_attempt_there_is_none() -> None:
    assert next_due_at(POLICY, len(DEFAULT), 0.0, NOW, 0.5) is None


@given(st.floats(0, 1), st.integers(1, 9))
def test_jitter_stays_within_its_fraction(chance: float, attempts: int) -> None:
    due_at = next_due_at(POLICY, attempts, 0.0, NOW, chance)

    assert due_at is not None
    assert 0.8 - 1e-6 <= (due_at - NOW).total_seconds() / DEFAULT[attempts] <= 1.2 + 1e-6


def test_retry_after_delays_but_never_hurries() -> None:
    later = next_due_at(POLICY, 1, 60.0, NOW, 0.5)
    earlier = next_due_at(POLICY, 2, 60.0, NOW, 0.5)

    assert later == NOW + timedelta(seconds=60)
    assert earlier == NOW + timedelta(seconds=300)


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [(0, 5), (1, 300), (8, 86400), (9, 86400), (500, 86400)],
    ids=["first", "second", "last", "past the last", "long past the last"],
)
def test_probes_follow_the_schedule_from_its_second_wait_and_stay_on_the_last(
    failures: int, seconds: float
) -> None:
    assert POLICY.probe_seconds(failures, 0.5) == seconds


def test_a_schedule_of_one_wait_serves_for_probes_too() -> None:
    policy = RetryPolicy(schedule_seconds=(3,), jitter=0, disable_after=timedelta(days=5))

    assert [policy.probe_seconds(failures, 0.5) for failures in (0, 1, 2)] == [3, 3, 3]


def test_an_instance_may_follow_a_schedule_of_its_own() -> None:
    own = POLICY.following([1, 60])

    assert own.wait_seconds(2, 0.5) == 60
    assert own.wait_seconds(3, 0.5) is None
    assert own.disable_after == POLICY.disable_after
    assert POLICY.following(None) is POLICY
