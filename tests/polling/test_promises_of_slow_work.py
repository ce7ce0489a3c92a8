"""The promises of backfills, reconciliation and sweeps over many seeds of the modelled world."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from daemon.polling import baseline, confirming, detection, slow_pass, slow_work
from daemon.polling.confirming import Confirming
from daemon.polling.slow_pass import SlowPass, Wishes
from daemon.polling.snapshot import Snapshot
from tests.polling.life import EVERYTHING, run
from tests.polling.model import MINUTE, SECOND, Traits
from tests.polling.model_database import Database
from tests.polling.promises import check

SWEEPS = Wishes(sweep_interval=5 * MINUTE)
RECONCILES = Wishes(reconcile_interval=4 * MINUTE, reconcile_window=timedelta(hours=1))
RECHECKS = Wishes(recheck_interval=7 * MINUTE, proof_believed_for=20 * MINUTE)
BOTH = replace(SWEEPS, reconcile_interval=4 * MINUTE, reconcile_window=timedelta(minutes=10))

WORLDS: dict[str, tuple[Traits, Wishes]] = {
    "deletions": (Traits(deletions=0.1), SWEEPS),
    "deletions and restorations": (Traits(deletions=0.1, restorations=0.1), SWEEPS),
    "objects that nobody may see for a while": (
        Traits(deletions=0.05, hidings=0.1, hidden_for=20 * MINUTE),
        SWEEPS,
    ),
    "objects that nobody may see for less than the time between two sweeps": (
        Traits(deletions=0.05, hidings=0.1, hidden_for=4 * MINUTE),
        SWEEPS,
    ),
    "nobody may see anything for a while": (
        Traits(mass_hidings=0.02, hidden_for=20 * MINUTE, objects=30, page_size=20),
        SWEEPS,
    ),
    "objects that leave the filter": (Traits(deletions=0.05, unlistings=0.1), SWEEPS),
    "stale replicas": (
        Traits(deletions=0.1, restorations=0.05, stale=0.3, stale_by=60 * SECOND),
        BOTH,
    ),
    "replicas that list what was deleted": (Traits(deletions=0.1, ghosts=0.3), SWEEPS),
    "back-dated imports": (Traits(back_dated=0.2), SWEEPS),
    "back-dated imports under a clock that is set": (
        Traits(back_dated=0.1, set_backs=0.15),
        SWEEPS,
    ),
    "a clock that is set, and reconciliation": (
        Traits(set_backs=0.15, zone=timedelta(hours=-7)),
        RECONCILES,
    ),
    "rows later than the overlap": (Traits(late_by=10 * MINUTE), RECONCILES),
    "rows later than the window of reconciliation": (Traits(late_by=20 * MINUTE), BOTH),
    "west of UTC, stamps some hours ahead": (
        Traits(zone=timedelta(hours=-8), hours_ahead=0.1, page_size=10, bulk_edits=False),
        RECHECKS,
    ),
    "west of UTC, stamps just so far ahead that they are UTC": (
        Traits(zone=timedelta(hours=-3), hours_ahead=0.05, most_ahead=3),
        RECHECKS,
    ),
    "furthest west of UTC, stamps some hours ahead": (
        Traits(zone=timedelta(hours=-12), hours_ahead=0.05, kills=0.15),
        RECHECKS,
    ),
    "killed often, the memory of sweeps lost": (
        Traits(deletions=0.1, restorations=0.05, kills=0.15, losses=0.5),
        SWEEPS,
    ),
    "minutes for stamps": (
        Traits(granularity=MINUTE, deletions=0.1, page_size=10, bulk_edits=False),
        SWEEPS,
    ),
    "no order": (
        Traits(shuffled=True, page_size=12, bulk_edits=False, deletions=0.1),
        SWEEPS,
    ),
}


@pytest.mark.parametrize(("traits", "wishes"), WORLDS.values(), ids=WORLDS.keys())
def test_promises_hold_with_slow_work_in_every_world(traits: Traits, wishes: Wishes) -> None:
    for seed in range(12):
        check(run(seed, traits, wishes=wishes))


BACKFILLS: dict[str, tuple[Traits, timedelta]] = {
    "of everything": (Traits(), EVERYTHING),
    "of everything, of many with one stamp": (Traits(page_size=3, pace=0.02), EVERYTHING),
    "of everything, killed often": (Traits(kills=0.2), EVERYTHING),
    "of everything, in no order": (
        Traits(shuffled=True, page_size=12, bulk_edits=False),
        EVERYTHING,
    ),
    "of everything, with stamps in the far future": (Traits(far_future=True), EVERYTHING),
    "from an instant": (Traits(), 5 * MINUTE),
    "from an instant, in minutes": (Traits(granularity=MINUTE), 5 * MINUTE),
}


@pytest.mark.parametrize(("traits", "told_before"), BACKFILLS.values(), ids=BACKFILLS.keys())
def test_a_backfill_tells_everything_once_among_edits_and_kills(
    traits: Traits, told_before: timedelta
) -> None:
    for seed in range(10):
        check(run(seed, traits, told_before=told_before, old_edits=60))


async def _no_confirmation(self: Confirming, absent: Any) -> Set[str]:
    return frozenset()


def _no_doubt_of_tombs(sighting: Any, tomb: Any, rules: Any, found: Any, _: bool) -> None:
    REVIVE(sighting, tomb, rules, found, True)


def _no_doubt_of_stamps(sighting: Any, snapshot: Any, rules: Any, found: Any, _: bool) -> None:
    COMPARE(sighting, snapshot, rules, found, True)


async def _absent_once(self: Database, limit: int) -> Sequence[Snapshot]:
    living = self._living()
    return [snapshot for key, snapshot in living.items() if self.absent.get(key, 0) >= 1][:limit]


def _no_window(slow: SlowPass, *arguments: Any) -> SlowPass:
    begun = LISTING_BEGUN(slow, *arguments)
    return replace(begun, lower=begun.until, anchor=begun.until)


REVIVE, COMPARE = detection._revive, detection._compare
LISTING_BEGUN = slow_pass.listing_begun

MUTANTS: dict[str, tuple[object, str, Callable[..., Any], str]] = {
    "one miss is enough": (
        Database,
        "list_absent",
        _absent_once,
        "objects that nobody may see for less than the time between two sweeps",
    ),
    "nothing is confirmed by its id": (
        Confirming,
        "_there",
        _no_confirmation,
        "objects that leave the filter",
    ),
    "no brake": (
        confirming,
        "most_deletions",
        lambda living, wishes: living,
        "nobody may see anything for a while",
    ),
    "what was never read counts as changed": (
        detection,
        "_was_there_unread",
        lambda sighting, marks: False,
        "back-dated imports",
    ),
    "what was once deleted is believed without a look": (
        detection,
        "_revive",
        _no_doubt_of_tombs,
        "replicas that list what was deleted",
    ),
    "an older stamp is believed without a look": (
        detection,
        "_compare",
        _no_doubt_of_stamps,
        "stale replicas",
    ),
    "a listing does not lower the edge of what is known": (
        slow_work,
        "marks_after_listing",
        lambda marks, slow: marks,
        "back-dated imports",
    ),
    "reconciliation reads no more than a poll": (
        slow_work,
        "listing_begun",
        _no_window,
        "rows later than the overlap",
    ),
    "a proof is believed for ever": (
        slow_work,
        "may_have_hidden",
        lambda slow, marks, wishes, provider_time, now: marks.utc is None,
        "west of UTC, stamps just so far ahead that they are UTC",
    ),
    "a recheck reads no more than a poll": (
        slow_work,
        "listing_begun",
        _no_window,
        "west of UTC, stamps some hours ahead",
    ),
    "a baseline holds no more than a poll reads": (
        baseline,
        "local_time_since",
        lambda provider_time: provider_time,
        "west of UTC, stamps some hours ahead",
    ),
}


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=MUTANTS.keys())
def test_taking_out_a_rule_of_slow_work_breaks_a_promise(
    mutant: tuple[object, str, Callable[..., Any], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, name, replacement, world = mutant
    monkeypatch.setattr(owner, name, replacement)
    assert any(_breaks(seed, *WORLDS[world]) for seed in range(300))


def _breaks(seed: int, traits: Traits, wishes: Wishes) -> bool:
    try:
        check(run(seed, traits, wishes=wishes))
    except AssertionError:
        return True
    return False


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("traits", "wishes"), WORLDS.values(), ids=WORLDS.keys())
def test_promises_hold_with_slow_work_over_thousands_of_seeds(
    traits: Traits, wishes: Wishes
) -> None:
    for seed in range(1000, 4000):
        check(run(seed, traits, wishes=wishes))
