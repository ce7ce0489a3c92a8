"""What one object that is never accepted holds back, beside batches that wait as a whole."""

from __future__ import annotations

from statistics import median

from bench.contagion import held_back_by_batches, make_pages
from bench.faults import check
from bench.report import Result
from bench.scene import Scene
from bench.worker import worker

OBJECTS = 1000
PAGE = 100
BATCH = 10
MOST_SHARE = 0.05


async def measure(scene: Scene) -> Result:
    """Pages of changes at random; what the real delivery leaves undone is asked of its database."""
    ours, naive, others = list[float](), list[float](), 0
    lanes = range(scene.plan.rounds)
    async with (
        worker("bench.callbacks") as callbacks,
        worker("bench.neighbours", str(scene.folder / "courier")) as neighbours,
    ):
        base = await callbacks.ask("start")
        await neighbours.ask("open_lanes", urls=[f"{base}/poison/{lane}/0" for lane in lanes])
        await neighbours.ask("start")
        for lane in lanes:
            await scene.calibration.take()
            pages = make_pages(scene.plan.poisoned, PAGE, OBJECTS, seed=lane)
            found = await neighbours.ask("poison", lane=lane, pages=pages)
            others = sum(name != "poison" for page in pages for name in page)
            check(found["others"] == others, f"{found['others']} events of {others} are known")
            ours.append(found["held_back"] / others)
            naive.append(held_back_by_batches(pages, BATCH) / others)
    return _result(scene, ours, naive, others)


def _result(scene: Scene, ours: list[float], naive: list[float], others: int) -> Result:
    kept = "kept" if max(ours) < MOST_SHARE else "BROKEN"
    return Result(
        name="poison",
        title=(
            f"one of {OBJECTS:,} objects is never accepted, about {others:,} events of the others"
            f" in {scene.plan.poisoned} pages, {len(ours)} turns"
        ),
        columns=("held back: median %", "most %"),
        rows=(
            ("product", (median(ours) * 100, max(ours) * 100)),
            (f"batches of {BATCH} that wait as a whole", (median(naive) * 100, max(naive) * 100)),
        ),
        notes=(f"under {MOST_SHARE:.0%} of the others' events held back: {kept}",),
        values={"product": ours, "naive": naive},
        calibration=scene.calibration,
    )
