"""The promises hold when people change the filter or the zone under a cursor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from daemon.instance import ResourceState
from daemon.polling import refiltering as refiltering_module
from daemon.polling.refiltering import Refiltering
from daemon.polling.resource import ResourcePolling
from daemon.polling.sighting import Sighting
from daemon.polling.slow_pass import Wishes, begun_anew, listing_others
from daemon.polling.target import margins_of
from tests.polling.element import only
from tests.polling.life import NO_SLOW_WORK, Life, run
from tests.polling.model import MINUTE, SECOND, Traits
from tests.polling.promises import check

SWEEPS = Wishes(sweep_interval=5 * MINUTE)
ZONES = ("+9:00", "UTC", "-7:00")
HOURS = {"+9:00": 9, "UTC": 0, "-7:00": -7}

Rezoning = tuple[str, str, bool]
REZONINGS: list[Rezoning] = [
    (before, after, rewinds)
    for before in ZONES
    for after in ZONES
    if before != after
    for rewinds in (False, True)
]


def polling(zone: str = "UTC", where: str = "") -> ResourcePolling:
    dates = {
        "updatedDateField": "Changed",
        "updatedDateFormat": "yyyy-MM-dd HH:mm:ss",
        "updatedDateTimezone": zone,
        "createdDateField": "Created",
        "createdDateFormat": "yyyy-MM-dd HH:mm:ss",
        "createdDateTimezone": zone,
    }
    return only({"url": f"/hubs/crm/contacts{where}", "datesConfiguration": dates})


def refiltering(before: ResourcePolling, after: ResourcePolling) -> Refiltering:
    return Refiltering(before=before, after=after, margins=margins_of(after))


def apply(life: Life, change: Refiltering, *, rewinds: bool) -> None:
    """What is stored when a change is decided on; a new process goes by it."""
    database = life.database
    if database.state is ResourceState.BASELINE_PENDING:
        return
    marks = database.marks
    kept = change.rewound(marks, silent_at_baseline=True) if rewinds else change.kept(marks)
    database.marks = kept
    work = begun_anew(database.work, life.world.our_clock())
    database.work = listing_others(work) if change.lists_others else work
    life.start()


def rezoned(before: str, after: str, *, rewinds: bool) -> Callable[[Life], None]:
    """The same dates are taken for those of another zone."""

    def midway(life: Life) -> None:
        life.world.read_later_by += timedelta(hours=HOURS[before] - HOURS[after])
        life.projection = 2
        apply(life, refiltering(polling(before), polling(after)), rewinds=rewinds)

    return midway


def narrowed(life: Life) -> None:
    """All objects but a few leave the filter, and some of them are deleted."""
    for thing in list(life.world.things.values())[3:]:
        thing.unlisted, thing.was_unlisted = True, True
    change = refiltering(polling(), polling(where="?where=LastName='Ada'"))
    apply(life, change, rewinds=False)


def refiltered(life: Life) -> None:
    """Another filter that lets the same objects through; the old cursor is kept."""
    change = refiltering(polling(), polling(where="?where=LastName!='nobody'"))
    apply(life, change, rewinds=False)


@pytest.mark.parametrize("hours", [0, -7, 9])
def test_a_kept_filter_and_a_clock_that_is_set_lose_nothing(hours: int) -> None:
    traits = Traits(set_backs=0.2, zone=timedelta(hours=hours))
    for seed in range(20):
        check(run(seed, traits, midway=refiltered))


@pytest.mark.parametrize("rezoning", REZONINGS, ids=lambda each: " ".join(map(str, each)))
def test_another_zone_under_a_cursor_loses_and_repeats_nothing(rezoning: Rezoning) -> None:
    before, after, rewinds = rezoning
    traits = Traits(zone=timedelta(hours=HOURS[before]), late_by=60 * SECOND)
    for seed in range(8):
        life = run(seed, traits, midway=rezoned(before, after, rewinds=rewinds))
        check(life)


def test_a_narrowed_filter_is_quiet_and_what_left_it_is_told_when_it_is_deleted() -> None:
    traits = Traits(objects=40, deletions=0.02, page_size=20, bulk_edits=False)
    for seed in range(12):
        life = run(seed, traits, wishes=SWEEPS, midway=narrowed)
        check(life)
        assert life.braked == 0


def _blind_to_frames(self: Sighting, snapshot: Any, projection: int) -> bool:
    return self._has_same_content(snapshot, projection) and self._has_same_stamp(snapshot)


def _in_the_old_frame(instant: Any, before: Any, after: Any) -> Any:
    return instant


def test_stamps_of_two_frames_compared_repeat_what_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Sighting, "is_same", _blind_to_frames)
    assert any(_breaks(seed, rezoned("UTC", "-7:00", rewinds=True)) for seed in range(20))


def test_marks_left_in_the_frame_of_before_lose_what_changes_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(refiltering_module, "_read_as", _in_the_old_frame)
    assert any(_breaks(seed, rezoned("-7:00", "UTC", rewinds=False)) for seed in range(20))


def test_a_filter_change_that_sweeps_know_nothing_of_trips_the_brake() -> None:
    def forgetful(life: Life) -> None:
        narrowed(life)
        slow = life.database.work
        life.database.work = {
            kind: replace(each, lists_others=False) for kind, each in slow.items()
        }
        life.start()

    traits = Traits(objects=40, page_size=20, bulk_edits=False)
    assert any(run(seed, traits, wishes=SWEEPS, midway=forgetful).braked for seed in range(5))


def _breaks(seed: int, midway: Callable[[Life], None]) -> bool:
    try:
        check(run(seed, Traits(), wishes=NO_SLOW_WORK, midway=midway))
    except AssertionError:
        return True
    return False
