"""What a life in the model is held to: the promises of the product, object by object."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from daemon.instance import EventType
from daemon.notifications.change import Change
from tests.polling.life import Life
from tests.polling.model import SECOND, Thing, Version


def check(life: Life) -> None:
    """Nothing lost, nothing twice, in order, CREATED once, DELETED once, revisions without gap."""
    baseline = life.database.marks.baseline_at
    assert baseline is not None
    for thing in life.world.things.values():
        told = [change for change in life.database.told if change.object_id == thing.id]
        assert [change.revision for change in told] == list(range(1, len(told) + 1))
        _check_versions(thing, told)
        _check_kinds(thing, told, baseline)
        _check_end(thing, life)
        _check_told(thing, told, life)
        _check_silence(thing, told, life)


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


def _check_kinds(thing: Thing, told: Sequence[Change], baseline: datetime) -> None:
    kinds = [change.type for change in told]
    for before, kind in zip([None, *kinds], kinds, strict=False):
        after_deletion = before is EventType.DELETED
        if before is not None:
            assert (kind is EventType.CREATED) == after_deletion, f"{thing.id}: {kinds}"
        elif thing.created > baseline + 2 * SECOND and not thing.was_hidden:
            assert kind is EventType.CREATED, f"{thing.id}: creation not told {kinds}"


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
    if database.known_from is None or version.stamp >= database.known_from:
        return True
    return database.all_known_at is not None and version.visible_at > database.all_known_at


def _check_silence(thing: Thing, told: Sequence[Change], life: Life) -> None:
    """What was there when the resource was first looked at is told only as part of a backfill."""
    world = life.world
    if life.beginning.since is not None or thing.was_hidden or world.traits.stale:
        return
    assert life.began_at is not None
    old = [version for version in thing.versions if version.visible_at <= life.began_at]
    for change in told:
        returned = thing.was_unlisted or any(version.gone for version in thing.versions)
        if change.type is not EventType.DELETED and not returned:
            assert _number(change) > len(old), f"{thing.id}: {_number(change)} is no change"


def _never_read(thing: Thing, life: Life) -> bool:
    """Never changed since before anything was read."""
    known_from = life.database.marks.known_from
    return known_from is not None and thing.versions[-1].stamp < known_from


def _number(change: Change) -> int:
    number: int = dict(change.raw or {})["version"]
    return number
