"""Local stamps without an offset lose and repeat nothing when the clocks of their zone are set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from daemon.polling.detection import detect
from daemon.polling.folds import other_reading
from daemon.polling.noticing import Manner
from daemon.polling.poller import Poller
from daemon.polling.sighting import Sighting
from daemon.polling.source import KnownPage, Reading
from daemon.polling.window import Margins, Row, floor
from daemon.polling.zones import to_utc
from daemon.store.database import Database as Store
from tests.polling.life import Life
from tests.polling.model import SECOND, Shown, Traits, World
from tests.polling.model_database import Database
from tests.polling.people import edit_at_random
from tests.polling.promises import check
from tests.polling.watching import watching

HOUR = timedelta(hours=1)
BERLIN, VANCOUVER = ZoneInfo("Europe/Berlin"), ZoneInfo("America/Vancouver")
OCCASIONS = {
    "Berlin, set back": (BERLIN, datetime(2026, 10, 25, 1, tzinfo=UTC)),
    "Berlin, set forward": (BERLIN, datetime(2026, 3, 29, 1, tzinfo=UTC)),
    "Vancouver, set back": (VANCOUVER, datetime(2026, 11, 1, 9, tzinfo=UTC)),
    "Vancouver, set forward": (VANCOUVER, datetime(2026, 3, 8, 10, tzinfo=UTC)),
}


class LocalWorld(World):
    """A provider that writes, sorts and searches by local time, and knows no offset."""

    def __init__(self, seed: int, zone: ZoneInfo, begins_at: datetime) -> None:
        super().__init__(seed, Traits(page_size=5, kills=0.01, edits_between_pages=False))
        self.zone = zone
        self.now = begins_at + timedelta(seconds=self.random.random() * 3600)

    async def page(
        self,
        bound: datetime | None,
        page_key: str | None,
        *,
        background: bool = False,
        known: KnownPage | None = None,
    ) -> Reading:
        self._happen()
        shown = self._sorted()
        if bound is not None:
            literal = bound.astimezone(self.zone).replace(tzinfo=None)
            shown = [one for one in shown if self.local(one) >= literal]
        return self._cut(shown, page_key)

    async def newest(self, before: datetime | None = None) -> Reading:
        return self._reading(self._sorted()[-1:], next_key=None, complete=True)

    def local(self, one: Shown) -> datetime:
        """What the provider has of a stamp: digits."""
        assert one.stamp is not None
        return self.text(one.stamp)

    def text(self, instant: datetime) -> datetime:
        return instant.astimezone(self.zone).replace(tzinfo=None, fold=0)

    def _sorted(self) -> Sequence[Shown]:
        return sorted(self._shown(self.now), key=lambda one: (self.local(one), one.id))

    def _pair(self, one: Shown) -> tuple[Row, Sighting]:
        row, sighting = super()._pair(one)
        stamp = to_utc(self.local(one), self.zone, self.now)
        read = replace(
            sighting,
            stamp=stamp,
            created=to_utc(self.text(one.created), self.zone, self.now),
            other_stamp=other_reading(self.zone, stamp),
        )
        return replace(row, stamp=stamp), read


class LocalLife(Life):
    """The life of a resource whose zone is configured."""

    def start(self) -> None:
        super().start()
        world = self.world
        assert isinstance(world, LocalWorld)
        margins = Margins(
            overlap=timedelta(minutes=2),
            poll_delay=timedelta(0),
            settle_lag=timedelta(0),
            granularity=SECOND,
            zone_configured=True,
            zone=world.zone,
        )
        manner = Manner(margins=margins, tolerance=timedelta(0), projection=1)
        self.poller = Poller(world, self.database, manner, world.our_clock)


def live_through(zone: ZoneInfo, change: datetime, seed: int) -> Life:
    """Hours around a change of clocks, polled every few minutes or after a longer outage."""
    world = LocalWorld(seed, zone, change - 3 * HOUR)
    for _ in range(8):
        world.edit()
        world.pass_time(60)
    life = LocalLife(world=world, database=Database(world))
    while world.now < change + 4 * HOUR:
        for _ in range(world.random.randrange(4)):
            edit_at_random(world)
            world.pass_time(world.random.random() * 120)
        if world.random.random() < 0.1:
            world.our_skew = timedelta(hours=world.random.choice((-1, 0, 1)))
        life.poll()
        world.pass_time(world.random.choice((60, 300, 900, 5400)))
    world.quiet = True
    for _ in range(3):
        world.pass_time(60)
        life.poll()
    return life


@pytest.mark.parametrize(("zone", "change"), OCCASIONS.values(), ids=OCCASIONS)
def test_nothing_is_lost_or_repeated_when_clocks_are_set(zone: ZoneInfo, change: datetime) -> None:
    for seed in range(60):
        check(live_through(zone, change, seed))


AZORES = ZoneInfo("Atlantic/Azores")


class UnknowinglyLocalWorld(World):
    """A provider whose stamps look like UTC, and are local time of a zone nobody configured."""

    def stamp(self) -> datetime:
        return floor(self.now, SECOND).astimezone(AZORES).replace(tzinfo=UTC)


def live_through_unknowingly(seed: int) -> Life:
    """From summer, when the clocks of the Azores show UTC, into winter, when they do not."""
    world = UnknowinglyLocalWorld(seed, Traits(kills=0.01, page_size=20, bulk_edits=False))
    change = OCCASIONS["Berlin, set back"][1]
    world.now = change - HOUR - timedelta(seconds=world.random.random() * 3600)
    life = Life(world=world, database=Database(world))
    while world.now < change + 3 * HOUR:
        for _ in range(world.random.randrange(3)):
            edit_at_random(world)
            world.pass_time(world.random.random() * 60)
        life.poll()
        world.pass_time(world.random.choice((60, 300, 900)))
    world.quiet = True
    for _ in range(3):
        world.pass_time(60)
        life.poll()
    return life


def test_clocks_that_showed_utc_and_are_set_back_lose_nothing() -> None:
    for seed in range(30):
        check(live_through_unknowingly(seed))


def test_a_proof_of_utc_that_outlives_the_season_loses_what_follows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("daemon.polling.window.season", lambda _: 0)
    assert any(_breaks(live_through_unknowingly, seed) for seed in range(30))


def _never_after_fold(*_: Any) -> bool:
    return False


def _as_it_is(_: Any, bound: datetime) -> datetime:
    return bound


def _as_read(sightings: Any, *arguments: Any, **options: Any) -> Any:
    deaf = [replace(sighting, other_stamp=None) for sighting in sightings]
    return detect(deaf, *arguments, **options)


MUTANTS: dict[str, list[tuple[str, Callable[..., Any]]]] = {
    "the overlap takes no notice of clocks set back": [
        ("daemon.polling.window.is_after_fold", _never_after_fold),
        ("daemon.polling.window.before_repetition", _as_it_is),
    ],
    "the two readings of a stamp are two versions": [("daemon.polling.noticing.detect", _as_read)],
}


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=MUTANTS)
def test_without_its_rule_a_clock_set_back_breaks_a_promise(
    mutant: list[tuple[str, Callable[..., Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, replacement in mutant:
        monkeypatch.setattr(name, replacement)
    live = partial(live_through, *OCCASIONS["Berlin, set back"])
    assert any(_breaks(live, seed) for seed in range(60))


def _breaks(live: Callable[[int], Life], seed: int) -> bool:
    try:
        check(live(seed))
    except AssertionError:
        return True
    return False


@pytest.mark.parametrize("is_right", [True, False], ids=["our clock right", "our clock wrong"])
@pytest.mark.parametrize("occasion", OCCASIONS)
async def test_a_tenant_in_local_time_is_followed_through_the_change(
    database: Store, monkeypatch: pytest.MonkeyPatch, occasion: str, is_right: bool
) -> None:
    """The same end to end: no offset anywhere, and our clock errs either way."""
    zone, change = OCCASIONS[occasion]
    async with watching(
        database,
        monkeypatch,
        "addressbook-entries",
        at=change - 2 * HOUR,
        switches={"stamp_zones": {"AbEntry": zone.key}},
        url="/hubs/crm/addressbook-entries?where=LastModifyDate>"
        f"'${{dateTimeZone:{zone.key}:yyyy-MM-dd'T'HH:mm:ss}}'",
        datesConfiguration={
            "updatedDateFormat": "yyyy-MM-dd'T'HH:mm:ss'Z'",
            "updatedDateTimezone": zone.key,
        },
    ) as watched:
        old = await watched.crm.contact("Old")
        await watched.poll()
        for number in range(14):
            watched.our_error = timedelta(0) if is_right else (number // 3 % 3 - 1) * HOUR
            await watched.crm.edit(old, LastName=f"Old {number}")
            new = await watched.crm.contact(f"New {number}")
            await watched.poll(1080)
            assert sorted(await watched.told()) == [
                ("CREATED", new["key"]),
                ("UPDATED", old["key"]),
            ]
