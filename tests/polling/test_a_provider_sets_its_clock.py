"""A provider whose own clock is set, and with it the stamps of what changes next."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from tests.polling.life import Life
from tests.polling.model import Traits, World
from tests.polling.model_database import Database
from tests.polling.people import edit_at_random
from tests.polling.promises import check

HOUR = timedelta(hours=1)
LONG_BEFORE_SECONDS = 9000
"""Clocks are not set back behind the baseline: what is created then counts as older."""

OCCASIONS = {
    "an hour back": (-HOUR,),
    "two hours back": (-2 * HOUR,),
    "back and back again": (-HOUR, -2 * HOUR),
    "ahead and back": (HOUR, 0 * HOUR),
    "two hours ahead and back": (2 * HOUR, 0 * HOUR),
    "two hours ahead and back in two steps": (2 * HOUR, HOUR, 0 * HOUR),
}
"""How wrong the provider's clock is, one after the other."""


class WrongWorld(World):
    """A provider that is wrong about the time; ours is right."""

    error = timedelta(0)

    def stamp(self) -> datetime:
        return super().stamp() + self.error

    def _provider_time(self) -> datetime:
        return super()._provider_time() + self.error


def live_through(errors: Sequence[timedelta], seed: int) -> Life:
    """Each error for some minutes up to most of an hour, then silence."""
    world = WrongWorld(seed, Traits(kills=0.01, page_size=20, bulk_edits=False))
    for _ in range(8):
        world.edit()
        world.pass_time(20)
    life = Life(world=world, database=Database(world))
    _go_on(life, LONG_BEFORE_SECONDS, pauses=(60, 300, 600))
    for error in errors:
        world.error = error
        _go_on(life, world.random.uniform(60, 3000), pauses=(30, 60, 200))
    world.quiet = True
    for _ in range(3):
        world.pass_time(60)
        life.poll()
    return life


def _go_on(life: Life, seconds: float, pauses: Sequence[int]) -> None:
    world = life.world
    end = world.now + timedelta(seconds=seconds)
    while world.now < end:
        for _ in range(world.random.randrange(3)):
            edit_at_random(world)
            world.pass_time(world.random.random() * 20)
        life.poll()
        world.pass_time(world.random.choice(pauses))


@pytest.mark.parametrize("errors", OCCASIONS.values(), ids=OCCASIONS)
def test_nothing_is_lost_when_a_provider_sets_its_clock(errors: Sequence[timedelta]) -> None:
    for seed in range(15):
        check(live_through(errors, seed))
