"""What waits costs no memory: a daemon with very many notifications pending, and with none."""

from __future__ import annotations

import asyncio
from statistics import median

from bench.closed_port import closed_port
from bench.faults import check
from bench.instances import create_instances
from bench.lanes import Lane, insert_backlog
from bench.memory import forget_peak, peak_bytes
from bench.product import Home, Product, run_product
from bench.queries import load_queries
from bench.report import Result
from bench.scene import Scene
from bench.worker import worker
from daemon.instance import InstanceId, ResourceId
from daemon.store.database import Database
from daemon.store.embedded import EmbeddedPostgres

QUERIES = load_queries("observe")
BODY_BYTES = 2400
OBJECTS = 100
POLL_SECONDS = 0.1
WORK_SECONDS = 8.0
LIVING = ("first", "second")
DEAD = "dead"
LIVING_SHARE = 0.1
MOST_MEGABYTES = 50


async def measure(scene: Scene) -> Result:
    """The same daemon at the same work, before and after so much was put into its outbox."""
    home = Home(folder=scene.folder / "product", api_url=scene.api_url)
    empty, full = list[float](), list[float]()
    with closed_port() as dead:
        async with worker("bench.callbacks") as callbacks:
            base = await callbacks.ask("start")
            await _make_instances(scene, home, f"{base}/quick", dead)
            await scene.calibration.take()
            for _ in range(scene.plan.rounds):
                empty.append(await _watch(scene, home))
            await _fill(home, scene.plan.pending)
            for _ in range(scene.plan.rounds):
                full.append(await _watch(scene, home))
            left = await _count(home)
    check(left > scene.plan.pending // 2, f"only {left} were still pending at the end")
    return _result(scene, empty, full, left)


async def _make_instances(scene: Scene, home: Home, living: str, dead: str) -> None:
    async with run_product(home) as product:
        for side in (*LIVING, DEAD):
            await scene.provider.ask("open", side=side, lanes=1, objects=OBJECTS)
            await scene.provider.ask(
                "change", side=side, objects=OBJECTS, advance_seconds=0, step_seconds=1
            )
            await create_instances(
                product,
                side=side,
                lanes=1,
                callback_url=dead if side == DEAD else living,
                interval_seconds=POLL_SECONDS,
            )


async def _fill(home: Home, count: int) -> None:
    """Most of it for the dead callback, the rest for the living, who take it at their best."""
    async with EmbeddedPostgres(home.data) as address:
        database = await Database.open(address.as_arguments(), pool_size=1)
        async with database:
            rows = await database.fetch(QUERIES["list_lanes"])
            for row in rows:
                is_dead = row["name"].startswith(DEAD)
                share = 1 - LIVING_SHARE if is_dead else LIVING_SHARE / len(LIVING)
                lane = Lane(
                    instance_id=InstanceId(row["instance_id"]),
                    resource_id=ResourceId(row["resource_id"]),
                    url="",
                )
                await insert_backlog(database, lane, round(count * share), BODY_BYTES)


async def _count(home: Home) -> int:
    async with EmbeddedPostgres(home.data) as address:
        database = await Database.open(address.as_arguments(), pool_size=1)
        async with database:
            return int(await database.fetchval(QUERIES["count_unfinished"]))


async def _watch(scene: Scene, home: Home) -> float:
    """The most megabytes that the daemon held in while it polled and delivered."""
    async with run_product(home) as product:
        for side in LIVING:
            await scene.provider.ask("stream", side=side, on=True)
        most = await _most_megabytes(product)
        for side in LIVING:
            await scene.provider.ask("stream", side=side, on=False)
    return most


async def _most_megabytes(product: Product) -> float:
    forget_peak(product.process.pid)
    await asyncio.sleep(WORK_SECONDS)
    most = peak_bytes(product.process.pid)
    check(most is not None, "the memory of the daemon is not shown")
    return (most or 0) / 1e6


def _result(scene: Scene, empty: list[float], full: list[float], left: int) -> Result:
    growth = median(full) - median(empty)
    kept = "kept" if growth < MOST_MEGABYTES else "BROKEN"
    return Result(
        name="pending",
        title=(
            f"{scene.plan.pending:,} notifications pending, {left:,} of them to the end;"
            f" {WORK_SECONDS:g} s of work, {len(full)} turns each"
        ),
        columns=("most MB, median", "most"),
        rows=(
            ("none pending", (median(empty), max(empty))),
            ("pending", (median(full), max(full))),
            ("growth", (growth, max(full) - min(empty))),
        ),
        notes=(f"growth of resident memory under {MOST_MEGABYTES} MB: {kept}",),
        values={"empty_megabytes": empty, "pending_megabytes": full, "left": left},
        calibration=scene.calibration,
    )
