"""Events per second end to end: from the provider's page to the callback's answer."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from statistics import median

from bench.contest import Contest, Used, open_contest
from bench.faults import check
from bench.plan import RECORDS_PER_PAGE
from bench.product import QUERIES
from bench.report import Cell, Result
from bench.samples import paired_ratio
from bench.scene import Scene

COLUMNS = ("events/s", "us/event: daemon", "postgres", "far side", "pages read")


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One side's turn."""

    events_per_second: float
    pages: int
    used: Used


async def measure(scene: Scene) -> Result:
    """Turn by turn, after one turn each that does not count."""
    async with open_contest(scene) as contest:
        await _product_turn(contest)
        await _bare_turn(contest)
        ours, theirs = list[Round](), list[Round]()
        for _ in range(scene.plan.rounds):
            ours.append(await _product_turn(contest))
            theirs.append(await _bare_turn(contest))
    return _result(scene, ours, theirs)


async def _product_turn(contest: Contest) -> Round:
    plan, product = contest.scene.plan, contest.product
    objects = plan.pages * RECORDS_PER_PAGE
    await contest.quiet("polls")
    began_at = await product.database.fetchval(QUERIES["now"])
    version = await contest.change("product", objects)
    await contest.scene.calibration.take()
    before = await contest.cpu("product")
    await contest.let_go("polls")
    ended = await contest.receive("product", version, objects)
    used = await contest.used("product", before)
    rows = await product.database.fetch(QUERIES["count_by_state"], began_at)
    told = {row["state"]: (row["notifications"], row["events"]) for row in rows}
    attempts = await product.database.fetchval(QUERIES["count_attempts"], began_at)
    check(told == {"delivered": (attempts, plan.events)}, f"the outbox says {told}, {attempts=}")
    return await _round(contest, "product", ended, used)


async def _bare_turn(contest: Contest) -> Round:
    plan = contest.scene.plan
    version = await contest.change("bare", plan.pages * RECORDS_PER_PAGE)
    await contest.scene.calibration.take()
    before = await contest.cpu("bare")
    await contest.scene.provider.ask("reset", side="bare")
    pending = await contest.bare.ask("events", pages=plan.pages)
    check(pending == 0, f"{pending} events of the bare pipeline are not marked as delivered")
    ended = await contest.receive("bare", version, plan.pages * RECORDS_PER_PAGE)
    return await _round(contest, "bare", ended, await contest.used("bare", before))


async def _round(contest: Contest, side: str, ended: float, used: Used) -> Round:
    counts = await contest.counts(side)
    return Round(
        events_per_second=contest.scene.plan.events / (ended - counts["first_at"]),
        pages=counts["pages"],
        used=used,
    )


def _result(scene: Scene, ours: list[Round], theirs: list[Round]) -> Result:
    plan = scene.plan
    rates = [[turn.events_per_second for turn in turns] for turns in (ours, theirs)]
    ratio = paired_ratio(*rates)
    return Result(
        name="events",
        title=(
            f"end to end, {plan.events:,} changed records of 2 KB a turn, {plan.lanes} accounts,"
            f" {plan.rounds} turns each, one after the other"
        ),
        columns=COLUMNS,
        rows=(
            ("product", _row(plan.events, ours)),
            ("bare pipeline", _row(plan.events, theirs)),
            ("ratio", (ratio, None, None, None, None)),
        ),
        values={
            "ratio": ratio,
            "product": [asdict(turn) for turn in ours],
            "bare": [asdict(turn) for turn in theirs],
        },
        calibration=scene.calibration,
    )


def _row(events: int, turns: list[Round]) -> tuple[Cell, ...]:
    costs = zip(*(turn.used.microseconds_per(events) for turn in turns), strict=True)
    return (
        median(turn.events_per_second for turn in turns),
        *(median_or_none(column) for column in costs),
        median(turn.pages for turn in turns),
    )


def median_or_none(column: tuple[float | None, ...]) -> float | None:
    """The median, None where the system shows nothing."""
    known = [value for value in column if value is not None]
    return median(known) if known else None
