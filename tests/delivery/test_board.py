from __future__ import annotations

from datetime import timedelta

from daemon.delivery.board import Board
from daemon.delivery.lane import BodyMemory, Lane
from daemon.delivery.retry import Blame
from daemon.delivery.slots import Slots, Tier
from daemon.instance import InstanceId
from tests.delivery.parts import CONFIGURATION, FAILING, NOW, open_lane

MINUTE = timedelta(minutes=1)


def board_with(slots: Slots, *lanes: Lane) -> Board:
    board = Board(slots)
    for lane in lanes:
        board.add(lane)
        board.review(lane, NOW)
    return board


def lane_of(number: int, *numbers: int, max_in_flight: int = 4) -> Lane:
    return open_lane(*numbers, instance_id=InstanceId(number), max_in_flight=max_in_flight)


def send_all(board: Board, slots: Slots) -> list[int]:
    """Begin whatever may begin; answers the instances in their turns."""
    turns = []
    while (lane := board.next_to_send(NOW)) is not None:
        turns.append(int(lane.instance_id))
        slots.take(lane.tier)
        lane.take()
        board.review(lane, NOW)
    return turns


def test_lanes_take_turns() -> None:
    slots = Slots(64)
    board = board_with(slots, *(lane_of(number, 1, 2, 3) for number in (1, 2, 3)))

    assert send_all(board, slots) == [1, 2, 3, 1, 2, 3]


def test_a_lane_that_uses_as_many_slots_as_are_left_has_to_wait() -> None:
    slots = Slots(8)
    greedy = lane_of(1, *range(100, 132), max_in_flight=8)
    for _ in range(3):
        greedy.take()
        greedy.finish(0.1, Blame.NOBODY)
    board = board_with(slots, greedy)

    assert send_all(board, slots) == [1, 1, 1, 1]
    assert slots.left == 4


def test_working_lanes_go_first() -> None:
    slots = Slots(64)
    working = lane_of(2, *range(1, 9))
    working.take()
    working.finish(0.1, Blame.NOBODY)
    board = board_with(slots, lane_of(1, 1), working)

    assert send_all(board, slots)[0] == 2


def test_a_lane_that_turned_is_looked_for_in_its_new_tier() -> None:
    slots = Slots(64)
    lane = lane_of(1, 1, 2)
    board = board_with(slots, lane)
    lane.status = FAILING

    assert send_all(board, slots) == [1]
    assert lane.tier is Tier.FAILING


def test_a_dropped_lane_is_never_sent_from() -> None:
    slots = Slots(64)
    lane = lane_of(1, 1, 2)
    board = board_with(slots, lane)

    board.drop(lane)

    assert send_all(board, slots) == []
    assert board.find(lane.instance_id) is None
    assert not board.has_work(loading=True)


def test_lanes_are_opened_once_and_put_back_if_that_failed() -> None:
    board = Board(Slots(1))
    lanes = [
        Lane(InstanceId(number), 1, BodyMemory(limit_bytes=1), max_in_flight=1)
        for number in (1, 2, 3)
    ]
    for lane in lanes:
        board.add(lane)

    first = board.take_unopened(2)
    first[0].open(CONFIGURATION, FAILING)
    board.put_back_unopened(first)

    assert board.take_unopened(9) == [lanes[2], lanes[1]]
    assert not board.has_work(loading=True)


def test_hungry_lanes_are_loaded_in_the_order_they_became_hungry() -> None:
    lanes = [lane_of(number) for number in (1, 2, 3)]
    board = board_with(Slots(1), *lanes)
    board.take_unopened(9)
    for lane in (lanes[1], lanes[0]):
        lane.note_outside(NOW)
        board.review(lane, NOW)

    assert board.has_work(loading=True)
    assert not board.has_work(loading=False)
    assert board.take_hungry(1) == [lanes[1]]
    assert board.take_hungry(9) == [lanes[0]]


def test_an_alarm_rings_once_at_its_time() -> None:
    lane = lane_of(1)
    board = board_with(Slots(1), lane)
    board.take_unopened(9)
    assert board.next_alarm_at() is None
    lane.note_outside(NOW + MINUTE)
    for _ in range(3):
        board.review(lane, NOW)

    board.ring_alarms(NOW)
    assert board.next_alarm_at() == NOW + MINUTE
    board.ring_alarms(NOW + MINUTE)

    assert board.next_alarm_at() is None
    assert board.take_hungry(9) == [lane]


def test_an_earlier_alarm_is_not_lost_behind_a_later_one() -> None:
    lane = lane_of(1)
    board = board_with(Slots(1), lane)
    lane.note_outside(NOW + 2 * MINUTE)
    board.review(lane, NOW)
    lane.note_outside(NOW + MINUTE)
    board.review(lane, NOW)

    assert board.next_alarm_at() == NOW + MINUTE
