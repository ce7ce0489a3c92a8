"""The rate budget: how many calls a provider's account still allows, and whose turn is next."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from math import ceil, inf
from typing import Protocol

from daemon.connectors.rate_windows import CallHistory, RateWindow
from daemon.errors import RateLimited

PATIENCE_SECONDS = 30.0
"""A background call that waited so long stands in line as if it were live: it never starves."""
LONGEST_PAUSE_SECONDS = 3600.0
"""What is believed of a provider's Retry-After."""
LONGEST_QUEUE_SECONDS = 30.0
"""Pauses up to this are waited for in line; longer ones are told to the caller."""
SWEEP_AT_BUDGETS = 1000


class Priority(StrEnum):
    """Who is asking. LIVE: polls that keep up, and people. BACKGROUND: backfills, sweeps."""

    LIVE = "live"
    BACKGROUND = "background"


class Timer(Protocol):
    """Something planned that can be called off."""

    def cancel(self) -> None: ...


class Clock(Protocol):
    """Monotonic seconds and what is to happen at them; an event loop is one."""

    def time(self) -> float: ...

    def call_at(self, when: float, callback: Callable[[], object], /) -> Timer: ...


class Turn:
    """The right to make one call; leaving it tells the budget that the answer is there."""

    __slots__ = ("_finish",)

    def __init__(self, finish: Callable[[], None]) -> None:
        self._finish = finish

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(self, *_: object) -> None:
        self._finish()


@dataclass(slots=True, eq=False)
class _Waiter:
    """`outcome` is None for a turn, else why there is none."""

    priority: Priority
    since: float
    outcome: asyncio.Future[RateLimited | None]


class Budget:
    """The calls of one account, served in the order they were asked for, live ones first."""

    def __init__(self, windows: Sequence[RateWindow], clock: Clock | None = None) -> None:
        self._clock = clock or asyncio.get_running_loop()
        self._history = CallHistory(windows)
        self._waiters: deque[_Waiter] = deque()
        self._paused_until = -inf
        self._timer: Timer | None = None

    async def acquire(self, priority: Priority = Priority.LIVE) -> Turn:
        """Wait for a turn: `async with await budget.acquire(): ...` makes the call.

        Raises RateLimited instead of waiting for the end of a long pause.
        """
        if self._pause_left() > LONGEST_QUEUE_SECONDS:
            raise self._paused()
        outcome = asyncio.get_running_loop().create_future()
        waiter = _Waiter(priority, self._clock.time(), outcome)
        self._waiters.append(waiter)
        self._serve()
        try:
            refusal = await outcome
        except asyncio.CancelledError:
            self._withdraw(waiter)
            raise
        if refusal is not None:
            raise refusal
        return Turn(self._finish)

    def pause(self, duration: timedelta) -> None:
        """The provider asked to wait: no call is sent before then."""
        seconds = min(duration.total_seconds(), LONGEST_PAUSE_SECONDS)
        self._paused_until = max(self._paused_until, self._clock.time() + seconds)
        if self._pause_left() > LONGEST_QUEUE_SECONDS:
            while (first := self._first()) is not None:
                self._settle(first, self._paused())
        self._serve()

    @property
    def remaining(self) -> int:
        """Calls that could be made at once."""
        return self.remaining_for(Priority.LIVE)

    def remaining_for(self, priority: Priority) -> int:
        """The same for calls of a priority; those in the background leave the reserve alone."""
        if self._pause_left() > 0:
            return 0
        reserved = priority is Priority.BACKGROUND
        return self._history.remaining(self._clock.time(), reserved=reserved)

    @property
    def is_idle(self) -> bool:
        """Whether nothing would be forgotten with it."""
        unused = self._history.is_empty(self._clock.time()) and not self._waiters
        return unused and self._pause_left() <= 0

    def _finish(self) -> None:
        self._history.finish(self._clock.time())
        self._serve()

    def _serve(self) -> None:
        """Give turns to all who may have one now, and plan to come back when the next one may."""
        while (first := self._first()) is not None and self._wait_seconds(first) <= 0:
            self._history.start()
            self._settle(first, None)
        self._plan(first)

    def _first(self) -> _Waiter | None:
        """Who is next in line: the oldest live one, else the oldest."""
        waiting = [waiter for waiter in self._waiters if not waiter.outcome.cancelled()]
        live = (waiter for waiter in waiting if self._is_live(waiter))
        return next(live, waiting[0] if waiting else None)

    def _is_live(self, waiter: _Waiter) -> bool:
        waited = self._clock.time() - waiter.since
        return waiter.priority is Priority.LIVE or waited >= PATIENCE_SECONDS

    def _wait_seconds(self, waiter: _Waiter) -> float:
        reserved = not self._is_live(waiter)
        wait = self._history.wait_seconds(self._clock.time(), reserved=reserved)
        return max(wait, self._pause_left())

    def _plan(self, first: _Waiter | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if first is None:
            return
        when = self._clock.time() + self._wait_seconds(first)
        if not self._is_live(first):
            when = min(when, first.since + PATIENCE_SECONDS)
        if when < inf:
            self._timer = self._clock.call_at(when, self._serve)

    def _settle(self, waiter: _Waiter, outcome: RateLimited | None) -> None:
        self._waiters.remove(waiter)
        waiter.outcome.set_result(outcome)

    def _withdraw(self, waiter: _Waiter) -> None:
        """A caller gave up: its place, or the turn it had just got, goes to the next."""
        if waiter in self._waiters:
            self._waiters.remove(waiter)
        elif waiter.outcome.result() is None:
            self._history.take_back()
        self._serve()

    def _pause_left(self) -> float:
        return self._paused_until - self._clock.time()

    def _paused(self) -> RateLimited:
        seconds = self._pause_left()
        return RateLimited(
            f"The provider asked for a pause, {ceil(seconds)} s of which are left",
            retry_after=timedelta(seconds=seconds),
        )


class Budgets:
    """One budget per account, made when it is first asked for."""

    def __init__(self, windows: Sequence[RateWindow], clock: Clock | None = None) -> None:
        self._windows = tuple(windows)
        self._clock = clock
        self._budgets: dict[str, Budget] = {}

    def of(self, account: str) -> Budget:
        """The budget that all calls to this account share."""
        budget = self._budgets.get(account)
        if budget is None:
            if len(self._budgets) >= SWEEP_AT_BUDGETS:
                self._drop_idle()
            budget = self._budgets[account] = Budget(self._windows, self._clock)
        return budget

    @property
    def least_remaining(self) -> int:
        """Calls left to the account that has the fewest."""
        whole = min(window.calls for window in self._windows)
        return min((budget.remaining for budget in self._budgets.values()), default=whole)

    @property
    def calls_per_hour(self) -> float:
        """Calls that one account may make in an hour."""
        return min(window.calls / window.seconds for window in self._windows) * 3600

    def _drop_idle(self) -> None:
        self._budgets = {
            account: budget for account, budget in self._budgets.items() if not budget.is_idle
        }
