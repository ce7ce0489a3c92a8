"""The sign-in throttle: whoever guesses passwords has to wait, longer each time."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from daemon.errors import RateLimited

REMEMBERED = 10_000
FORGOTTEN_SECONDS = 900.0
LONGEST_SECONDS = 60.0
FREE_BY_PAIR, FREE_BY_ADDRESS, FREE_BY_NAME = 3, 20, 50


@dataclass(slots=True)
class Failures:
    """How often in a row something failed, and until when it has to wait."""

    count: int = 0
    last: float = 0.0
    until: float = 0.0


class SignInThrottle:
    """Failed sign-ins by name and address, in memory: a restart forgives.

    The first failures are free; after them each wait is twice the last, up to a minute. A name
    alone has many free ones, so that a stranger cannot easily lock its owner out.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: OrderedDict[tuple[str, str], Failures] = OrderedDict()

    def check(self, username: str, address: str) -> None:
        """Raises RateLimited while one has to wait."""
        now = self._clock()
        found = [self._failures.get(key) for key, _ in _keys(username, address)]
        wait = max((failures.until - now for failures in found if failures), default=0.0)
        if wait > 0:
            raise RateLimited(
                f"Too many failed sign-ins: try again in {max(1, round(wait))} s.",
                retry_after=timedelta(seconds=wait),
            )

    def failed(self, username: str, address: str) -> None:
        """One more failure."""
        now = self._clock()
        for key, free in _keys(username, address):
            failures = self._failures.pop(key, None) or Failures()
            if now - failures.last > FORGOTTEN_SECONDS:
                failures = Failures()
            failures.count, failures.last = failures.count + 1, now
            beyond = failures.count - free
            if beyond >= 0:
                failures.until = now + min(2.0 ** min(beyond, 10), LONGEST_SECONDS)
            self._failures[key] = failures
        while len(self._failures) > REMEMBERED:
            self._failures.popitem(last=False)

    def succeeded(self, username: str, address: str) -> None:
        """The right password ends the waiting of this name from this address."""
        for key, _ in _keys(username, address)[:1]:
            self._failures.pop(key, None)


def _keys(username: str, address: str) -> list[tuple[tuple[str, str], int]]:
    return [
        ((username, address), FREE_BY_PAIR),
        (("", address), FREE_BY_ADDRESS),
        ((username, ""), FREE_BY_NAME),
    ]
