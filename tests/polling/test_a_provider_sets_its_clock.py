"""A provider whose own clock is set, and with it the stamps of what changes next."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from daemon.instance import EventType
from daemon.polling.refiltering import Refiltering
from daemon.polling.slow_pass import Wishes, begun_anew, listing_others
from daemon.polling.target import margins_of
from tests.polling.element import only
from tests.polling.life import Life
from tests.polling.model import Traits, World
from tests.polling.model_database import Database
from tests.polling.people import edit_at_random
from tests.polling.promises import check

HOUR = timedelta(hours=1)
LONG_BEFORE_SECONDS = 9000
"""Here clocks are not set back behind the baseline."""

OLD_SECONDS = 36_000
RECONCILED = Wishes(reconcile_interval=timedelta(minutes=6), reconcile_window=3 * HOUR)
WHOLE = only({"url": "/hubs/crm/contacts"})
OTHER = only({"url": "/hubs/crm/contacts?where=LastName != 'nobody'"})
REFILTERED = Refiltering(before=WHOLE, after=OTHER, margins=margins_of(OTHER))

OCCASIONS = {
    "an hour back": (-HOUR,),
    "two hours back": (-2 * HOUR,),
    "back and back again": (-HOUR, -2 * HOUR),
    "ahead and back": (HOUR, 0 * HOUR),
    "two hours ahead and back": (2 * HOUR, 0 * HOUR),
    "two hours ahead and back in two steps": (2 * HOUR, HOUR, 0 * HOUR),
}
"""How wrong the provider's clock is, one after the other."""


def live_through(errors: Sequence[timedelta], seed: int) -> Life:
    """Each error for some minutes up to most of an hour, then silence."""
    world = World(seed, Traits(kills=0.01, page_size=20, bulk_edits=False))
    for _ in range(8):
        world.edit()
        world.pass_time(20)
    life = Life(world=world, database=Database(world))
    _go_on(life, LONG_BEFORE_SECONDS, pauses=(60, 300, 600))
    for error in errors:
        world.set_clock(error)
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


@pytest.mark.parametrize("is_rewound", [False, True], ids=["keep", "rewind"])
@pytest.mark.parametrize("is_set_before", [False, True], ids=["set afterwards", "set before"])
def test_nothing_is_silenced_by_a_filter_changed_while_a_clock_was_ahead(
    *, is_rewound: bool, is_set_before: bool
) -> None:
    world = World(0, Traits(kills=0, bulk_edits=False, edits_between_pages=False))
    old = world.edit()
    world.pass_time(OLD_SECONDS)
    world.edit()
    life = Life(world=world, database=Database(world), wishes=RECONCILED)
    _poll_and_reconcile(life)
    world.pass_time(LONG_BEFORE_SECONDS)
    world.set_clock(HOUR)
    world.edit()
    _poll_and_reconcile(life)
    if is_set_before:
        world.set_clock(-HOUR)
    _change_filter(life, is_rewound=is_rewound)
    world.set_clock(-HOUR)
    world.pass_time(60)
    world.edit(old)
    world.quiet = True
    _poll_and_reconcile(life)
    check(life)
    assert [change.object_id for change in life.database.told].count(old.id) == 1


@pytest.mark.parametrize("zone", [0, -7, 9])
def test_behind_the_baseline_what_changes_is_told_and_what_is_older_is_not(zone: int) -> None:
    world = World(0, Traits(kills=0, zone=zone * HOUR, edits_between_pages=False))
    older = world.edit()
    world.pass_time(OLD_SECONDS)
    old = world.edit()
    world.pass_time(OLD_SECONDS)
    world.edit()
    life = Life(world=world, database=Database(world), wishes=RECONCILED)
    _poll_and_reconcile(life)
    world.set_clock(-5 * HOUR)
    world.edit(old)
    new = world.edit()
    world.quiet = True
    _poll_and_reconcile(life)
    world.set_clock(0 * HOUR)
    _poll_and_reconcile(life)
    check(life)
    told = [(change.object_id, change.type) for change in life.database.told]
    assert sorted(told) == [(old.id, EventType.UPDATED), (new.id, EventType.CREATED)]
    assert older.id not in dict(told)


def _poll_and_reconcile(life: Life) -> None:
    for _ in range(3):
        life.world.pass_time(400)
        life.poll()
        life.work_off()


def _change_filter(life: Life, *, is_rewound: bool) -> None:
    database = life.database
    if is_rewound:
        database.marks = REFILTERED.rewound(database.marks, silent_at_baseline=True)
    else:
        database.marks = REFILTERED.kept(database.marks)
    database.work = listing_others(begun_anew(database.work, life.world.our_clock()))
    life.start()
