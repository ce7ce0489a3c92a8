"""Page commits in a table of many snapshots beside an empty one, in turns, on one server."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from bench.plan import RECORDS_PER_PAGE
from bench.report import Result
from bench.scene import Scene
from bench.table import Table, Timing, open_table
from daemon.store.embedded import EmbeddedPostgres

SEED = 7
WARM_UP = 3
MEGABYTE = 1_000_000
PARTS: Mapping[str, Sequence[str]] = {
    "look-up": ("lookup",),
    "commit": ("commit",),
    "both": ("lookup", "commit"),
}
FIRST_NEW = 10**12
"""Number of the first object that no table knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """The same pages in both tables, in turns."""

    empty: Sequence[Timing]
    full: Sequence[Timing]


async def measure(scene: Scene) -> Result:
    """First pages of new objects, then pages of changed ones, picked at random."""
    plan = scene.plan
    async with (
        EmbeddedPostgres(Path(scene.folder)) as server,
        open_table(server, "empty", 0) as empty,
        open_table(server, "full_one", plan.rows) as full,
    ):
        for table in (empty, full):
            await table.warm()
        await scene.calibration.take()
        count = plan.commits + WARM_UP
        new = await _time_new(empty, full, count)
        for table in (empty, full):
            await table.settle()
            await table.warm()
        await scene.calibration.take()
        changed = await _time_changed(empty, full, count, plan.rows)
        filled = full.fill_seconds, full.size
    return _result(scene, new, changed, filled)


async def _time_new(empty: Table, full: Table, count: int) -> Times:
    timings: tuple[list[Timing], list[Timing]] = ([], [])
    for turn in range(count):
        first = FIRST_NEW + turn * RECORDS_PER_PAGE
        numbers = range(first, first + RECORDS_PER_PAGE)
        for table, into in zip((empty, full), timings, strict=True):
            into.append(await table.commit_page(numbers, 0))
    return Times(empty=timings[0][WARM_UP:], full=timings[1][WARM_UP:])


async def _time_changed(empty: Table, full: Table, count: int, rows: int) -> Times:
    """Each object at most once; those of the table that was empty are the new ones from before."""
    chance, size = random.Random(SEED), count * RECORDS_PER_PAGE
    chosen = (
        [FIRST_NEW + number for number in chance.sample(range(size), size)],
        chance.sample(range(rows), size),
    )
    timings: tuple[list[Timing], list[Timing]] = ([], [])
    for begin in range(0, size, RECORDS_PER_PAGE):
        for table, objects, into in zip((empty, full), chosen, timings, strict=True):
            numbers = objects[begin : begin + RECORDS_PER_PAGE]
            into.append(await table.commit_page(numbers, RECORDS_PER_PAGE))
    return Times(empty=timings[0][WARM_UP:], full=timings[1][WARM_UP:])


def _result(scene: Scene, new: Times, changed: Times, filled: tuple[float, int]) -> Result:
    plan, (fill_seconds, size) = scene.plan, filled
    return Result(
        name="commit",
        title=(
            f"pages of {RECORDS_PER_PAGE} objects, {plan.commits} of each kind, in a table that was"
            f" empty and in one of {plan.rows:,} snapshots, in turns"
        ),
        columns=("empty ms", "full ms", "ratio"),
        rows=tuple(
            (f"{kind}: {name}", _row(times, parts))
            for kind, times in (("new", new), ("changed", changed))
            for name, parts in PARTS.items()
        ),
        notes=(f"filling took {fill_seconds:.1f} s and {size / MEGABYTE:,.0f} MB of disk",),
        values={
            "rows": plan.rows,
            "new": asdict(new),
            "changed": asdict(changed),
            "fill_seconds": fill_seconds,
            "size": size,
        },
        calibration=scene.calibration,
    )


def _row(times: Times, parts: Sequence[str]) -> tuple[float, float, float]:
    empty, full = (
        median(sum(getattr(timing, part) for part in parts) for timing in timings)
        for timings in (times.empty, times.full)
    )
    return empty, full, full / empty
