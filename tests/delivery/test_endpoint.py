from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.delivery.endpoint import (
    Attempted,
    EndpointConfiguration,
    EndpointStatus,
    Reaction,
    disable,
    disables_at,
    react,
)
from daemon.delivery.retry import Blame, RetryPolicy
from daemon.instance import EndpointState, NotificationId

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
POLICY = RetryPolicy(
    schedule_seconds=(0, 5, 300, 1800), jitter=0.2, disable_after=timedelta(days=5)
)
HEALTHY, FAILING, DISABLED = EndpointState


def attempt(
    status: EndpointStatus,
    number: int = 1,
    blame: Blame = Blame.ENDPOINT,
    at: datetime = NOW,
    **changed: Any,
) -> Reaction:
    fields: dict[str, Any] = {
        "notification_id": NotificationId(number),
        "era": status.era,
        "blame": blame,
        "reason": "did not answer in time",
    }
    return react(status, Attempted(**(fields | changed)), POLICY, at, 0.5)


def fail_different(*numbers: int, status: EndpointStatus | None = None) -> EndpointStatus:
    status = status or EndpointStatus()
    for number in numbers:
        status = attempt(status, number).status
    return status


def test_three_different_notifications_in_a_row_make_it_the_endpoints_trouble() -> None:
    assert fail_different(1, 2).state is HEALTHY

    status = fail_different(1, 2, 3)

    assert (status.state, status.failing_since) == (FAILING, NOW)
    assert status.next_probe_at == NOW + timedelta(seconds=5)
    assert status.last_error == "did not answer in time"


def test_of_the_failures_that_made_it_fail_only_the_first_counts() -> None:
    first = attempt(EndpointStatus(), 1)
    second = attempt(first.status, 2)
    third = attempt(second.status, 3)

    assert [one.spent for one in (first, second, third)] == [True, True, False]
    assert [one.refunded for one in (first, second, third)] == [(), (), (2,)]


def test_the_same_notification_failing_over_and_over_is_its_own_trouble() -> None:
    status = EndpointStatus()

    for _ in range(20):
        reaction = attempt(status, 1)
        assert reaction.spent
        status = reaction.status

    assert status.state is HEALTHY


@pytest.mark.parametrize("blame", [Blame.NOBODY, Blame.NOTIFICATION], ids=str)
def test_an_answer_in_between_breaks_the_row(blame: Blame) -> None:
    status = attempt(fail_different(1, 2), 3, blame).status

    assert fail_different(4, 5, status=status).state is HEALTHY


def test_failures_from_before_a_restart_may_have_been_the_same_notifications() -> None:
    restarted = EndpointStatus(failures=2)

    reaction = attempt(restarted, 9)

    assert (reaction.status.state, reaction.status.failures) == (HEALTHY, 1)
    assert reaction.spent
    assert fail_different(10, 11, status=reaction.status).state is FAILING


def test_while_it_lasts_probes_spend_nothing_and_wait_longer_each_time() -> None:
    status, at, waits = fail_different(1, 2, 3), NOW, []

    for number in range(4, 9):
        at = status.next_probe_at or at
        reaction = attempt(status, number, at=at)
        assert not reaction.spent
        status = reaction.status
        waits.append(((status.next_probe_at or at) - at).total_seconds())

    assert status.state is FAILING
    assert waits == [300, 1800, 1800, 1800, 1800]


@pytest.mark.parametrize("blame", [Blame.NOBODY, Blame.NOTIFICATION], ids=str)
def test_one_answer_that_shows_it_at_work_ends_the_trouble(blame: Blame) -> None:
    reaction = attempt(fail_different(1, 2, 3), 4, blame)

    assert reaction.status.state is HEALTHY
    assert (reaction.status.failures, reaction.status.failing_since) == (0, None)
    assert reaction.spent


def test_attempts_under_way_when_it_turned_are_not_spent_and_do_not_count_as_probes() -> None:
    failing = fail_different(1, 2, 3)

    late = attempt(failing, 4, era=failing.era - 1)

    assert late == Reaction(status=failing, spent=False)


def test_attempts_from_before_the_trouble_are_not_spent_after_it_either() -> None:
    failing = fail_different(1, 2, 3)
    recovered = attempt(failing, 4, Blame.NOBODY).status

    late = attempt(recovered, 5, era=failing.era - 1)

    assert late == Reaction(status=recovered, spent=False)
    assert attempt(recovered, 5).spent


def test_an_acceptance_of_an_attempt_from_before_the_trouble_ends_it() -> None:
    failing = fail_different(1, 2, 3)

    assert attempt(failing, 4, Blame.NOBODY, era=failing.era - 1).status.state is HEALTHY


def test_gone_disables_at_once_and_spends_nothing() -> None:
    reaction = attempt(EndpointStatus(), 1, Blame.GONE)

    assert (reaction.status.state, reaction.spent) == (DISABLED, False)
    assert reaction.status.disabled_reason == "The callback answered 410 Gone"


def test_five_days_of_failure_disable_it_with_a_reason_in_words() -> None:
    status = fail_different(1, 2, 3)
    probes = 0

    while status.state is FAILING:
        probes += 1
        assert status.next_probe_at is not None
        at = status.next_probe_at
        status = attempt(status, 3 + probes, at=at).status

    assert (status.state, at - NOW) == (DISABLED, timedelta(days=5))
    assert status.disabled_reason == "Failing for 5 days, last: did not answer in time"


def test_what_ends_after_it_was_disabled_changes_nothing() -> None:
    disabled = disable(fail_different(1, 2, 3), "reason")

    assert not attempt(disabled, 9).spent
    assert attempt(disabled, 9).status == disabled
    assert attempt(disabled, 9, Blame.NOBODY).status == disabled


def test_a_probe_waits_at_least_as_long_as_retry_after_says() -> None:
    status = fail_different(1, 2)

    status = attempt(status, 3, retry_after_seconds=3600.0).status

    assert status.next_probe_at == NOW + timedelta(hours=1)


def test_a_schedule_of_zeros_does_not_make_probing_a_busy_loop() -> None:
    zeros = replace(POLICY, schedule_seconds=(0, 0))
    status = fail_different(1, 2)
    attempted = Attempted(notification_id=NotificationId(3), era=0, blame=Blame.ENDPOINT)

    status = react(status, attempted, zeros, NOW, 0.5).status

    assert status.next_probe_at is not None
    assert status.next_probe_at > NOW


def test_success_is_noted_once_a_minute_so_that_it_is_not_written_each_time() -> None:
    noted = attempt(EndpointStatus(), 1, Blame.NOBODY).status
    soon = attempt(noted, 2, Blame.NOBODY, at=NOW + timedelta(seconds=59)).status
    later = attempt(noted, 3, Blame.NOBODY, at=NOW + timedelta(seconds=60)).status

    assert noted.last_success_at == NOW
    assert soon is noted
    assert later.last_success_at == NOW + timedelta(seconds=60)


steps = st.lists(
    st.tuples(st.integers(1, 5), st.sampled_from(list(Blame)), st.integers(0, 1)), max_size=60
)


@given(steps)
def test_whatever_happens_a_notification_spends_attempts_only_at_a_working_endpoint(
    steps: list[tuple[int, Blame, int]],
) -> None:
    status, at = EndpointStatus(), NOW

    for number, blame, age in steps:
        at += timedelta(minutes=10)
        before = status
        reaction = attempt(before, number, blame, at=at, era=before.era - age)
        status = reaction.status

        if blame is Blame.ENDPOINT:
            stayed = before.state is HEALTHY is status.state
            assert reaction.spent == (stayed and age == 0)
        if blame is Blame.GONE:
            assert not reaction.spent
        assert (status.next_probe_at is not None) == (status.state is FAILING)
        assert (status.disabled_reason is not None) == (status.state is DISABLED)
        assert status.era >= before.era
        if before.state is DISABLED:
            assert status.state is DISABLED


@pytest.mark.parametrize(
    ("days", "percent"), [(2.4, 0), (2.5, 50), (3.5, 70), (4.4, 70), (4.5, 90)], ids=str
)
def test_an_operator_is_warned_before_it_is_disabled(days: float, percent: int) -> None:
    at = NOW + timedelta(days=days)
    failing = replace(fail_different(1, 2, 3), next_probe_at=at)

    probed = attempt(failing, 4, at=at).status

    assert (probed.state, probed.warned) == (FAILING, percent)
    assert attempt(probed, 5, Blame.NOBODY).status.warned == 0


DAILY = (0, 5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)


@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
def test_however_long_it_waits_between_probes_each_warning_is_given_once(chance: float) -> None:
    policy = RetryPolicy(schedule_seconds=DAILY, jitter=0.2, disable_after=timedelta(days=5))
    status, warnings = fail_different(1, 2, 3), []

    while status.state is FAILING:
        assert status.next_probe_at is not None
        probe = Attempted(notification_id=NotificationId(4), era=1, blame=Blame.ENDPOINT)
        after = react(status, probe, policy, status.next_probe_at, chance).status
        warnings += [after.warned] if after.warned > status.warned else []
        status = after

    assert warnings == [50, 70, 90]


@pytest.mark.parametrize("away", [timedelta(hours=1), timedelta(days=30)], ids=str)
def test_time_in_which_nobody_asked_it_does_not_count(away: timedelta) -> None:
    failing = fail_different(1, 2, 3)
    assert failing.next_probe_at is not None
    back_at = failing.next_probe_at + away
    assert disables_at(failing, POLICY.disable_after, back_at) == NOW + away + timedelta(days=5)

    status, probes = attempt(failing, 4, at=back_at).status, 1
    while status.state is FAILING and status.next_probe_at is not None:
        at = status.next_probe_at
        assert disables_at(status, POLICY.disable_after, at) == NOW + away + timedelta(days=5)
        status, probes = attempt(status, 4, at=at).status, probes + 1

    assert (status.state, at - NOW) == (DISABLED, away + timedelta(days=5))
    assert (status.failing_since, probes > 200) == (NOW, True)
    assert disables_at(status, POLICY.disable_after, at) is None


def test_probes_that_take_long_or_wait_for_their_turn_count() -> None:
    status = fail_different(1, 2, 3)

    while status.state is FAILING and status.next_probe_at is not None:
        at = status.next_probe_at + timedelta(minutes=9)
        status = attempt(status, 4, at=at).status

    assert timedelta(days=5) <= at - NOW < timedelta(days=5, minutes=10)


def test_what_a_callback_asks_to_wait_comes_before_a_warning() -> None:
    at = NOW + timedelta(days=2)
    failing = replace(fail_different(1, 2, 3), next_probe_at=at)

    probed = attempt(failing, 4, at=at, retry_after_seconds=86400.0).status

    assert probed.next_probe_at == at + timedelta(days=1)


def test_a_replaced_secret_signs_along_until_its_time_is_over() -> None:
    configuration = EndpointConfiguration(
        url="https://example.org", webhook_secrets=["new"], retiring_secrets=[("old", NOW)]
    )
    now = int(NOW.timestamp())

    assert configuration.secrets_at(now - 1) == ["new", "old"]
    assert configuration.secrets_at(now) == ["new"]
