"""What a life in the model is held to: the promises of the product, object by object."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from daemon.instance import EventType
from daemon.notifications.change import Change
from tests.polling.life import Life
from tests.polling.model import Thing, Version, World


def check(life: Life) -> None:
    """Nothing lost, nothing twice, in order, CREATED once, DELETED once, revisions without gap."""
    for thing in life.world.things.values():
        told = [change for change in life.database.told if change.object_id == thing.id]
        assert [change.revision for change in told] == list(range(1, len(told) + 1))
        _check_versions(thing, told)
        _check_kinds(thing, told, life)
        _check_end(thing, life)
        _check_told(thing, told, life)
        _check_silence(thing, told, life)
        _check_backfill(thing, told, life)


def _check_versions(thing: Thing, told: Sequence[Change]) -> None:
    """In order, none twice; but one that comes back after a deletion is told as it is."""
    last = 0
    for change in told:
        if change.type is EventType.DELETED:
            last -= 1  # the same version again is no repetition
            continue
        number = _number(change)
        assert number > last, f"{thing.id}: version {number} is repeated or disordered"
        last = number


def _check_kinds(thing: Thing, told: Sequence[Change], life: Life) -> None:
    kinds = [change.type for change in told]
    deletions = sum(version.gone for version in thing.versions)
    assert kinds.count(EventType.DELETED) <= deletions or _was_out_of_sight(thing, life), kinds
    for before, kind in zip([None, *kinds], kinds, strict=False):
        after_deletion = before is EventType.DELETED
        if before is not None:
            assert (kind is EventType.CREATED) == after_deletion, f"{thing.id}: {kinds}"
        elif _is_new(thing, life):
            assert kind is EventType.CREATED, f"{thing.id}: creation not told {kinds}"


def _was_out_of_sight(thing: Thing, life: Life) -> bool:
    """Whether two sweeps may have missed it, and its reading by id too, with good reason."""
    traits, interval = life.world.traits, life.wishes.sweep_interval
    brief = interval is not None and traits.hidden_for < interval
    return thing.was_hidden and not brief and not traits.mass_hidings


def _is_new(thing: Thing, life: Life) -> bool:
    """Whether it was created after the baseline without any doubt."""
    ended_at, baseline_at = life.database.baseline_ended_at, _baseline_at(life)
    assert ended_at is not None
    assert baseline_at is not None
    since = thing.created > baseline_at + 2 * life.world.traits.granularity
    return since and thing.versions[0].visible_at > ended_at and not thing.was_hidden


def _check_end(thing: Thing, life: Life) -> None:
    """What is known of an object in the end is what is true of it."""
    snapshot = life.database.snapshots.get(thing.id)
    sweeps = life.wishes.sweep_interval is not None
    if thing.is_gone:
        gone = snapshot is None or snapshot.deleted
        assert gone or not sweeps, f"{thing.id}: its deletion was not told"
        return
    if thing.unlisted:
        assert snapshot is None or not snapshot.deleted, f"{thing.id}: it is there"
        return
    assert snapshot is not None or _never_read(thing, life), f"{thing.id} was never seen"
    if snapshot is not None:
        last = str(thing.versions[-1].number).encode()
        assert snapshot.content_hash == last, f"{thing.id}: its last version was not seen"
        assert not snapshot.deleted, f"{thing.id}: its return was not told"


def _check_told(thing: Thing, told: Sequence[Change], life: Life) -> None:
    """Whatever came to light after everything was read that is as old as it, is told."""
    if thing.is_gone or thing.was_hidden or thing.was_unlisted:
        return
    last = thing.versions[-1]
    if _has_to_be_told(thing, last, life):
        assert told, f"{thing.id}: version {last.number} was stored silently"
        assert _number(told[-1]) == last.number, f"{thing.id}: version {last.number} is lost"


def _has_to_be_told(thing: Thing, version: Version, life: Life) -> bool:
    database = life.database
    assert database.baseline_ended_at is not None
    if version.visible_at <= database.baseline_ended_at:
        return False
    if version.made_at > database.baseline_ended_at and not version.is_imported:
        return True
    if database.known_from is None or version.stamp >= database.known_from:
        return True
    return database.all_known_at is not None and version.visible_at > database.all_known_at


def _check_silence(thing: Thing, told: Sequence[Change], life: Life) -> None:
    """What was there when the resource was first looked at is told only as part of a backfill."""
    world = life.world
    if life.beginning.since is not None or thing.was_hidden or world.traits.stale:
        return
    assert life.began_at is not None
    baseline_at = _baseline_at(life)
    if baseline_at is None or thing.created > baseline_at:
        return  # newer than the newest stamp: an import has set its own stamp back
    old = [version for version in thing.versions if version.visible_at <= life.began_at]
    for change in told:
        returned = (
            thing.was_unlisted
            or _is_repeated(thing, world)
            or any(version.gone for version in thing.versions)
        )
        if change.type is not EventType.DELETED and not returned:
            assert _number(change) > len(old), f"{thing.id}: {_number(change)} is no change"


def _is_repeated(thing: Thing, world: World) -> bool:
    """Whether a clock set back may have shown the time of its stamp once more: that is doubtful."""
    return bool(world.traits.set_backs) and thing.versions[-1].stamp >= world.lowest_stamp


def _check_backfill(thing: Thing, told: Sequence[Change], life: Life) -> None:
    """All that was there (since an instant) is told, and marked as old where it was met first."""
    until, since = life.database.backfilled_until, life.beginning.since
    assert not any(change.backfill for change in told[1:])
    for first in told[:1]:
        if until is None or first.occurred_at != until:
            assert first.backfill == (until is not None and first.occurred_at < until)
    if until is None or since is None or thing.is_gone:
        return
    if thing.versions[-1].stamp >= since:
        assert told, f"{thing.id}: it was left out of the backfill"
    elif all(version.stamp < since for version in thing.versions):
        assert not told, f"{thing.id}: it is from before the backfill"
    if told and thing.created >= since:
        assert told[0].type is EventType.CREATED, f"{thing.id}: creation not told"


def _baseline_at(life: Life) -> datetime | None:
    """In the frame in which the provider dates its objects."""
    baseline_at = life.database.marks.baseline_at
    return baseline_at and baseline_at - life.world.read_later_by


def _never_read(thing: Thing, life: Life) -> bool:
    """Never changed since before anything was read."""
    known_from = life.database.marks.known_from
    stamp = thing.versions[-1].stamp + life.world.read_later_by
    return known_from is not None and stamp < known_from


def _number(change: Change) -> int:
    number: int = dict(change.raw or {})["version"]
    return number
