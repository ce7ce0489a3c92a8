from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from bench.question import Question
from bench.shelf import Shelf
from bench.side import Counts, Hold, Side

HOUR = timedelta(hours=1)
NEWEST = Question(bound=None, newest=True, offset=0, size=1)
PAGE = Question(bound=None, newest=False, offset=0, size=3)
WHOLE = Question(bound=None, newest=False, offset=0, size=5)


@pytest.fixture
def side() -> Side:
    side = Side(shelves=[Shelf(0, 5)])
    side.change(5, HOUR, timedelta(seconds=10))
    return side


def rows(answer: bytes) -> list[dict[str, str]]:
    content: list[dict[str, str]] = orjson.loads(answer.partition(b"\r\n\r\n")[2])["AbEntry"][
        "Data"
    ]
    return content


def ask(side: Side, question: Question) -> list[bytes]:
    answers: list[bytes] = []
    side.ask(0, question, answers.append)
    return answers


def stamps(answer: bytes) -> list[str]:
    return [row["LastModifyDate"] for row in rows(answer)]


def test_a_page_comes_oldest_first_and_tells_the_next_key(side: Side) -> None:
    (answer,) = ask(side, PAGE)
    found = stamps(answer)
    assert found == sorted(found)
    assert len(found) == 3
    assert b'"PageKey":"Mw=="' in answer
    (rest,) = ask(side, Question(bound=None, newest=False, offset=3, size=3))
    assert len(rows(rest)) == 2
    assert b"PageKey" not in rest


def test_a_page_begins_at_the_bound(side: Side) -> None:
    (newest,) = ask(side, NEWEST)
    bound = datetime.fromisoformat(stamps(newest)[0])
    (answer,) = ask(side, Question(bound=bound, newest=False, offset=0, size=3))
    assert stamps(answer) == stamps(newest)
    (behind,) = ask(
        side, Question(bound=bound + timedelta(seconds=1), newest=False, offset=0, size=3)
    )
    assert rows(behind) == []


def test_the_providers_clock_is_ahead_and_later_than_every_stamp(side: Side) -> None:
    (answer,) = ask(side, NEWEST)
    now = side.now(side.shelves[0])
    assert now - datetime.now(UTC) > HOUR - timedelta(minutes=1)
    assert datetime.fromisoformat(stamps(answer)[0]) < now


@pytest.mark.parametrize(
    ("hold", "answered"),
    [
        pytest.param(Hold.NOTHING, (1, 1), id="nothing"),
        pytest.param(Hold.POLLS, (0, 1), id="polls"),
        pytest.param(Hold.ALL, (0, 0), id="all"),
    ],
)
async def test_what_is_held_is_answered_when_it_is_let_go(
    side: Side, hold: Hold, answered: tuple[int, int]
) -> None:
    ask(side, WHOLE)
    side.counts = Counts()
    side.hold = hold
    first, second = ask(side, NEWEST), ask(side, PAGE)
    assert (len(first), len(second)) == answered
    async with asyncio.timeout(5):
        await side.await_held(2 - sum(answered))
    side.let_go(hold)
    assert (len(first), len(second)) == (1, 1)
    assert (side.counts.others, side.counts.pages) == (1, 1)


def test_a_lane_that_was_not_read_to_its_end_is_not_held_between_its_questions(side: Side) -> None:
    side.let_go(Hold.POLLS)
    assert [len(ask(side, question)) for question in (NEWEST, PAGE, NEWEST, WHOLE)] == [1, 1, 1, 1]
    assert ask(side, NEWEST) == []
    look = Question(bound=side.now(side.shelves[0]), newest=False, offset=0, size=1)
    side.let_go(Hold.POLLS)
    assert [len(ask(side, question)) for question in (look, NEWEST)] == [1, 1]


async def test_waiting_for_what_is_held_ends_when_it_comes(side: Side) -> None:
    side.hold = Hold.ALL
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        tasks.create_task(side.await_held(2))
        await asyncio.sleep(0)
        ask(side, PAGE)
        await asyncio.sleep(0)
        ask(side, PAGE)
    assert len(side.held) == 2


def test_while_streaming_each_page_shows_one_more_change_as_the_latest(side: Side) -> None:
    side.streaming = True
    for _ in range(7):
        (answer,) = ask(side, WHOLE)
        found = stamps(answer)
        assert found == sorted(found)
        assert rows(answer)[-1]["Position"].endswith(f"{side.version:08d}")
    assert [(version, lane) for version, lane, _ in side.told] == [(n, 0) for n in range(2, 9)]


def test_while_ticking_each_page_comes_a_second_later(side: Side) -> None:
    shelf = side.shelves[0]
    before = side.now(shelf)
    side.ticking = True
    for _ in range(30):
        ask(side, PAGE)
    assert side.now(shelf) - before >= timedelta(seconds=30)
