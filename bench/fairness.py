"""What callbacks in trouble cost the living beside them: the time from commit to sent."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from bench.closed_port import closed_port
from bench.faults import check
from bench.report import Result
from bench.samples import paired_ratio, percentile
from bench.scene import Scene
from bench.worker import Worker, worker

BODY_BYTES = 2400
PER_SECOND = 400
LIVING = range(16)
DEAD = range(16, 17)
SLOW = range(17, 33)
SLOW_SECONDS = 5
SLOW_BACKLOG = 200
SETTLED_SECONDS = 1.0
LEAD_SECONDS: Mapping[str, float] = {"quiet": 0.0, "dead": 0.0, "slow": SLOW_SECONDS + 1.0}
"""Until what is in trouble is known for what it is."""

WARM_UP = 400
MOST_RATIO = 1.2
TROUBLES: Mapping[str, range] = {"quiet": range(0), "dead": DEAD, "slow": SLOW}


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Milliseconds from commit to sent."""

    p50: float
    p99: float


async def measure(scene: Scene) -> Result:
    """The same paced deliveries alone, beside a dead callback, and beside slow ones, in turn."""
    turns: dict[str, list[Turn]] = {kind: [] for kind in TROUBLES}
    folder = str(scene.folder / "courier")
    with closed_port() as dead:
        async with (
            worker("bench.callbacks") as callbacks,
            worker("bench.neighbours", folder) as neighbours,
        ):
            await _open(scene, callbacks, neighbours, dead)
            for _ in range(scene.plan.rounds):
                await scene.calibration.take()
                for kind in TROUBLES:
                    turns[kind].append(await _turn(scene, callbacks, neighbours, kind))
    return _result(scene, turns)


async def _open(scene: Scene, callbacks: Worker, neighbours: Worker, dead: str) -> None:
    base = await callbacks.ask("start")
    living = [f"{base}/quick/{lane}/0" for lane in LIVING]
    slow = [f"{base}/slow/{lane}/{SLOW_SECONDS}" for lane in SLOW]
    await neighbours.ask("open_lanes", urls=[*living, f"{dead}/dead", *slow])
    await neighbours.ask("silence", lanes=[*DEAD, *SLOW])
    await neighbours.ask("fill", lanes=[*DEAD], count=scene.plan.backlog, body_bytes=BODY_BYTES)
    await neighbours.ask("fill", lanes=[*SLOW], count=SLOW_BACKLOG, body_bytes=BODY_BYTES)
    await neighbours.ask("tidy")
    await neighbours.ask("start")
    await neighbours.ask("pace", lanes=[*LIVING], count=WARM_UP, per_second=PER_SECOND)
    await callbacks.ask("take", kind="quick")


async def _turn(scene: Scene, callbacks: Worker, neighbours: Worker, kind: str) -> Turn:
    troubled, count = [*TROUBLES[kind]], scene.plan.deliveries
    await neighbours.ask("trouble", lanes=troubled)
    await asyncio.sleep(LEAD_SECONDS[kind])
    committed = await neighbours.ask("pace", lanes=[*LIVING], count=count, per_second=PER_SECOND)
    await neighbours.ask("silence", lanes=troubled)
    await asyncio.sleep(LEAD_SECONDS[kind] + SETTLED_SECONDS)
    arrived = dict(await callbacks.ask("take", kind="quick"))
    check(arrived.keys() == committed.keys(), "what was committed is not what arrived")
    sent = len(await callbacks.ask("take", kind="slow"))
    check((sent > 0) == (kind == "slow"), f"{sent} were sent to slow callbacks while {kind}")
    delays = [(arrived[key] - at) * 1000 for key, at in committed.items()]
    return Turn(p50=median(delays), p99=percentile(delays, 0.99))


def _result(scene: Scene, turns: Mapping[str, Sequence[Turn]]) -> Result:
    ratios = {kind: _ratios(turns[kind], turns["quiet"]) for kind in ("dead", "slow")}
    kept = all(ratio[1] <= MOST_RATIO for ratio in ratios.values())
    return Result(
        name="fairness",
        title=(
            f"{scene.plan.deliveries:,} deliveries a turn to {len(LIVING)} living callbacks,"
            f" {PER_SECOND} a second, {scene.plan.rounds} turns each"
        ),
        columns=("p50 ms", "p99 ms"),
        rows=(
            ("alone", _row(turns["quiet"])),
            (f"beside a dead one with {scene.plan.backlog:,} pending", _row(turns["dead"])),
            (f"beside {len(SLOW)} that take {SLOW_SECONDS} s", _row(turns["slow"])),
            ("ratio dead", ratios["dead"]),
            ("ratio slow", ratios["slow"]),
        ),
        notes=(f"p99 within {MOST_RATIO} times: {'kept' if kept else 'BROKEN'}",),
        values={
            "ratios": {kind: {"p50": p50, "p99": p99} for kind, (p50, p99) in ratios.items()},
            "p99": {kind: [turn.p99 for turn in some] for kind, some in turns.items()},
            "p50": {kind: [turn.p50 for turn in some] for kind, some in turns.items()},
        },
        calibration=scene.calibration,
    )


def _ratios(troubled: Sequence[Turn], quiet: Sequence[Turn]) -> tuple[float, float]:
    return (
        paired_ratio([turn.p50 for turn in troubled], [turn.p50 for turn in quiet]),
        paired_ratio([turn.p99 for turn in troubled], [turn.p99 for turn in quiet]),
    )


def _row(turns: Sequence[Turn]) -> tuple[float, float]:
    return median(turn.p50 for turn in turns), median(turn.p99 for turn in turns)
