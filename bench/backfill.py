"""A backfill of a million records, killed in the middle, beside live polls of the same account."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any

from bench import memory
from bench.faults import check
from bench.instances import create_instance
from bench.product import QUERIES, Home, Product, run_product
from bench.report import Cell, Result
from bench.samples import percentile
from bench.scene import Scene
from bench.worker import Worker, worker

ACCOUNT = "workshop"
OLD = "old-0"
CALLS_PER_SECOND = 40
"""What the account allows; a fifth of it is the reserve of live polls."""

LIVE_SECONDS = 0.25
LIVE_OBJECTS = 50
OLD_SECONDS = 60.0
LOOK_SECONDS = 0.5
PATIENCE_SECONDS = 120.0
"""Without progress."""

MOST_MEGABYTES = 150
MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """A stretch of the backfill by one process: most bytes of the daemon before it (`start_peak`)
    and in it, and of its PostgreSQL."""

    seconds: float
    told: int
    start_peak: int | None
    peak: int | None
    database: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """How the live resource fared: seconds between its polls, and from a change to its arrival."""

    gaps: list[float] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)

    def row(self) -> Sequence[Cell]:
        """In milliseconds."""
        values = (self.gaps, self.delays)
        return [percentile(each, share) * 1000 for each in values for share in (0.5, 0.99)]


@dataclass(slots=True, kw_only=True)
class Stage:
    """The scene with what has become of it so far. Callbacks of the backfill are counted apart."""

    scene: Scene
    callbacks: Worker
    home: Home
    legs: list[Leg] = field(default_factory=list)


async def measure(scene: Scene) -> Result:
    """Live polls alone, then beside the backfill's first half, a kill, the second half."""
    async with worker("bench.callbacks") as callbacks:
        stage = Stage(scene=scene, callbacks=callbacks, home=_home(scene))
        await _open_sides(scene)
        async with run_product(stage.home) as product:
            await scene.calibration.take()
            alone = await _live_alone(stage, product)
            old_url = f"{await callbacks.ask('start')}/old/0/0"
            before = await _first_half(stage, product, old_url)
        read = await scene.provider.ask("read_of_pile", side="old")
        async with run_product(stage.home) as product:
            after = await _second_half(stage, product)
            left = await _await_delivered(product)
            found = await _found(stage, product, read)
        await scene.calibration.take()
    beside = Live(gaps=before.gaps + after.gaps, delays=before.delays + after.delays)
    return _result(stage, alone, beside, {**found, "delivered_after_seconds": left})


def _home(scene: Scene) -> Home:
    limits = {"api_url": scene.api_url, "rate_limit": f"{CALLS_PER_SECOND}/1s"}
    return Home(
        folder=scene.folder / "product",
        api_url=scene.api_url,
        sections={"connectors": {"maximizer": limits}},
    )


async def _open_sides(scene: Scene) -> None:
    await scene.provider.ask("open_pile", side="old", objects=scene.plan.records)
    await scene.provider.ask("open", side="live", lanes=1, objects=LIVE_OBJECTS)
    await scene.provider.ask(
        "change", side="live", objects=LIVE_OBJECTS, advance_seconds=0, step_seconds=1
    )


async def _live_alone(stage: Stage, product: Product) -> Live:
    scene = stage.scene
    await create_instance(
        product,
        "live-0",
        account=ACCOUNT,
        callback_url=f"{scene.callback_url}/live/0",
        interval_seconds=LIVE_SECONDS,
    )
    await _stream(scene, on=True)
    await asyncio.sleep(scene.plan.alone_seconds)
    return await _live(stage, product)


async def _first_half(stage: Stage, product: Product, callback_url: str) -> Live:
    began = time.monotonic()
    await create_instance(
        product,
        OLD,
        account=ACCOUNT,
        callback_url=callback_url,
        interval_seconds=OLD_SECONDS,
        firstRun="backfill",
    )
    await _stream(stage.scene, on=True)
    leg = await _await_told(product, stage.scene.plan.records // 2, began)
    live = await _live(stage, product)
    await _kill(product)
    stage.legs.append(leg)
    return live


async def _second_half(stage: Stage, product: Product) -> Live:
    began = time.monotonic()
    await _stream(stage.scene, on=True)
    stage.legs.append(await _await_told(product, stage.scene.plan.records, began))
    return await _live(stage, product)


async def _kill(product: Product) -> None:
    product.process.kill()
    await product.process.wait()


async def _stream(scene: Scene, *, on: bool) -> None:
    await scene.provider.ask("stream", side="live", on=on)


async def _live(stage: Stage, product: Product) -> Live:
    """What the live resource's polls were like since its changes began; they end here."""
    scene = stage.scene
    await _stream(scene, on=False)
    shown = await scene.provider.ask("told", side="live")
    instants = {version: at for version, _, at in shown}
    first = await _first_arrivals(scene, instants)
    missing = instants.keys() - first.keys()
    check(not missing, f"{len(missing)} live changes were not told; {await product.explain()}")
    return Live(
        gaps=[later - earlier for earlier, later in pairwise(instants.values())],
        delays=[first[version] - at for version, at in instants.items()],
    )


async def _first_arrivals(scene: Scene, wanted: Mapping[int, float]) -> Mapping[int, float]:
    """When each version arrived for the first time: after a kill some come again."""
    first, until = dict[int, float](), time.monotonic() + PATIENCE_SECONDS
    while wanted.keys() - first.keys() and time.monotonic() < until:
        await scene.receiver.ask("await_events", side="live", count=1, seconds=LOOK_SECONDS)
        for arrival in await scene.receiver.ask("take", side="live"):
            first.setdefault(arrival["version"], arrival["at"])
    return first


async def _await_told(product: Product, wanted: int, began: float) -> Leg:
    """Return when so many records have been told."""
    told = begun_with = await _count_told(product)
    database, progress_at = 0, time.monotonic()
    start_peak = memory.peak_bytes(product.process.pid)
    memory.forget_peak(product.process.pid)
    while told < wanted:
        await asyncio.sleep(LOOK_SECONDS)
        before, told = told, await _count_told(product)
        progress_at = time.monotonic() if told > before else progress_at
        stuck = time.monotonic() - progress_at > PATIENCE_SECONDS
        check(not stuck, f"the backfill stands still at {told}; {await product.explain()}")
        database = max(database, memory.shared_out_bytes(product.server_pid()) or 0)
    return Leg(
        seconds=time.monotonic() - began,
        told=told - begun_with,
        start_peak=start_peak,
        peak=memory.peak_bytes(product.process.pid),
        database=database or None,
    )


async def _count_told(product: Product) -> int:
    """Records of the backfill that have been told."""
    return int(await product.database.fetchval(QUERIES["count_told"], OLD) or 0)


async def _await_delivered(product: Product) -> float:
    """Return when everything told has arrived: the seconds that took after it was told."""
    began = progress_at = time.monotonic()
    left = await product.database.fetchval(QUERIES["count_unfinished"])
    while left:
        await asyncio.sleep(LOOK_SECONDS)
        before, left = left, await product.database.fetchval(QUERIES["count_unfinished"])
        progress_at = time.monotonic() if left < before else progress_at
        check(
            time.monotonic() - progress_at < PATIENCE_SECONDS,
            f"{left} notifications do not arrive; {await product.explain()}",
        )
    return time.monotonic() - began


async def _found(stage: Stage, product: Product, read: Mapping[str, int]) -> Mapping[str, Any]:
    """Everything told once and arrived; what the kill made read again."""
    records = stage.scene.plan.records
    row = await product.database.fetchrow(QUERIES["sum_up"], OLD)
    told = {} if row is None else dict(row)
    once = {"events": records, "objects": records, "marked": records, "last": records}
    check(told == {**told, **once}, f"of {records} records the table says {told}")
    arrivals = await stage.callbacks.ask("take", kind="old")
    distinct = len({webhook_id for webhook_id, _ in arrivals})
    check(distinct == told["notifications"], f"{distinct} of {told['notifications']} arrived")
    end = await stage.scene.provider.ask("read_of_pile", side="old")
    pages = end["pages"] - read["pages"]
    peaks = [*(leg.peak for leg in stage.legs), memory.peak_bytes(product.process.pid)]
    return {
        "read_again": end["again"] - read["again"] - pages,  # each page repeats one row
        "notifications": told["notifications"],
        "repeated_notifications": len(arrivals) - distinct,
        "peak": max(peak or 0 for peak in peaks) or None,
        "database": max(leg.database or 0 for leg in stage.legs) or None,
        "start_peak": max(leg.start_peak or 0 for leg in stage.legs) or None,
    }


def _result(stage: Stage, alone: Live, beside: Live, found: Mapping[str, Any]) -> Result:
    peak, records = found["peak"], stage.scene.plan.records
    if peak is not None:
        told = f"{peak / MEGABYTE:.0f} MB"
        check(peak < MOST_MEGABYTES * MEGABYTE, f"the daemon took {told} of memory")
    rate = sum(leg.told for leg in stage.legs) / sum(leg.seconds for leg in stage.legs)
    return Result(
        name="backfill",
        title=(
            f"{records:,} records of 2 KB told and delivered, the daemon killed half-way, beside"
            f" live polls every {LIVE_SECONDS:g} s of an account of {CALLS_PER_SECOND} calls/s"
        ),
        columns=("poll gap p50 ms", "p99", "change to callback p50 ms", "p99"),
        rows=(("live alone", alone.row()), ("beside the backfill", beside.row())),
        notes=(
            f"{rate:,.0f} records/s told; the last arrived {found['delivered_after_seconds']:.1f} s"
            " after it was told",
            f"peak memory: daemon {_megabytes(peak)} (its start, with a password to hash:"
            f" {_megabytes(found['start_peak'])}), PostgreSQL {_megabytes(found['database'])}",
            f"after the kill {found['read_again']} records were read again, and"
            f" {found['repeated_notifications']} of {found['notifications']:,} notifications"
            " arrived again under their ids",
        ),
        values={
            "records_per_second": rate,
            **found,
            "legs": [asdict(leg) for leg in stage.legs],
            "alone": asdict(alone),
            "beside": asdict(beside),
        },
        calibration=stage.scene.calibration,
    )


def _megabytes(size: int | None) -> str:
    return "not shown" if size is None else f"{size / MEGABYTE:.0f} MB"
