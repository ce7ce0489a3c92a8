"""Pitfalls of the rows that a provider shows: late, tied, shifted, unordered, cut off, repeated."""

from __future__ import annotations

from bench.pitfalls.catalogue import pitfall
from bench.pitfalls.scene import RESOURCE, Scene
from daemon.sandbox.edits import Edits, Import


@pitfall(1, "late rows")
async def late_rows(scene: Scene) -> None:
    """One change becomes visible seconds after a later one was read."""
    await _come_late(scene, 20)


@pitfall(1, "rows that are hours late", looks_back=True)
async def hours_late(scene: Scene) -> None:
    """The same, beyond everything that a poll reads again."""
    await _come_late(scene, 7200)


async def _come_late(scene: Scene, seconds: float) -> None:
    await scene.watch()
    scene.switch(late={"seconds": seconds, "times": 1})
    scene.edit(1)
    scene.later(5)
    scene.edit(2)
    await scene.told()
    await scene.polls(5)
    scene.later(seconds)


@pitfall(2, "rows committed during a read")
async def committed_during_a_read(scene: Scene) -> None:
    """After each page of a walk, changes are committed that bear stamps from before it."""
    await scene.watch()
    scene.later(60)
    scene.switch(page_shift={"action": "edit", "whom": "unserved", "count": 20, "times": 5})
    scene.edit_many(25, seconds=0.5)
    scene.switch(stamp={"offset_seconds": -30})
    await scene.polls(10)
    await scene.told()


@pitfall(3, "equal stamps at the mark")
async def equal_stamps(scene: Scene) -> None:
    """Further changes within the second whose first change was read already."""
    await scene.watch()
    scene.service.clock.freeze()
    for number in (1, 2, 1):
        scene.edit(number)
        await scene.told()
        await scene.polls(2)
    scene.service.clock.run()


@pitfall(4, "one stamp for a whole import")
async def one_stamp_for_many(scene: Scene) -> None:
    """Pages of rows that share one stamp, in another order at every read, and then some more."""
    await scene.watch()
    scene.switch(unordered={"among": "ties"})
    scene.service.clock.freeze()
    edits = Edits(scene.service.store, scene.service.editor)
    for count in (75, 15):
        edits.bulk(Import(resource=RESOURCE, count=count), {})
        await scene.told()
    scene.service.clock.run()


@pitfall(6, "pages that shift while they are read")
async def shifting_pages(scene: Scene) -> None:
    """Rows of a page that was read change, so that the rows behind them move up a place."""
    await scene.watch()
    scene.switch(page_shift={"action": "edit", "whom": "served", "times": 8})
    scene.edit_many(35)
    await scene.told()


@pitfall(7, "rows that leave the window of a walk")
async def rows_leave_the_window(scene: Scene) -> None:
    """Rows that are still to be read change, and move behind the end of the walk."""
    await scene.watch()
    scene.switch(page_shift={"action": "edit", "whom": "unserved", "count": 60, "times": 2})
    scene.edit_many(35)
    await scene.told()


@pitfall(8, "unordered results")
async def unordered_results(scene: Scene) -> None:
    """For some reads the order that was asked for is not kept."""
    await scene.watch()
    scene.switch(unordered={"times": 6})
    scene.edit_many(35)
    await scene.told()


@pitfall(
    13,
    "no modification date on insert",
    undated=True,
    note="Maximizer dates what is new; where it does not, the url has to name both dates",
)
async def undated_inserts(scene: Scene) -> None:
    """New records have only a date of creation, until they are edited."""
    await scene.watch()
    scene.switch(undated={})
    number = scene.create()
    scene.later(30)
    await scene.told()
    scene.edit(number)
    await scene.told()


@pitfall(
    15,
    "a date that cannot be filtered by",
    profile={"not_queryable": ["AbEntry/LastModifyDate"]},
    note="as at a tenant whose dates can only be sorted by",
)
async def not_filterable(scene: Scene) -> None:
    """The date that records bear is not one that the API can search by."""
    await scene.watch()
    scene.edit(1)
    scene.later(5)
    scene.edit_many(15)
    await scene.told()


@pitfall(16, "results cut off at a cap")
async def page_cap(scene: Scene) -> None:
    """No answer goes beyond a number of rows, and none says so; the cap parts equal stamps."""
    await scene.watch()
    scene.switch(page_cap={"rows": 15})
    scene.edit_many(40, together=2)
    await scene.told()


@pitfall(
    22,
    "more changes than are remembered",
    page_size=100,
    note="concerns whoever reads again what was told: nobody else can forget it",
)
async def more_than_remembered(scene: Scene) -> None:
    """Hundreds of changes that share a stamp are shown at every read, and change once more."""
    await scene.watch()
    scene.service.clock.freeze()
    scene.edit_many(160, seconds=0)
    await scene.told()
    await scene.polls(4)
    scene.later(5)
    scene.edit_many(160, seconds=0)
    await scene.told()
    scene.service.clock.run()


@pitfall(23, "suppressed true updates")
async def back_and_forth(scene: Scene) -> None:
    """A value changes and changes back within a second: three changes, not one."""
    await scene.watch()
    scene.service.clock.freeze()
    for marker in ("A", "B", "A"):
        scene.edit(1, marker)
        await scene.told()
        await scene.polls(1)
    scene.service.clock.run()
