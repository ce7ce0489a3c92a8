"""What a purge costs the sends beside it: the delay from a page's answer to its notification."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from bench.arrivals import Ledger
from bench.faults import check
from bench.instances import create_instances
from bench.product import Home, Product, run_product
from bench.queries import load_queries
from bench.report import Result
from bench.samples import percentile
from bench.scene import Scene
from daemon.store.database import Database
from daemon.store.embedded import EmbeddedPostgres

QUERIES = load_queries("old_rows")
SIDE = "purged"
BODY_BYTES = 2400
FIRST_ID = 10**12
"""Beyond what the product will number."""

LANES = 4
OBJECTS = 10
POLL_SECONDS = 0.1
WARM_UP_SECONDS = 0.5
PURGE_SECONDS = 600.0
LOOK_SECONDS = 0.05
ARRIVAL_SECONDS = 60.0
LIMIT_MILLISECONDS = 100
SHARES: Mapping[str, float] = {"p50": 0.5, "p99": 0.99, "max": 1.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Delays:
    """Milliseconds from a change's page to its arrival, while rows were purged and while not."""

    purging: list[float] = field(default_factory=list)
    quiet: list[float] = field(default_factory=list)
    purge_seconds: list[float] = field(default_factory=list)


async def measure(scene: Scene) -> Result:
    """The daemon purges when it starts: so each go is a start, the purge, and as long without."""
    plan, delays, ledger = scene.plan, Delays(), Ledger()
    home = Home(folder=scene.folder / "product", api_url=scene.api_url)
    await _make_instances(scene, home)
    share = plan.purged // plan.purges
    for turn in range(plan.purges):
        await _insert_old_rows(home, FIRST_ID + turn * share, share)
        await scene.calibration.take()
        async with run_product(home) as product:
            await _turn(scene, product, share, delays, ledger)
    return _result(scene, delays)


async def _make_instances(scene: Scene, home: Home) -> None:
    await scene.provider.ask("open", side=SIDE, lanes=LANES, objects=OBJECTS)
    await scene.provider.ask(
        "change", side=SIDE, objects=OBJECTS, advance_seconds=0, step_seconds=1
    )
    async with run_product(home) as product:
        await create_instances(
            product,
            side=SIDE,
            lanes=LANES,
            callback_url=scene.callback_url,
            interval_seconds=POLL_SECONDS,
        )


async def _insert_old_rows(home: Home, first: int, count: int) -> None:
    async with EmbeddedPostgres(home.data) as address:
        database = await Database.open(address.as_arguments(), pool_size=1)
        async with database:
            step = 10_000  # a statement may last a minute
            for begin in range(first, first + count, step):
                some = min(step, first + count - begin)
                await database.execute(QUERIES["insert_old"], begin, some, LANES, BODY_BYTES)
            await database.execute(QUERIES["analyze"])


async def _turn(scene: Scene, product: Product, share: int, delays: Delays, ledger: Ledger) -> None:
    began = time.monotonic()
    await scene.provider.ask("stream", side=SIDE, on=True)
    await _await_purged(product, share)
    purged = time.monotonic()
    check(await product.database.fetchval(QUERIES["count_old"]) == 0, "old rows were left over")
    await asyncio.sleep(purged - began)
    told, arrived = await _collect(scene, product, ledger)
    for version, told_at in told.items():
        during = told_at < purged
        if told_at > began + WARM_UP_SECONDS:
            into = delays.purging if during else delays.quiet
            into.append((arrived[version] - told_at) * 1000)
    delays.purge_seconds.append(purged - began)


async def _await_purged(product: Product, share: int) -> None:
    until = time.monotonic() + PURGE_SECONDS
    while time.monotonic() < until:
        lines = product.log_lines("housekeeping.purged")
        if rows := [line["rows"] for line in lines if line["what"] == "notifications"]:
            check(rows == [share], f"{rows} old notifications were purged instead of {share}")
            return
        await asyncio.sleep(LOOK_SECONDS)
    check(False, f"the purge has not ended after {PURGE_SECONDS:g} s")


async def _collect(
    scene: Scene, product: Product, ledger: Ledger
) -> tuple[dict[int, float], dict[int, float]]:
    """When each version was on its way, and when it arrived; every one did, once."""
    await scene.provider.ask("stream", side=SIDE, on=False)
    told = {
        version: (lane, at) for version, lane, at in await scene.provider.ask("told", side=SIDE)
    }
    await scene.receiver.ask("await_events", side=SIDE, count=len(told), seconds=ARRIVAL_SECONDS)
    await product.await_settled()
    arrivals = await scene.receiver.ask("take", side=SIDE)
    ledger.take(arrivals, [(lane, version, 1) for version, (lane, _) in told.items()])
    return (
        {version: at for version, (_, at) in told.items()},
        {arrival["version"]: arrival["at"] for arrival in arrivals},
    )


def _result(scene: Scene, delays: Delays) -> Result:
    plan = scene.plan
    check(len(delays.purging) > 10 and len(delays.quiet) > 10, "too few sends to say anything")
    purging, quiet = _figures(delays.purging), _figures(delays.quiet)
    added = [during - without for during, without in zip(purging, quiet, strict=True)]
    kept = "kept" if max(added) < LIMIT_MILLISECONDS else "BROKEN"
    return Result(
        name="purge",
        title=(
            f"{plan.purged:,} old notifications with their events and attempts, in {plan.purges}"
            f" goes of {median(delays.purge_seconds):.1f} s, sends going on"
        ),
        columns=(*(f"{name} ms" for name in SHARES), "sends"),
        rows=(
            ("while purging", (*purging, float(len(delays.purging)))),
            ("while not", (*quiet, float(len(delays.quiet)))),
            ("added", (*added, None)),
        ),
        notes=(f"no send delayed by more than {LIMIT_MILLISECONDS} ms: {kept}",),
        values={"purging": delays.purging, "quiet": delays.quiet, "seconds": delays.purge_seconds},
        calibration=scene.calibration,
    )


def _figures(delays: Sequence[float]) -> list[float]:
    return [percentile(delays, share) for share in SHARES.values()]
