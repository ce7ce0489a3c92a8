"""The promises of backfills, reconciliation and sweeps over many seeds of the modelled world."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from daemon.polling.slow_pass import Wishes
from tests.polling.life import EVERYTHING, run
from tests.polling.model import MINUTE, SECOND, Traits
from tests.polling.promises import check

SWEEPS = Wishes(sweep_interval=5 * MINUTE)
RECONCILES = Wishes(reconcile_interval=4 * MINUTE, reconcile_window=timedelta(hours=1))
BOTH = replace(SWEEPS, reconcile_interval=4 * MINUTE, reconcile_window=timedelta(minutes=10))

WORLDS: dict[str, tuple[Traits, Wishes]] = {
    "deletions": (Traits(deletions=0.1), SWEEPS),
    "deletions and restorations": (Traits(deletions=0.1, restorations=0.1), SWEEPS),
    "objects that nobody may see for a while": (
        Traits(deletions=0.05, hidings=0.1, hidden_for=20 * MINUTE),
        SWEEPS,
    ),
    "objects that leave the filter": (Traits(deletions=0.05, unlistings=0.1), SWEEPS),
    "stale replicas": (
        Traits(deletions=0.1, restorations=0.05, stale=0.3, stale_by=60 * SECOND),
        BOTH,
    ),
    "back-dated imports": (Traits(back_dated=0.2), SWEEPS),
    "rows later than the overlap": (Traits(late_by=10 * MINUTE), RECONCILES),
    "rows later than the window of reconciliation": (Traits(late_by=20 * MINUTE), BOTH),
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
    for seed in range(30):
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
    for seed in range(30):
        check(run(seed, traits, told_before=told_before, old_edits=60))


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("traits", "wishes"), WORLDS.values(), ids=WORLDS.keys())
def test_promises_hold_with_slow_work_over_thousands_of_seeds(
    traits: Traits, wishes: Wishes
) -> None:
    for seed in range(1000, 4000):
        check(run(seed, traits, wishes=wishes))
