"""Pitfalls of what a change is: created or updated, deleted or only not shown, old or new."""

from __future__ import annotations

from bench.pitfalls.catalogue import pitfall
from bench.pitfalls.scene import Scene

SWEEPS = 24
"""Calls: several times as many as a listing of all contacts takes."""
WHOLE_PAGES = 100


@pitfall(12, "created or updated by comparing dates")
async def created_or_updated(scene: Scene) -> None:
    """One record is edited before it is first read, another right after that."""
    await scene.watch()
    early = scene.create()
    scene.later(30)
    scene.edit(early)
    await scene.told()
    late = scene.create()
    await scene.told()
    scene.later(2)
    scene.edit(late)
    scene.edit(1)
    await scene.told()


@pitfall(21, "a first run that floods")
async def first_run(scene: Scene) -> None:
    """What was changed just before the watch begins is no change; all that comes after is."""
    scene.edit_many(30, seconds=0)
    await scene.watch()
    await scene.polls(3)
    scene.edit(1)
    await scene.told()


@pitfall(24, "deletions from a partial list", deletes=True, page_size=WHOLE_PAGES)
async def partial_list(scene: Scene) -> None:
    """For a while a third of all records is not shown; one is deleted in earnest later."""
    await scene.watch()
    await scene.polls(SWEEPS)
    scene.switch(hidden={"share": 0.3})
    await scene.polls(SWEEPS)
    scene.switch(hidden=None)
    scene.delete(5)
    scene.edit(6)
    await scene.told()


@pitfall(25, "changes after a deletion", deletes=True, page_size=WHOLE_PAGES)
async def after_a_deletion(scene: Scene) -> None:
    """A record is deleted, restored and edited; each is told as what it is."""
    await scene.watch()
    await scene.polls(SWEEPS)
    scene.delete(5)
    await scene.told()
    scene.later(5)
    scene.service.editor.restore(scene.record(5))
    await scene.told()
    scene.later(5)
    scene.edit(5)
    await scene.told()
