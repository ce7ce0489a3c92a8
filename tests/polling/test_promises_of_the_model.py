"""The promises hold over many seeds of a modelled world, and break when a rule is taken out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from daemon.polling import noticing, poller, window
from daemon.polling.detection import Detected, detect
from daemon.polling.walk import Walk
from daemon.polling.window import Margins, Marks
from tests.polling.life import run
from tests.polling.model import SECOND, Traits
from tests.polling.promises import check

WORLDS = {
    "plain": Traits(),
    "late rows": Traits(late_by=timedelta(seconds=100)),
    "local time west of UTC": Traits(
        zone=timedelta(hours=-7), late_by=timedelta(seconds=60), page_size=10
    ),
    "local time east of UTC": Traits(zone=timedelta(hours=9), page_size=10),
    "clocks that jump": Traits(clock_jumps=True, late_by=timedelta(seconds=60)),
    "stamps in the far future": Traits(far_future=True),
    "no order": Traits(shuffled=True, page_size=12, bulk_edits=False),
    "no date of modification on insert, what has none comes first": Traits(
        undated=0.5, both_dates=True, nulls_first=True, bulk_edits=False
    ),
    "no date of modification on insert, what has none comes last": Traits(
        undated=0.5, both_dates=True, bulk_edits=False
    ),
    "killed often": Traits(kills=0.2),
    "pages that do not come": Traits(failures=0.3, late_by=timedelta(seconds=60)),
    "many versions in a second": Traits(pace=0.02),
    "stamps some hours ahead": Traits(hours_ahead=0.05),
    "east of UTC, stamps some hours ahead": Traits(
        zone=timedelta(hours=9), hours_ahead=0.05, page_size=10
    ),
    "a clock that is set to another hour": Traits(set_backs=0.15),
    "a clock that is set, local time west of UTC": Traits(
        set_backs=0.15, zone=timedelta(hours=-7), late_by=timedelta(seconds=60), page_size=10
    ),
    "a clock that is set, local time east of UTC": Traits(
        set_backs=0.15, zone=timedelta(hours=9), kills=0.15
    ),
    "a clock that is set, and stamps some hours ahead": Traits(
        set_backs=0.15, hours_ahead=0.05, polls_again=0.5, slow_by=2 * SECOND
    ),
    "stamps some hours ahead, polled twice within a second": Traits(
        hours_ahead=0.05, polls_again=0.5, slow_by=2 * SECOND
    ),
}


@pytest.mark.parametrize("traits", WORLDS.values(), ids=WORLDS.keys())
def test_promises_hold_in_every_world(traits: Traits) -> None:
    for seed in range(50):
        check(run(seed, traits))


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("traits", WORLDS.values(), ids=WORLDS.keys())
def test_promises_hold_over_thousands_of_seeds(traits: Traits) -> None:
    for seed in range(1000, 6000):
        check(run(seed, traits))


def _without_overlap(self: Margins, *, proved: bool) -> timedelta:
    return timedelta(0)


def _exclusive_bound(*arguments: Any, **options: Any) -> datetime | None:
    bound = ORIGINAL_LOWER_BOUND(*arguments, **options)
    return None if bound is None else bound + 130 * SECOND


def _uncapped(provider_time: datetime, margins: Margins) -> datetime:
    return provider_time + timedelta(hours=2)


def _one_pass(self: Walk, rows: Any) -> Walk:
    following = self._following(rows)
    return self._go_on(following, complete=following is None)


def _next_stamp_only(self: Walk, last: datetime | None, *, complete: bool) -> Walk:
    walk = ORIGINAL_GO_ON(self, last, complete=complete)
    return replace(walk, bound=walk.bound and walk.bound + SECOND)


def _cursor_ahead_of_the_walk(self: poller.Poller, walk: Any, *others: Any) -> Marks:
    marks = ORIGINAL_MARKS_AFTER(self, walk, *others)
    return replace(marks, cursor_at=walk.cap or marks.cursor_at, resume=None)


def _blind_to_equal_stamps(sightings: Any, known: Any, rules: Any, **options: Any) -> Detected:
    fresh = [
        sighting
        for sighting in sightings
        if (snapshot := known.get(sighting.object_id)) is None or snapshot.stamp != sighting.stamp
    ]
    return detect(fresh, known, rules, **options)


def _no_store(sightings: Any, _known: Any, rules: Any, **options: Any) -> Detected:
    return detect(sightings, {}, rules, **options)


ORIGINAL_LOWER_BOUND = window.lower_bound
ORIGINAL_GO_ON = Walk._go_on
ORIGINAL_MARKS_AFTER = poller.Poller._marks_after

CAPS = (window, poller)

MUTANTS: dict[str, tuple[object, str, Callable[..., Any], Traits]] = {
    "no overlap": (Margins, "overlap_in", _without_overlap, WORLDS["late rows"]),
    "the lower bound is exclusive": (window, "lower_bound", _exclusive_bound, WORLDS["late rows"]),
    "the cap is ahead of the walk": (CAPS, "proved_cap", _uncapped, WORLDS["late rows"]),
    "one pass over equal stamps": (
        Walk,
        "_end_pass",
        _one_pass,
        Traits(page_size=3, objects=20),
    ),
    "pages begin after the last stamp": (Walk, "_go_on", _next_stamp_only, WORLDS["plain"]),
    "the cursor moves before the walk ends": (
        poller.Poller,
        "_marks_after",
        _cursor_ahead_of_the_walk,
        WORLDS["killed often"],
    ),
    "versions of one stamp are one": (
        noticing,
        "detect",
        _blind_to_equal_stamps,
        Traits(pace=0.02),
    ),
    "snapshots are not looked at": (noticing, "detect", _no_store, WORLDS["plain"]),
}


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=MUTANTS.keys())
def test_taking_out_a_rule_breaks_a_promise(
    mutant: tuple[object, str, Callable[..., Any], Traits], monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, name, replacement, traits = mutant
    for each in owner if isinstance(owner, tuple) else (owner,):
        monkeypatch.setattr(each, name, replacement)
    assert any(_breaks(seed, traits) for seed in range(400))


def _breaks(seed: int, traits: Traits) -> bool:
    try:
        check(run(seed, traits))
    except AssertionError:
        return True
    return False
