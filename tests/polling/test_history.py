from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.polling.history import BUCKETS, SPANS, History, Tick, unpacked

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
COUNTS = st.integers(0, 2**32 - 1)
POLLS = st.lists(
    st.builds(Tick, at=COUNTS, failed=st.integers(0, 1), changed=COUNTS, milliseconds=COUNTS),
    max_size=20,
)


def history_of(*seconds: float, **poll: int) -> History:
    history = History()
    for each in seconds:
        history = history.noted(Tick(at=int(NOON.timestamp() + each), **poll))
    return history


@given(POLLS)
def test_a_history_survives_the_way_through_the_database(polls: list[Tick]) -> None:
    history = History()
    for poll in sorted(polls, key=lambda each: each.at):
        history = history.noted(poll)
    found = unpacked(history.packed())
    largest = [sum(tick.changed for tick in ring) for ring in found.rings]
    assert found.packed() == history.packed()
    assert all(total <= sum(poll.changed for poll in polls) for total in largest)


@pytest.mark.parametrize("stored", [None, b"", b"\x09what another version wrote"])
def test_what_another_version_stored_counts_as_nothing(stored: bytes | None) -> None:
    assert unpacked(stored) == History()


def test_polls_of_one_stretch_are_one_tick_with_the_worst_of_them() -> None:
    history = history_of(0, 20, 59, changed=2, pages=1)
    slow = Tick(at=int(NOON.timestamp()) + 59, failed=1, milliseconds=900, late_milliseconds=70)
    (tick,) = history.noted(slow).of("hour", NOON + timedelta(minutes=1))
    assert (tick.begins_at, tick.polls, tick.failed) == (NOON, 4, 1)
    assert (tick.changed, tick.pages) == (6, 3)
    assert (tick.milliseconds, tick.late_milliseconds) == (900, 70)


def test_a_history_never_grows_and_keeps_an_hour_a_day_and_a_week() -> None:
    history = History()
    for minute in range(0, 8 * 24 * 60, 15):
        history = history.noted(Tick(at=int(NOON.timestamp()) + minute * 60))
    assert [len(ring) for ring in history.rings] == [BUCKETS] * len(SPANS)
    now = NOON + timedelta(days=8)
    assert len(history.of("hour", now)) == 3
    assert sum(tick.polls for tick in history.of("day", now)) == pytest.approx(96, abs=3)
    assert sum(tick.polls for tick in history.of("week", now)) == pytest.approx(672, abs=12)
    assert len(history.packed()) < 2500


def test_a_clock_that_was_set_back_adds_to_the_latest_tick() -> None:
    (tick,) = history_of(600, 0).rings[0]
    assert (tick.polls, tick.begins_at) == (2, NOON + timedelta(minutes=10))
