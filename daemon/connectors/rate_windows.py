"""PURE: a rate limit's sliding windows, counted as the provider may count them."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, inf

RESERVE_SHARE = 0.2
"""Part of the calls that background work leaves to live polling and people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateWindow:
    """At most `calls` within any `seconds`."""

    calls: int
    seconds: float

    @property
    def reserve(self) -> int:
        """Calls of it that are for live work alone."""
        return min(self.calls - 1, ceil(self.calls * RESERVE_SHARE))


def parse_rate_limit(text: str) -> tuple[RateWindow, ...]:
    """`30/10s`, or several separated by commas. Raises ValueError."""
    return tuple(_parse_window(part) for part in text.split(","))


def _parse_window(text: str) -> RateWindow:
    match = re.fullmatch(r"\s*(\d+)\s*/\s*(\d+(?:\.\d+)?)\s*s\s*", text)
    if match is None or int(match[1]) < 1 or float(match[2]) <= 0:
        raise ValueError(f"'{text}' is not of the form CALLS/SECONDSs, such as 30/10s")
    return RateWindow(calls=int(match[1]), seconds=float(match[2]))


class CallHistory:
    """The calls that count at a moment (`now`: monotonic seconds, never going back).

    A provider counts a call when it arrives, which is between our sending and its answer. So a call
    counts here from its sending until a window after its answer: whatever the delays, the provider
    never sees more in any window than it allows.
    """

    def __init__(self, windows: Sequence[RateWindow]) -> None:
        self._windows = tuple(windows)
        self._longest = max(window.seconds for window in windows)
        self._in_flight = 0
        self._answered: deque[float] = deque()

    def start(self) -> None:
        """A call is being sent."""
        self._in_flight += 1

    def take_back(self) -> None:
        """A call that was to start was not made."""
        self._in_flight -= 1

    def finish(self, now: float) -> None:
        """A call's answer is there, or it was given up."""
        self._in_flight -= 1
        self._answered.append(now)

    def remaining(self, now: float, *, reserved: bool = False) -> int:
        """Calls that could be sent at once, keeping the reserve if asked to."""
        free = (
            self._free(window, now) - (window.reserve if reserved else 0)
            for window in self._windows
        )
        return max(0, min(free))

    def is_empty(self, now: float) -> bool:
        """Whether no call counts any more."""
        self._forget(now)
        return not (self._in_flight or self._answered)

    def wait_seconds(self, now: float, *, reserved: bool) -> float:
        """Seconds until one more may be sent, keeping the reserve if asked to; infinite while only
        an answer can bring it nearer."""
        return max(self._wait(window, now, reserved) for window in self._windows)

    def _wait(self, window: RateWindow, now: float, reserved: bool) -> float:
        missing = 1 - self._free(window, now) + (window.reserve if reserved else 0)
        if missing <= 0:
            return 0.0
        recent = self._recent(window, now)
        return recent[missing - 1] + window.seconds - now if missing <= len(recent) else inf

    def _free(self, window: RateWindow, now: float) -> int:
        return window.calls - self._in_flight - len(self._recent(window, now))

    def _recent(self, window: RateWindow, now: float) -> Sequence[float]:
        self._forget(now)
        return [answered for answered in self._answered if answered + window.seconds > now]

    def _forget(self, now: float) -> None:
        while self._answered and self._answered[0] + self._longest <= now:
            self._answered.popleft()
