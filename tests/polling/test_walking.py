from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from daemon.polling.walk import Passes, Walk
from daemon.polling.walking import MOST_TRIES, Bookmark

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
WALK = Walk.start(NOW - timedelta(hours=1), NOW, timedelta(seconds=1), NOW)


def test_a_page_that_never_comes_is_asked_for_some_times_and_then_left() -> None:
    bookmark = Bookmark()
    assert bookmark.take() is None
    bookmark.put(WALK, NOW)
    assert [bookmark.take() for _ in range(MOST_TRIES)] == [WALK] * MOST_TRIES
    assert not bookmark.holds
    assert bookmark.take() is None


def test_each_page_that_comes_gives_the_next_one_all_its_tries() -> None:
    bookmark = Bookmark()
    for _ in range(2):
        bookmark.put(WALK, NOW)
        assert [bookmark.take() for _ in range(MOST_TRIES - 1)] == [WALK] * (MOST_TRIES - 1)
        assert bookmark.holds


def test_a_walk_without_order_or_at_its_end_is_not_gone_on_with() -> None:
    bookmark = Bookmark()
    bookmark.put(WALK, NOW)
    bookmark.put(Passes(lower=None, cap=None), NOW)
    assert (bookmark.holds, bookmark.take()) == (False, None)
    bookmark.put(WALK, NOW)
    bookmark.remove()
    assert (bookmark.holds, bookmark.take()) == (False, None)


def test_what_a_walk_goes_on_with_is_exhaustive_only_up_to_what_had_been_read() -> None:
    bookmark = Bookmark()
    bookmark.put(WALK, NOW - timedelta(minutes=5))
    assert bookmark.take() == replace(WALK, cap=NOW - timedelta(minutes=5))
