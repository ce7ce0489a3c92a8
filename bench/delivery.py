"""Durable deliveries per second, one event each, beside the bare client posting the same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median

from bench.faults import check
from bench.report import Result
from bench.samples import paired_ratio, percentile
from bench.scene import Scene
from bench.worker import Worker, worker

BODY_BYTES = 2400
COLUMNS = ("deliveries/s", "us/delivery: process", "postgres")
TRICKLED = 200
TRICKLE_SECONDS = 0.01
WARM_UP = 50
LEAST_RATIO = 0.55
SENT_MILLISECONDS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One contender's turn: seconds, and CPU microseconds per delivery."""

    rate: float
    process: float
    database: float | None


async def measure(scene: Scene) -> Result:
    """Turn by turn on the same callbacks; then single commits to an idle dispatcher."""
    ours, theirs = list[Turn](), list[Turn]()
    lanes = list(range(scene.plan.lanes))
    each = max(WARM_UP, scene.plan.events // len(lanes))
    count = each * len(lanes)
    async with (
        worker("bench.callbacks") as callbacks,
        worker("bench.courier", str(scene.folder / "courier")) as courier,
    ):
        await _open(callbacks, courier, lanes)
        for _ in range(scene.plan.rounds):
            await courier.ask("fill", lanes=lanes, count=each, body_bytes=BODY_BYTES)
            await courier.ask("tidy")
            await scene.calibration.take()
            answer = await courier.ask("deliver", lanes=lanes)
            ours.append(_turn(answer))
            answer = await courier.ask("post", lanes=lanes, count=count, body_bytes=BODY_BYTES)
            theirs.append(_turn(answer))
            arrived = await callbacks.ask("take", kind="quick")
            check(len(arrived) == 2 * count, f"{len(arrived)} of {2 * count} posts arrived")
        delays = await _trickle(callbacks, courier)
    return _result(scene, ours, theirs, delays)


async def _open(callbacks: Worker, courier: Worker, lanes: Sequence[int]) -> None:
    base = await callbacks.ask("start")
    await courier.ask("open_lanes", urls=[f"{base}/quick/{lane}/0" for lane in lanes])
    await courier.ask("start")
    await courier.ask("fill", lanes=lanes, count=WARM_UP, body_bytes=BODY_BYTES)
    await courier.ask("deliver", lanes=lanes)
    await callbacks.ask("take", kind="quick")


async def _trickle(callbacks: Worker, courier: Worker) -> list[float]:
    """Milliseconds from each commit to its arrival."""
    committed = await courier.ask("trickle", lane=0, count=TRICKLED, pause_seconds=TRICKLE_SECONDS)
    arrived = dict(await callbacks.ask("take", kind="quick"))
    check(arrived.keys() == committed.keys(), "what was committed is not what arrived")
    return [(arrived[key] - at) * 1000 for key, at in committed.items()]


def _turn(answer: dict[str, float]) -> Turn:
    count = answer["count"]
    database = answer.get("database_cpu")
    return Turn(
        rate=count / answer["seconds"],
        process=answer["cpu"] / count * 1e6,
        database=None if database is None else database / count * 1e6,
    )


def _result(scene: Scene, ours: list[Turn], theirs: list[Turn], delays: list[float]) -> Result:
    ratio = paired_ratio([turn.rate for turn in ours], [turn.rate for turn in theirs])
    cost = paired_ratio([turn.process for turn in ours], [turn.process for turn in theirs])
    sent = percentile(delays, 0.99)
    return Result(
        name="delivery",
        title=f"notifications of one event and {BODY_BYTES} bytes, {len(ours)} turns each",
        columns=COLUMNS,
        rows=(
            ("product", _row(ours)),
            ("bare client", _row(theirs)),
            ("ratio", (ratio, cost, None)),
        ),
        notes=(
            f"at least {LEAST_RATIO} of the bare client: {_kept(ratio >= LEAST_RATIO)}",
            f"commit to sent when idle: p50 {median(delays):.1f} ms, p99 {sent:.1f} ms; under"
            f" {SENT_MILLISECONDS} ms: {_kept(sent < SENT_MILLISECONDS)}",
        ),
        values={
            "ratio": ratio,
            "product": [asdict(turn) for turn in ours],
            "bare": [asdict(turn) for turn in theirs],
            "commit_to_sent_milliseconds": delays,
        },
        calibration=scene.calibration,
    )


def _row(turns: Sequence[Turn]) -> tuple[float, float, float | None]:
    databases = [turn.database for turn in turns if turn.database is not None]
    return (
        median(turn.rate for turn in turns),
        median(turn.process for turn in turns),
        median(databases) if databases else None,
    )


def _kept(holds: bool) -> str:
    return "kept" if holds else "BROKEN"
