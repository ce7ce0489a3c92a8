"""The people of the model: they create, edit, delete, restore, import and hide, at random."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from daemon.polling.slow_pass import LEAST_BRAKE
from tests.polling.model import FAR_FUTURE, Thing, World

LONG_AGO = timedelta(hours=30)
"""How far back-dated imports go, at most."""


def edit_at_random(world: World) -> None:
    """One edit, or a bulk of them under one stamp, now and then; rarely something worse."""
    dice, share = world.random.random(), 0.0
    for part, happening in _happenings(world):
        share += part
        if dice < share:
            happening(world)
            return
    _edit_ordinarily(world)


def _happenings(world: World) -> Sequence[tuple[float, Callable[[World], None]]]:
    traits = world.traits
    return (
        (traits.deletions, _delete),
        (traits.restorations, _restore),
        (traits.back_dated, _import),
        (traits.hidings, _hide),
        (traits.mass_hidings, _hide_all),
        (traits.unlistings, _unlist),
        (0.05 if traits.bulk_edits else 0, _edit_many),
        (0.02 if traits.far_future else 0, _edit_far_ahead),
        (traits.hours_ahead, _edit_ahead),
    )


def _living(world: World) -> list[Thing]:
    return [thing for thing in world.things.values() if not thing.is_gone]


def _edit_ordinarily(world: World) -> None:
    living = _living(world)
    if not living or world.random.random() < 0.35:
        world.edit()
    else:
        world.edit(world.random.choice(living))


def _delete(world: World) -> None:
    if living := _living(world):
        world.delete(world.random.choice(living))


def _restore(world: World) -> None:
    if gone := [thing for thing in world.things.values() if thing.is_gone]:
        world.restore(world.random.choice(gone))


def _import(world: World) -> None:
    """A new object as old as its import says, or an old one with an earlier stamp."""
    stamp = world.stamp() - LONG_AGO * world.random.random()
    living = _living(world)
    if living and world.random.random() < 0.5:
        world.edit(world.random.choice(living), stamp.replace(microsecond=0))
    else:
        world.edit(stamp=stamp.replace(microsecond=0))


def _hide(world: World) -> None:
    """An object that was never hidden is for a while."""
    if open_ones := [thing for thing in _living(world) if not thing.was_hidden]:
        thing = world.random.choice(open_ones)
        world.hide(thing, world.traits.hidden_for * world.random.random())


def _hide_all(world: World) -> None:
    """A permission is lost after everything was seen once, and comes back."""
    living = _living(world)
    if world.is_known and len(living) > 2 * LEAST_BRAKE:
        for thing in living:
            world.hide(thing, world.traits.hidden_for)


def _unlist(world: World) -> None:
    """An object leaves the filter, or comes back to it."""
    if living := _living(world):
        thing = world.random.choice(living)
        thing.unlisted, thing.was_unlisted = not thing.unlisted, True


def _edit_many(world: World) -> None:
    living = _living(world)
    for thing in world.random.sample(living, min(len(living), 3 * world.traits.page_size)):
        world.edit(thing)


def _edit_ahead(world: World) -> None:
    """A wrong clock dates a version some hours ahead, which may be now in another zone."""
    if living := _living(world):
        ahead = timedelta(hours=world.random.randint(1, world.traits.most_ahead))
        world.edit(world.random.choice(living), world.stamp() + ahead)


def _edit_far_ahead(world: World) -> None:
    if living := _living(world):
        world.edit(world.random.choice(living), FAR_FUTURE)
