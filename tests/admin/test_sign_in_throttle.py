"""The sign-in throttle: waits grow, fade and cannot be used to lock others out."""

from __future__ import annotations

import pytest

from daemon.admin.sign_in_throttle import FREE_BY_ADDRESS, REMEMBERED, SignInThrottle
from daemon.errors import RateLimited


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def throttle(clock: Clock) -> SignInThrottle:
    return SignInThrottle(clock)


def wait_of(throttle: SignInThrottle, username: str, address: str) -> float:
    try:
        throttle.check(username, address)
    except RateLimited as limited:
        return limited.retry_after.total_seconds() if limited.retry_after else -1.0
    return 0.0


def test_each_wait_is_twice_the_last_up_to_a_minute(throttle: SignInThrottle) -> None:
    waits = []
    for _ in range(12):
        throttle.failed("anna", "1.1.1.1")
        waits.append(wait_of(throttle, "anna", "1.1.1.1"))
    assert waits == [0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60]


def test_a_stranger_does_not_lock_the_owner_out(throttle: SignInThrottle) -> None:
    for _ in range(10):
        throttle.failed("anna", "6.6.6.6")
    assert wait_of(throttle, "anna", "1.1.1.1") == 0


def test_one_address_cannot_try_many_names(throttle: SignInThrottle) -> None:
    for number in range(FREE_BY_ADDRESS):
        throttle.failed(f"name{number}", "6.6.6.6")
    assert wait_of(throttle, "another", "6.6.6.6") > 0


def test_success_and_time_forgive(throttle: SignInThrottle, clock: Clock) -> None:
    for _ in range(5):
        throttle.failed("anna", "1.1.1.1")
    throttle.succeeded("anna", "1.1.1.1")
    assert wait_of(throttle, "anna", "1.1.1.1") == 0
    clock.now += 1000
    throttle.failed("anna", "1.1.1.1")
    assert wait_of(throttle, "anna", "1.1.1.1") == 0


def test_its_memory_is_bounded(throttle: SignInThrottle) -> None:
    for number in range(REMEMBERED):
        throttle.failed(f"name{number}", f"address{number}")
    assert len(throttle._failures) == REMEMBERED
