"""The contest: product and bare pipeline before the same far side, one quiet while one works."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import cpu
from bench.arrivals import Ledger
from bench.faults import CheckFailed
from bench.instances import create_instances
from bench.plan import RECORDS_PER_PAGE
from bench.product import Home, Product, run_product
from bench.scene import Scene
from bench.worker import Worker, worker

STEP_SECONDS = 40
"""Between two stamps: so few that what is read again because of the overlap is one page."""

APART_SECONDS = 7200
"""Between two rounds, on the provider's clock: more than any overlap."""

POLL_SECONDS = 0.01
ARRIVAL_SECONDS = 120.0
PROFILE_OPTIONS = ("-m", "cProfile", "-o")


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """CPU seconds of a round: of our own process, of its PostgreSQL, of the far side."""

    process: float | None
    database: float | None
    far_side: float

    def microseconds_per(self, count: float) -> tuple[float | None, float | None, float]:
        """The same per event or poll."""
        process, database = (
            None if seconds is None else seconds / count * 1e6
            for seconds in (self.process, self.database)
        )
        return process, database, self.far_side / count * 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """Both contenders, ready; what arrived for each so far."""

    scene: Scene
    product: Product
    bare: Worker
    bare_folder: Path
    ledgers: Mapping[str, Ledger] = field(
        default_factory=lambda: {"product": Ledger(), "bare": Ledger()}
    )

    async def change(self, side: str, objects: int) -> int:
        """Objects of every lane change, long after whatever they changed before."""
        advance = objects * STEP_SECONDS + APART_SECONDS
        return await self._change(side, objects, advance, STEP_SECONDS)

    async def change_lately(self, side: str, objects: int) -> int:
        """The same, but so lately that stamps prove themselves to be UTC."""
        return await self._change(side, objects, 1200, 1)

    async def let_go(self, then_hold: str) -> None:
        """The product's polls go on; the next ones are held again."""
        await self.scene.provider.ask("let_go", side="product", then_hold=then_hold)

    async def quiet(self, hold: str) -> None:
        """Return when each of the product's polls is held."""
        await self.scene.provider.ask("hold", side="product", what=hold)
        lanes = self.scene.plan.lanes
        await self.scene.provider.ask("await_held", side="product", count=lanes)

    async def counts(self, side: str) -> Mapping[str, Any]:
        """What the provider has answered."""
        counts: Mapping[str, Any] = await self.scene.provider.ask("counts", side=side)
        return counts

    async def receive(self, side: str, version: int, objects: int) -> float:
        """Wait until all of a round has arrived, and check it; answers the last one's instant."""
        receiver, lanes = self.scene.receiver, self.scene.plan.lanes
        wanted, patience = lanes * objects, ARRIVAL_SECONDS
        arrived = await receiver.ask("await_events", side=side, count=wanted, seconds=patience)
        if arrived < wanted:
            words = f"{arrived} of {wanted} events ({side}) came in {patience:g} s"
            raise CheckFailed(f"{words}; {await self.product.explain()}")
        if side == "product":
            await self.product.await_settled()
        arrivals = await receiver.ask("take", side=side)
        self.ledgers[side].take(arrivals, [(lane, version, objects) for lane in range(lanes)])
        return float(max(arrival["at"] for arrival in arrivals))

    async def cpu(self, side: str) -> Used:
        """CPU time so far."""
        far_side = await self.scene.far_side_cpu_seconds()
        if side == "product":
            process, database = self.product.cpu_seconds() or (None, None)
            return Used(process=process, database=database, far_side=far_side)
        pid_file = self.bare_folder / "postgres" / "pgdata" / "postmaster.pid"
        server = int(pid_file.read_text("ascii").split("\n", 1)[0])
        return Used(
            process=await self.bare.cpu_seconds(),
            database=cpu.seconds_of_family(server),
            far_side=far_side,
        )

    async def used(self, side: str, before: Used) -> Used:
        """CPU time since then."""
        after = await self.cpu(side)
        return Used(
            process=_less(after.process, before.process),
            database=_less(after.database, before.database),
            far_side=after.far_side - before.far_side,
        )

    async def _change(self, side: str, objects: int, advance: float, step: float) -> int:
        version: int = await self.scene.provider.ask(
            "change", side=side, objects=objects, advance_seconds=advance, step_seconds=step
        )
        return version


@asynccontextmanager
async def open_contest(scene: Scene) -> AsyncIterator[Contest]:
    """Both started, the product's baseline read, its polls held."""
    plan = scene.plan
    home = Home(folder=scene.folder / "product", api_url=scene.api_url)
    options = () if scene.profile is None else (*PROFILE_OPTIONS, str(scene.profile.resolve()))
    bare_folder = scene.folder / "bare"
    words = (str(bare_folder), scene.api_url, scene.callback_url, str(plan.lanes))
    async with worker("bench.bare", *words) as bare, run_product(home, *options) as product:
        contest = Contest(scene=scene, product=product, bare=bare, bare_folder=bare_folder)
        await _set_up(contest)
        try:
            yield contest
        finally:
            await contest.let_go("nothing")


async def _set_up(contest: Contest) -> None:
    scene = contest.scene
    lanes, objects = scene.plan.lanes, scene.plan.pages * RECORDS_PER_PAGE
    for side in ("product", "bare"):
        await scene.provider.ask("open", side=side, lanes=lanes, objects=objects)
    await contest.change("product", 1)
    await create_instances(
        contest.product,
        side="product",
        lanes=lanes,
        callback_url=scene.callback_url,
        interval_seconds=POLL_SECONDS,
    )
    await contest.quiet("polls")


def _less(after: float | None, before: float | None) -> float | None:
    return None if after is None or before is None else after - before
