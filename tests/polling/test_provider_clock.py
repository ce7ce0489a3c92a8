from __future__ import annotations

from datetime import UTC, datetime, timedelta

from daemon.polling.provider_clock import STEADY, Look, ProviderClock

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
CURSOR = NOON - 7 * HOUR
"""In local time far west of UTC: what the frame is does not matter."""


def look(minutes: float, error: timedelta = timedelta(0)) -> Look:
    """So long after noon, at a provider so wrong about the time."""
    return Look(provider_time=NOON + minutes * MINUTE + error, skew=error)


def read(
    clock: ProviderClock,
    last: Look,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
) -> ProviderClock:
    """After a walk from a stamp on, of everything if that is None."""
    return clock.read(since, until, last, overlap=2 * MINUTE)


FIRST = ProviderClock.first_seen(look(0))


def test_a_clock_that_goes_on_is_not_set_back() -> None:
    for noise in (-STEADY, timedelta(0), STEADY):
        assert FIRST.seen(look(5, noise), CURSOR).set_back_to is None


def test_stamps_go_back_as_far_as_the_clock() -> None:
    back = FIRST.seen(look(5, -2 * HOUR), CURSOR)
    assert back.set_back_to == CURSOR - 2 * HOUR
    assert back.highest_at == NOON + 5 * MINUTE
    assert FIRST.seen(look(5, -2 * HOUR), None).set_back_to is None


def test_a_look_is_the_same_a_second_time() -> None:
    once = FIRST.seen(look(5, -2 * HOUR), CURSOR)
    assert once.seen(look(5, -2 * HOUR), CURSOR) == once


def test_a_clock_set_back_during_an_outage_longer_than_that_is_noticed_by_ours() -> None:
    assert FIRST.seen(look(240, -3 * HOUR), CURSOR).set_back_to == CURSOR - 3 * HOUR


def test_a_clock_set_back_together_with_ours_is_noticed_by_itself() -> None:
    both = Look(provider_time=NOON - 2 * HOUR, skew=timedelta(0))
    assert FIRST.seen(both, CURSOR).set_back_to == CURSOR - 2 * HOUR


def test_back_and_back_again_and_partly_forward_never_goes_up() -> None:
    clock = FIRST
    for minutes, hours, lowest in ((5, -1, -1), (10, -2, -2), (15, -1, -2), (20, -2, -3)):
        clock = clock.seen(look(minutes, hours * HOUR), CURSOR)
        assert clock.set_back_to == CURSOR + lowest * HOUR


def test_a_clock_set_forward_leaves_time_for_what_comes_late() -> None:
    ahead = FIRST.seen(look(5, 3 * HOUR), CURSOR)
    assert ahead.set_back_to == CURSOR
    assert ahead.repeated_until is None
    assert read(ahead, look(6, 3 * HOUR)) == ahead
    assert read(ahead, look(7, 3 * HOUR)).set_back_to is None


def test_it_is_over_when_the_clock_has_caught_up_and_all_since_was_read() -> None:
    back = FIRST.seen(look(5, -2 * HOUR), CURSOR)
    assert read(back, look(9, -2 * HOUR)) == back
    assert read(back, look(126, -2 * HOUR), since=CURSOR) == back, "that walk began too late"
    for since in (None, back.set_back_to):
        assert read(back, look(126, -2 * HOUR), since=since).set_back_to is None
    assert read(FIRST, look(1)) == FIRST


def test_what_was_read_by_stamps_of_utc_need_not_be_read_again() -> None:
    back = FIRST.seen(look(5, -2 * HOUR), CURSOR)
    until = NOON - 2 * HOUR
    after = read(back, look(8, -2 * HOUR), until=until)
    assert after.set_back_to == until
    assert after.seen(look(9, -3 * HOUR), CURSOR).set_back_to == until - HOUR


def test_only_a_time_that_was_seen_before_repeats_itself() -> None:
    assert FIRST.seen(look(5, -2 * HOUR), CURSOR).repeated_until == NOON + 5 * MINUTE - 2 * HOUR
    ours_forward = Look(provider_time=NOON + 5 * MINUTE, skew=-2 * HOUR)
    seen = FIRST.seen(ours_forward, CURSOR)
    assert (seen.set_back_to, seen.repeated_until) == (CURSOR - 2 * HOUR, None)


def test_a_time_repeats_itself_until_the_clock_is_set_right() -> None:
    back = FIRST.seen(look(5, -2 * HOUR), CURSOR)
    right = back.seen(look(20), CURSOR)
    assert right.repeated_until == NOON + 20 * MINUTE - 2 * HOUR
    assert right.seen(look(30), CURSOR).repeated_until == NOON + 30 * MINUTE


def test_it_survives_the_way_through_the_database() -> None:
    for clock in (FIRST, FIRST.seen(look(5, -2 * HOUR), CURSOR)):
        assert ProviderClock.from_json(clock.as_json()) == clock
