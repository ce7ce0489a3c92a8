from __future__ import annotations

from datetime import timedelta

import pytest

from daemon.delivery.endpoint import EndpointStatus
from daemon.delivery.lane import BodyMemory, Lane
from daemon.delivery.retry import Blame
from daemon.delivery.slots import Tier
from tests.delivery.parts import (
    CONFIGURATION,
    DISABLED,
    FAILING,
    INSTANCE,
    NOW,
    make_due,
    make_ready,
    open_lane,
    take_all,
)

MINUTE = timedelta(minutes=1)


def test_it_sends_by_due_time_then_number() -> None:
    lane = open_lane(max_in_flight=8)
    lane.status = EndpointStatus()
    for number, minutes in ((5, 2), (3, 1), (4, 1)):
        lane.hand_over([make_ready(number, NOW - minutes * MINUTE)], NOW)

    assert list(take_all(lane)) == [5, 3]
    lane.finish(0.1, Blame.NOBODY)
    assert list(take_all(lane)) == [4]


def test_a_new_endpoint_gets_few_attempts_at_once_and_twice_as_many_after_each_acceptance() -> None:
    lane = open_lane(*range(1, 31), max_in_flight=8)
    counts = []

    for _ in range(3):
        list(take_all(lane))
        counts.append(lane.in_flight)
        lane.finish(0.1, Blame.NOBODY)

    assert counts == [2, 4, 8]
    for _ in range(4):
        lane.finish(15.0, Blame.ENDPOINT)
    list(take_all(lane))
    assert lane.in_flight == 3


def test_what_was_just_committed_goes_the_short_way_if_nothing_due_is_outside() -> None:
    lane = open_lane()
    lane.note_outside(NOW + MINUTE)

    lane.hand_over([make_ready(1)], NOW)

    assert list(take_all(lane)) == [1]


@pytest.mark.parametrize(
    "obstacle", ["unopened", "older outside", "refilling", "full", "memory", "failing", "closed"]
)
def test_what_was_just_committed_is_left_to_the_table_if_something_is_in_the_way(
    obstacle: str,
) -> None:
    memory = BodyMemory(limit_bytes=1000)
    lane = open_lane(memory=memory)
    match obstacle:
        case "unopened":
            lane = Lane(INSTANCE, 1, memory, max_in_flight=4)
        case "older outside":
            lane.note_outside(NOW - MINUTE)
        case "refilling":
            lane.begin_refill()
        case "full":
            lane = open_lane(*range(100, 116))
        case "memory":
            memory.used_bytes = memory.limit_bytes
        case "failing":
            lane.turn(FAILING, NOW)
        case _:
            lane.close()

    lane.hand_over([make_ready(1)], NOW)

    assert 1 not in set(lane.in_memory())
    assert lane.outside_due_at is not None
    assert lane.outside_due_at <= NOW


def test_what_is_not_due_yet_waits_in_the_table() -> None:
    lane = open_lane()

    lane.hand_over([make_ready(1, NOW + MINUTE)], NOW)

    assert (lane.can_send(NOW), lane.is_hungry(NOW)) == (False, False)
    assert lane.next_look_at() == NOW + MINUTE
    assert lane.is_hungry(NOW + MINUTE)


def test_a_full_refill_means_there_may_be_more_and_a_short_one_that_there_is_not() -> None:
    lane = open_lane()
    lane.note_outside(NOW)
    assert lane.is_hungry(NOW)

    limit = lane.begin_refill()
    lane.end_refill(make_due(*range(1, limit + 1)), limit, NOW)
    assert lane.outside_due_at == NOW
    assert not lane.is_hungry(NOW)

    lane.begin_refill()
    lane.end_refill(make_due(100), limit, NOW)
    assert lane.outside_due_at is None


def test_a_refill_that_finds_only_later_ones_tells_when_to_look_again() -> None:
    lane = open_lane()

    lane.begin_refill()
    lane.end_refill(make_due(1, after=MINUTE), 1, NOW)

    assert lane.outside_due_at == NOW + MINUTE


def test_what_came_while_refilling_is_not_forgotten() -> None:
    lane = open_lane()

    lane.begin_refill()
    lane.hand_over([make_ready(9)], NOW)
    lane.end_refill(make_due(1), 16, NOW)

    assert lane.is_hungry(NOW)


def test_a_refill_that_failed_is_wanted_again() -> None:
    lane = open_lane()
    lane.begin_refill()

    lane.abandon_refill(NOW)

    assert lane.is_hungry(NOW)


def test_a_failing_endpoint_is_probed_one_at_a_time_and_only_when_it_is_time() -> None:
    lane = open_lane(status=FAILING)
    lane.note_outside(NOW)

    assert lane.begin_refill() == 1
    lane.end_refill(make_due(1), 1, NOW)
    assert list(take_all(lane)) == [1]
    assert not lane.is_hungry(NOW)
    lane.finish(0.1, Blame.ENDPOINT)
    lane.status = EndpointStatus(state=FAILING.state, failing_since=NOW, next_probe_at=NOW + MINUTE)
    assert not lane.is_hungry(NOW)
    assert lane.next_look_at() == NOW + MINUTE
    assert lane.is_hungry(NOW + MINUTE)


def test_probes_take_another_notification_each_time_until_all_had_their_turn() -> None:
    lane = open_lane(status=FAILING)
    turns = []

    for _ in range(5):
        skipped = set()
        found = []
        while not found:
            limit = lane.begin_refill()
            skipped = set(lane.in_memory())
            found = make_due(*[n for n in (1, 2, 3) if n not in skipped][:limit])
            lane.end_refill(found, limit, NOW)
        turns += list(take_all(lane))
        lane.finish(0.1, Blame.ENDPOINT)

    assert turns == [1, 2, 3, 1, 2]


def test_the_first_probe_is_none_of_those_that_made_it_fail() -> None:
    lane = open_lane()

    lane.turn(EndpointStatus(state=FAILING.state, failed=(1, 2, 3), next_probe_at=NOW), NOW)

    assert set(lane.in_memory()) == {1, 2, 3}


def test_a_disabled_endpoint_neither_sends_nor_loads() -> None:
    lane = open_lane(1, 2, 3)

    assert lane.turn(DISABLED, NOW)

    assert (lane.can_send(NOW), lane.is_hungry(NOW)) == (False, False)
    assert list(lane.in_memory()) == []


def test_turning_leaves_the_memory_to_others() -> None:
    memory = BodyMemory(limit_bytes=10)
    lane = open_lane(1, 2, 3, 4, 5, memory=memory)
    assert not memory.has_room

    lane.turn(FAILING, NOW)

    assert (memory.used_bytes, lane.outside_due_at) == (0, NOW)


def test_every_byte_taken_is_given_back() -> None:
    memory = BodyMemory(limit_bytes=100)
    lane = open_lane(1, 2, 3, 4, memory=memory)

    list(take_all(lane))
    assert memory.used_bytes == 4
    lane.close()
    assert memory.used_bytes == 0


def test_without_a_configuration_nothing_is_sent_or_loaded() -> None:
    lane = Lane(INSTANCE, 1, BodyMemory(limit_bytes=1), max_in_flight=4)
    lane.note_outside(NOW)
    assert not lane.is_hungry(NOW)

    lane.open(None, EndpointStatus())

    assert not lane.is_hungry(NOW)


def test_an_endpoint_earns_its_tier_by_its_answers() -> None:
    lane = open_lane(*range(1, 17), max_in_flight=4)
    assert lane.tier is Tier.NEW

    def answer(seconds: float, times: int = 1) -> Tier:
        for _ in range(times):
            lane.take()
            lane.finish(seconds, Blame.NOBODY)
        return lane.tier

    assert answer(0.05) is Tier.WORKING
    assert answer(6.0) is Tier.DOUBTFUL
    assert answer(0.05, times=5) is Tier.WORKING
    lane.status = EndpointStatus(failures=1)
    assert lane.tier is Tier.DOUBTFUL
    lane.turn(FAILING, NOW)
    assert lane.tier is Tier.FAILING


def test_after_trouble_an_endpoint_is_trusted_once_it_has_earned_all_its_attempts() -> None:
    lane = open_lane(*range(1, 17), max_in_flight=8)
    assert lane.is_trusted

    def accept() -> bool:
        lane.take()
        lane.finish(0.01, Blame.NOBODY)
        return lane.is_trusted

    lane.turn(EndpointStatus(failures=1), NOW)
    assert not lane.is_trusted
    lane.turn(EndpointStatus(), NOW)
    assert lane.is_trusted
    lane.turn(FAILING, NOW)
    lane.turn(EndpointStatus(), NOW)
    lane.begin_refill()
    lane.end_refill(make_due(*range(1, 17)), 100, NOW)
    assert [accept(), accept(), accept()] == [False, True, True]
    assert not open_lane(1, status=FAILING).is_trusted


def test_a_closed_lane_takes_nothing_in_any_more() -> None:
    lane = open_lane(1)
    lane.begin_refill()
    lane.close()

    lane.end_refill(make_due(1, 2), 16, NOW)

    assert not lane.can_send(NOW)
    assert lane.configuration is CONFIGURATION
