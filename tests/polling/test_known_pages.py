from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from daemon.instance import EventType
from daemon.polling.detection import Detected, Sighting
from daemon.polling.poller import Poller
from daemon.polling.snapshot import Snapshot, SnapshotWrite
from daemon.polling.source import Tally
from tests.polling.bench import MANNER
from tests.polling.model import Traits, World
from tests.polling.model_database import Database

SECOND = timedelta(seconds=1)


class Watched(World):
    """A provider that counts what is read by id."""

    read_by_id = 0

    async def one(self, object_key: str, *, background: bool = False) -> Sighting | None:
        self.read_by_id += 1
        return await super().one(object_key, background=background)


class Counting(Database):
    """A memory that counts how often it is asked."""

    asked = 0

    async def known(self, object_ids: Sequence[str]) -> Mapping[str, Snapshot]:
        self.asked += 1
        return await super().known(object_ids)

    async def write(self, snapshot: Snapshot, **changes: object) -> None:
        """Somebody else than the poll, such as slow work, writes an object."""
        written = replace(snapshot, revision=snapshot.revision + 1, **changes)  # type: ignore[arg-type]
        write = SnapshotWrite(snapshot=written, expected_revision=snapshot.revision)
        await self.commit(Detected(changes=(), writes=[write]), self.marks)


@pytest.fixture
def world() -> Watched:
    world = Watched(1, Traits(kills=0, edits_between_pages=False, page_size=10))
    for _ in range(4):
        world.edit()
        world.pass_time(3)
    return world


@pytest.fixture
def database(world: Watched) -> Counting:
    return Counting(world)


@pytest.fixture
async def poller(world: Watched, database: Counting) -> Poller:
    """Its baseline is read, and a poll has compared the page that shows it."""
    poller = Poller(world, database, MANNER, world.our_clock)
    await poller.poll_once()
    assert await poll(poller, world) == 4
    return poller


async def poll(poller: Poller, world: World) -> int:
    """How many unchanged objects the next poll counts."""
    tally = await poll_once(poller, world)
    assert (tally.told, tally.seen, tally.unidentified) == (0, 4, 0)
    return tally.suppressed


async def poll_once(poller: Poller, world: World) -> Tally:
    world.pass_time(1)
    return await poller.poll_once()


async def test_a_page_that_is_as_it_was_is_counted_and_not_compared_again(
    poller: Poller, world: Watched, database: Counting
) -> None:
    before = database.asked
    assert [await poll(poller, world) for _ in range(3)] == [4, 4, 4]
    assert (world.known_again, database.asked) == (3, before)


async def test_a_change_on_a_known_page_is_told(
    poller: Poller, world: Watched, database: Counting
) -> None:
    await poll(poller, world)
    changed = world.edit(world.things["00001"])
    assert (await poll_once(poller, world)).told == 1
    assert [change.object_id for change in database.told] == [changed.id]
    assert await poll(poller, world) == 4


async def test_a_known_page_is_compared_again_after_another_pass_has_written(
    poller: Poller, world: Watched, database: Counting
) -> None:
    await database.write(database.snapshots["00001"], deleted=True)
    assert (await poll_once(poller, world)).told == 1
    assert database.told[-1].type is EventType.CREATED
    assert world.read_by_id == 1


async def test_a_page_with_something_doubtful_is_never_known(
    poller: Poller, world: Watched, database: Counting
) -> None:
    """What a replica shows as older may be so tomorrow for the object itself."""
    known = database.snapshots["00001"]
    thing = world.things["00001"]
    newer = (known.stamp or world.now) + SECOND
    await database.write(known, stamp=newer, content_hash=b"2")
    believed = replace(thing.versions[-1], number=2, stamp=newer)
    listed, thing.versions[-1] = thing.versions[-1], believed

    def shown(*_: object) -> list[object]:
        return [*others, stale]

    stale = next(one for one in world._shown(world.now) if one.id == thing.id)._replace(
        stamp=listed.stamp, number=1
    )
    others = [one for one in world._shown(world.now) if one.id != thing.id]
    world._shown = shown  # type: ignore[method-assign, assignment]
    await poll_once(poller, world)
    await poll_once(poller, world)
    assert (world.read_by_id, world.known_again, len(database.told)) == (2, 0, 0)
    thing.versions[-1] = listed
    assert (await poll_once(poller, world)).told == 1
