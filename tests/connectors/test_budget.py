from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from daemon.connectors.budget import PATIENCE_SECONDS, Budget, Budgets, Priority
from daemon.connectors.rate_windows import parse_rate_limit
from daemon.errors import RateLimited
from tests.connectors.manual_clock import ManualClock, settle


class Caller:
    """Makes one call when its turn comes and ends it when told."""

    def __init__(
        self, budget: Budget, log: list[str], name: str, priority: Priority = Priority.LIVE
    ) -> None:
        self.answered = asyncio.Event()
        self.task = asyncio.create_task(self._run(budget, log, name, priority))

    async def _run(self, budget: Budget, log: list[str], name: str, priority: Priority) -> None:
        async with await budget.acquire(priority):
            log.append(name)
            await self.answered.wait()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def log() -> list[str]:
    return []


def budget_of(text: str, clock: ManualClock) -> Budget:
    return Budget(parse_rate_limit(text), clock)


async def spend(budget: Budget, count: int, priority: Priority = Priority.LIVE) -> None:
    async with asyncio.timeout(5):
        for _ in range(count):
            async with await budget.acquire(priority):
                pass


async def finish(*callers: Caller) -> None:
    for caller in callers:
        caller.answered.set()
    async with asyncio.timeout(5):
        await asyncio.gather(*(caller.task for caller in callers))


async def test_calls_within_the_limit_go_at_once_and_the_next_waits_a_window(
    clock: ManualClock, log: list[str]
) -> None:
    budget = budget_of("3/10s", clock)
    await spend(budget, 3)
    assert budget.remaining == 0
    caller = Caller(budget, log, "fourth")
    await clock.advance(9.9)
    assert log == []
    await clock.advance(0.1)
    assert log == ["fourth"]
    await finish(caller)


async def test_a_call_in_flight_keeps_its_place_until_its_answer(
    clock: ManualClock, log: list[str]
) -> None:
    budget = budget_of("1/10s", clock)
    slow, waiting = Caller(budget, log, "slow"), Caller(budget, log, "waiting")
    await clock.advance(60)
    assert log == ["slow"]
    await finish(slow)
    await clock.advance(9)
    assert log == ["slow"]
    await clock.advance(1)
    assert log == ["slow", "waiting"]
    await finish(waiting)


async def test_waiters_are_served_in_the_order_they_came(
    clock: ManualClock, log: list[str]
) -> None:
    budget = budget_of("2/10s", clock)
    await spend(budget, 2)
    callers = [Caller(budget, log, str(number)) for number in range(6)]
    for _ in range(3):
        await clock.advance(10)
        for caller in callers:
            caller.answered.set()
        await settle()
    assert log == ["0", "1", "2", "3", "4", "5"]
    await finish(*callers)


async def test_background_work_leaves_the_reserve_to_live_calls(
    clock: ManualClock, log: list[str]
) -> None:
    budget = budget_of("10/10s", clock)
    await spend(budget, 8, Priority.BACKGROUND)
    background = Caller(budget, log, "background", Priority.BACKGROUND)
    await settle()
    assert (log, budget.remaining) == ([], 2)
    live = [Caller(budget, log, "live") for _ in range(2)]
    await settle()
    assert log == ["live", "live"]
    await finish(*live)
    await clock.advance(10)
    assert log[2:] == ["background"]
    await finish(background)


async def test_a_live_call_goes_before_background_calls_that_came_earlier(
    clock: ManualClock, log: list[str]
) -> None:
    budget = budget_of("1/10s", clock)
    await spend(budget, 1)
    background = Caller(budget, log, "background", Priority.BACKGROUND)
    await settle()
    live = Caller(budget, log, "live")
    await clock.advance(10)
    assert log == ["live"]
    await finish(live)
    await clock.advance(10)
    await finish(background)


async def test_background_work_is_not_starved_by_live_calls_without_end(
    clock: ManualClock, log: list[str]
) -> None:
    budget = budget_of("1/10s", clock)
    await spend(budget, 1)
    background = Caller(budget, log, "background", Priority.BACKGROUND)
    await settle()
    callers = [Caller(budget, log, "live") for _ in range(10)]
    for caller in callers:
        caller.answered.set()
    background.answered.set()
    await clock.advance(PATIENCE_SECONDS + 10)
    assert "background" in log
    await clock.advance(200)
    await finish(background, *callers)


async def test_nothing_is_sent_during_a_pause(clock: ManualClock, log: list[str]) -> None:
    budget = budget_of("5/10s", clock)
    budget.pause(timedelta(seconds=20))
    caller = Caller(budget, log, "after")
    await clock.advance(19)
    assert (log, budget.remaining) == ([], 0)
    await clock.advance(1)
    assert log == ["after"]
    await finish(caller)


async def test_a_shorter_pause_does_not_end_a_longer_one(
    clock: ManualClock, log: list[str]
) -> None:
    budget = budget_of("5/10s", clock)
    budget.pause(timedelta(seconds=20))
    budget.pause(timedelta(seconds=1))
    caller = Caller(budget, log, "after")
    await clock.advance(5)
    assert log == []
    await clock.advance(15)
    await finish(caller)


async def test_a_long_pause_is_told_instead_of_waited_for(
    clock: ManualClock, log: list[str]
) -> None:
    budget = budget_of("1/10s", clock)
    await spend(budget, 1)
    waiting = Caller(budget, log, "waiting")
    await settle()
    budget.pause(timedelta(seconds=600))
    async with asyncio.timeout(5):
        with pytest.raises(RateLimited) as in_line:
            await waiting.task
        with pytest.raises(RateLimited, match="600 s"):
            await budget.acquire()
    assert in_line.value.retry_after == timedelta(seconds=600)


async def test_an_absurd_pause_is_believed_for_an_hour_only(clock: ManualClock) -> None:
    budget = budget_of("1/10s", clock)
    budget.pause(timedelta(days=3650))
    await clock.advance(3600)
    assert budget.remaining == 1


async def test_a_caller_that_gives_up_leaves_its_place_to_the_next(
    clock: ManualClock, log: list[str]
) -> None:
    budget = budget_of("1/10s", clock)
    await spend(budget, 1)
    impatient, patient = Caller(budget, log, "impatient"), Caller(budget, log, "patient")
    await settle()
    impatient.task.cancel()
    await clock.advance(10)
    assert log == ["patient"]
    await finish(patient)


async def test_a_turn_given_to_a_caller_just_cancelled_is_not_lost(
    clock: ManualClock, log: list[str]
) -> None:
    budget = budget_of("1/10s", clock)
    await spend(budget, 1)
    first, second = Caller(budget, log, "first"), Caller(budget, log, "second")
    await settle()
    clock.now += 10
    clock.timers[-1].callback()
    first.task.cancel()  # it has its turn, and has not yet run on
    await settle()
    assert log == ["second"]
    await finish(second)


async def test_a_turn_is_not_given_to_a_caller_whose_cancellation_is_under_way(
    clock: ManualClock, log: list[str]
) -> None:
    budget = budget_of("1/10s", clock)
    holder = Caller(budget, log, "holder")
    await settle()
    leaving, staying = Caller(budget, log, "leaving"), Caller(budget, log, "staying")
    await settle()
    holder.answered.set()
    await settle()
    clock.now += 10
    leaving.task.cancel()
    clock.timers[-1].callback()
    await settle()
    assert log == ["holder", "staying"]
    await finish(staying)


async def test_a_failed_call_counts_like_an_answered_one(clock: ManualClock) -> None:
    budget = budget_of("1/10s", clock)

    async def fail() -> None:
        async with await budget.acquire():
            raise ConnectionError

    with pytest.raises(ConnectionError):
        await fail()
    assert budget.remaining == 0
    await clock.advance(10)
    assert budget.remaining == 1


async def test_accounts_have_budgets_of_their_own_and_resources_share_them(
    clock: ManualClock,
) -> None:
    budgets = Budgets(parse_rate_limit("2/10s"), clock)
    assert budgets.least_remaining == 2
    assert budgets.of("a") is budgets.of("a")
    await spend(budgets.of("a"), 1)
    assert (budgets.of("a").remaining, budgets.of("b").remaining) == (1, 2)
    assert budgets.least_remaining == 1


async def test_budgets_of_accounts_long_gone_are_forgotten(clock: ManualClock) -> None:
    budgets = Budgets(parse_rate_limit("2/10s"), clock)
    busy = budgets.of("busy")
    await spend(busy, 1)
    for number in range(2500):
        budgets.of(str(number))
    assert budgets.of("busy") is busy
    assert len(budgets._budgets) < 1100


async def test_the_event_loop_is_the_clock_unless_another_is_given() -> None:
    budget = Budget(parse_rate_limit("1/0.01s"))
    await spend(budget, 3)
    assert budget.remaining == 0
