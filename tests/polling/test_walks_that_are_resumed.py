"""A walk that is cut off, and goes on hours later, hides nothing of what came meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from daemon.instance import EventType
from daemon.polling.slow_pass import PassKind, Wishes
from daemon.polling.source import KnownPage, Reading
from tests.polling.life import Life
from tests.polling.model import MINUTE, Killed, NoPage, Traits, World
from tests.polling.model_database import Database
from tests.polling.promises import check

HOUR = timedelta(hours=1)
QUIET = Traits(kills=0, bulk_edits=False, edits_between_pages=False, page_size=20)
WORLDS = {
    "UTC": QUIET,
    "east of UTC": replace(QUIET, zone=9 * HOUR),
}
AHEAD = 130
SEVERAL_PAGES, A_PAGE = 4, 1


class MortalWorld(World):
    """A provider that answers so many pages more; then its poller dies, or a page does not come."""

    pages_left: int | None = None
    ending: type[Exception] = Killed

    async def page(
        self,
        bound: datetime | None,
        page_key: str | None,
        *,
        background: bool = False,
        known: KnownPage | None = None,
    ) -> Reading:
        if self.pages_left == 0:
            self.pages_left = None
            raise self.ending("It ends here.")
        if self.pages_left is not None:
            self.pages_left -= 1
        return await super().page(bound, page_key, background=background, known=known)


def begun(traits: Traits) -> tuple[MortalWorld, Life]:
    """A resource some minutes after its baseline, polled while it changes."""
    world = MortalWorld(0, traits)
    life = Life(world=world, database=Database(world))
    for _ in range(12):
        world.edit()
        world.pass_time(60)
    for _ in range(3):
        life.poll()
        world.pass_time(60)
        world.edit(world.things["00000"])
    life.poll()
    return world, life


def cut_off(world: MortalWorld, life: Life, pages: int) -> None:
    """A walk of which so many pages were committed."""
    world.pages_left = pages
    life.poll()
    assert life.database.marks.resume is not None


@pytest.mark.parametrize("ending", [Killed, NoPage])
@pytest.mark.parametrize("hours", [0.1, 1.5, 5, 30])
@pytest.mark.parametrize("traits", WORLDS.values(), ids=WORLDS)
def test_a_walk_among_many_stamps_ahead_of_the_time_goes_on_hours_later(
    traits: Traits, hours: float, ending: type[Exception]
) -> None:
    world, life = begun(traits)
    world.ending = ending
    for number in range(AHEAD):
        world.edit(stamp=world.stamp() + (number + 1) * 5 * MINUTE)
    cut_off(world, life, SEVERAL_PAGES)
    world.pass_time(hours * 1800)
    changed, new = world.edit(world.things["00003"]), world.edit()
    world.pass_time(hours * 1800)
    world.quiet = True
    for _ in range(2):
        life.poll()
        world.pass_time(60)
    check(life)
    told = {change.object_id for change in life.database.told}
    assert {changed.id, new.id} < told
    assert len(told) == AHEAD + 3


def test_a_walk_that_was_resumed_does_not_end_the_doubts_about_a_clock_set_back() -> None:
    world, life = begun(QUIET)
    world.set_clock(-HOUR)
    life.poll()
    for thing in list(world.things.values()):
        world.edit(thing)
    for _ in range(30):
        world.edit()
    cut_off(world, life, A_PAGE)
    clock = life.database.marks.clock
    assert clock is not None
    assert clock.set_back_to is not None
    world.pass_time(2 * 3600)
    life.poll()
    assert life.database.marks.resume is None
    assert life.database.marks.clock is not None
    assert life.database.marks.clock.set_back_to == clock.set_back_to
    life.poll()
    assert life.database.marks.clock is not None
    assert life.database.marks.clock.set_back_to is None
    check(life)


def test_a_baseline_that_begins_again_reads_what_changed_since_it_was_cut_off() -> None:
    world = MortalWorld(0, QUIET)
    life = Life(world=world, database=Database(world))
    for _ in range(30):
        world.edit()
    world.pages_left = 1
    life.poll()
    assert "00000" in life.database.snapshots
    world.edit(world.things["00000"])
    world.pass_time(2 * 3600)
    world.edit()
    world.pass_time(5)
    for _ in range(2):
        life.poll()
    check(life)
    assert life.database.told == []


class RestlessWorld(World):
    """A provider where something changes before every page."""

    async def page(
        self,
        bound: datetime | None,
        page_key: str | None,
        *,
        background: bool = False,
        known: KnownPage | None = None,
    ) -> Reading:
        self.edit(self.random.choice([*self.things.values()]))
        return await super().page(bound, page_key, background=background, known=known)


def test_a_sweep_without_order_ends_although_something_changes_all_the_time() -> None:
    world = RestlessWorld(0, replace(QUIET, shuffled=True, page_size=12))
    for _ in range(30):
        world.edit()
    world.pass_time(600)
    life = Life(world=world, database=Database(world), wishes=Wishes(sweep_interval=HOUR))
    for _ in range(3):
        life.poll()
        world.pass_time(60)
    life.sweep()
    sweep = life.database.work[PassKind.SWEEP]
    assert not sweep.is_begun
    assert not [change for change in life.database.told if change.type is EventType.DELETED]
