from __future__ import annotations

from typing import Any

import pytest

from bench.arrivals import Ledger
from bench.faults import CheckFailed


def arrival(number: int, **fields: Any) -> dict[str, Any]:
    usual = {
        "lane": 0,
        "sequence": number,
        "event_id": f"event {number}",
        "object_id": f"object {number}",
        "version": 1,
    }
    return usual | fields


def test_everything_that_arrives_once_and_in_any_order_is_accepted() -> None:
    ledger = Ledger()
    ledger.take(
        [arrival(2), arrival(1), arrival(1, lane=1, event_id="other")], [(0, 1, 2), (1, 1, 1)]
    )
    ledger.take([arrival(3, version=2)], [(0, 2, 1)])


@pytest.mark.parametrize(
    ("second", "words"),
    [
        pytest.param(arrival(2, event_id="event 1"), "arrived twice", id="event told twice"),
        pytest.param(arrival(2, object_id="object 1"), "told twice", id="version told twice"),
        pytest.param(arrival(3), "gap between 1 and 2", id="gap in the sequence"),
        pytest.param(
            arrival(1, event_id="new", object_id="new"),
            "gap between 1 and 2",
            id="number given twice",
        ),
        pytest.param(arrival(2, version=2), "not the changes made", id="version nobody made"),
        pytest.param(arrival(1, lane=1, event_id="new"), "not the changes", id="another lane's"),
    ],
)
def test_what_did_not_arrive_as_it_must_gives_no_number(second: dict[str, Any], words: str) -> None:
    with pytest.raises(CheckFailed, match=words):
        Ledger().take([arrival(1), second], [(0, 1, 2)])


def test_an_event_that_is_missing_gives_no_number() -> None:
    with pytest.raises(CheckFailed, match="1 of 2"):
        Ledger().take([arrival(1)], [(0, 1, 2)])


def test_an_event_that_comes_again_in_a_later_turn_gives_no_number() -> None:
    ledger = Ledger()
    ledger.take([arrival(1)], [(0, 1, 1)])
    with pytest.raises(CheckFailed, match="arrived twice"):
        ledger.take([arrival(2, event_id="event 1", version=2)], [(0, 2, 1)])
