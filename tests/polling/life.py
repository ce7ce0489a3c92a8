"""The life of one resource in the model: edits, polls, slow work and kills, then silence."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from daemon.instance import ResourceState
from daemon.polling.baseline import Beginning
from daemon.polling.noticing import Manner
from daemon.polling.poller import Poller
from daemon.polling.slow_pass import PassKind, Wishes, reconciled, sweep_requested
from daemon.polling.slow_work import SlowWork
from daemon.polling.source import Tally
from daemon.polling.window import BEGINNING, Margins
from tests.polling.model import SECOND, Killed, NoPage, Traits, World
from tests.polling.model_database import RECHECKED_AFTER, Database
from tests.polling.people import edit_at_random

OVERLAP = timedelta(seconds=120)
NO_SLOW_WORK = Wishes()
EVERYTHING = timedelta.max
ROUNDS = 40
MOST_STEPS = 5000


@dataclass(slots=True, kw_only=True)
class Life:
    """One resource, its poller and its slow work. What `missed` counts is what only they found,
    what `braked` counts are their sweeps that stopped. `projection` is of what snapshots are made.
    """

    world: World
    database: Database
    wishes: Wishes = NO_SLOW_WORK
    beginning: Beginning = field(default_factory=Beginning)
    missed: int = 0
    braked: int = 0
    projection: int = 1
    began_at: datetime | None = None
    poller: Poller = field(init=False)
    slow_work: SlowWork = field(init=False)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """A new process begins with what was committed."""
        world, database = self.world, self.database
        margins = Margins(
            overlap=OVERLAP,
            poll_delay=timedelta(0),
            settle_lag=timedelta(0),
            granularity=world.traits.granularity,
            zone_configured=False,
        )
        manner = Manner(
            margins=margins,
            tolerance=timedelta(0),
            projection=self.projection,
            ordered=not world.traits.both_dates,
        )
        database.work = reconciled(database.work, self.wishes, world.our_clock())
        self.poller = Poller(world, database, manner, world.our_clock)
        self.slow_work = SlowWork(world, database, manner, self.wishes, world.our_clock)

    def poll(self) -> None:
        """One poll, as far as it gets."""
        self.began_at = self.began_at or self.world.now
        if self._drive(self.poller.poll_once(self.beginning)):
            self.world.was_looked_at = True

    def step(self) -> None:
        """One step of slow work, if any is due and a poll has opened the resource."""
        due_at = self.slow_work.next_due_at()
        is_open = self.database.state is ResourceState.ACTIVE
        if is_open and due_at is not None and due_at <= self.world.our_clock():
            self._drive(self.slow_work.step())

    @property
    def is_busy(self) -> bool:
        due_at = self.slow_work.next_due_at()
        return due_at is not None and due_at <= self.world.our_clock()

    def sweep(self, *, confirm: bool = False) -> None:
        """A whole sweep, asked for by a person."""
        self._request(confirm=confirm)
        for _ in range(MOST_STEPS):
            if not self.is_busy:
                return
            self.step()
        raise AssertionError("the slow work never comes to its end")

    def _request(self, *, confirm: bool) -> None:
        self.database.work = sweep_requested(
            self.database.work, self.world.our_clock(), confirm=confirm
        )

    def work_off(self) -> None:
        """All slow work that is due."""
        for _ in range(MOST_STEPS):
            if not self.is_busy:
                return
            self.step()
        raise AssertionError("the slow work never comes to its end")

    def _drive(self, work: Coroutine[Any, Any, Tally]) -> bool:
        """Run a coroutine that never waits for anything, to its end; False if that has killed the
        process, and a new one was started."""
        try:
            work.send(None)
        except StopIteration as end:
            self.missed += end.value.missed
            self.braked += end.value.braked
            return True
        except NoPage:
            if not self.poller.bookmark.holds:
                self.start()
            return False
        except Killed:
            if self.world.random.random() < self.world.traits.losses:
                self.database.sightings.clear()
            self.start()
            return False
        raise AssertionError("the model waited for something")


def run(
    seed: int,
    traits: Traits,
    *,
    wishes: Wishes = NO_SLOW_WORK,
    told_before: timedelta | None = None,
    old_edits: int = 12,
    midway: Callable[[Life], None] = lambda _: None,
) -> Life:
    """One life of a resource: edits, polls and kills, then silence until all has been read.

    `told_before` is how much of what was there before is told: EVERYTHING, or nothing if None.
    `midway` is what somebody does in the middle of it.
    """
    world = World(seed, traits, edit_at_random)
    for _ in range(traits.objects):
        world.edit()
    for _ in range(world.random.randrange(old_edits)):
        edit_at_random(world)
        world.pass_time(world.random.random() * 40)
    life = Life(
        world=world,
        database=Database(world),
        wishes=wishes,
        beginning=_beginning(world, told_before),
    )
    for _ in range(ROUNDS // 2):
        _live(life)
    midway(life)
    for _ in range(ROUNDS // 2):
        _live(life)
    _settle(life)
    return life


def _beginning(world: World, told_before: timedelta | None) -> Beginning:
    if told_before is None or told_before is EVERYTHING:
        return Beginning(since=told_before and BEGINNING)
    return Beginning(since=world.stamp() - told_before)


def _live(life: Life) -> None:
    world = life.world
    world.is_known = life.database.all_known_at is not None
    is_set = world.traits.set_backs and world.was_looked_at
    if is_set and world.random.random() < world.traits.set_backs:
        world.set_clock(timedelta(hours=world.random.choice((-5, -2, -1, 0, 3))))
    for _ in range(world.random.randrange(4)):
        edit_at_random(world)
        world.pass_time(world.random.random() * 3)
    if world.traits.clock_jumps and world.random.random() < 0.1:
        world.our_skew = timedelta(hours=world.random.choice((-1, 0, 1)))
    life.poll()
    if world.traits.polls_again and world.random.random() < world.traits.polls_again:
        life.poll()
    for _ in range(world.random.randrange(8)):
        life.step()
        if world.random.random() < 0.2:
            edit_at_random(world)
    world.pass_time(world.random.random() * 90)


def _settle(life: Life) -> None:
    """Nobody edits any more, and nothing goes wrong: in the end everything was read."""
    world = life.world
    world.quiet = True
    world.our_skew = timedelta(0)
    hidden = max((thing.hidden_until for thing in world.things.values()), default=world.now)
    world.now = max(world.now, hidden)
    for _ in range(4):
        world.pass_time(world.traits.late_by.total_seconds() + 5)
        life.poll()
        life.work_off()
    if life.wishes == NO_SLOW_WORK and PassKind.BACKFILL not in life.database.work:
        return
    for _ in range(2 + RECHECKED_AFTER):
        longest = max((life.wishes.interval(kind) or SECOND) for kind in PassKind)
        world.pass_time(longest.total_seconds())
        life.poll()
        if life.wishes.sweep_interval is not None:
            life.sweep(confirm=True)
        life.work_off()
