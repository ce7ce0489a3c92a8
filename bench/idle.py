"""Idle polls per second: pages of 100 records fetched, parsed and compared, none of it new."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from bench.contest import Contest, Used, open_contest
from bench.events import median_or_none
from bench.faults import check
from bench.plan import RECORDS_PER_PAGE
from bench.report import Cell, Result
from bench.samples import paired_ratio
from bench.scene import Scene

COLUMNS = ("polls/s", "records/s", "us/poll: daemon", "postgres", "far side", "questions/poll")
WARM_UP_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One side's turn. A poll reads one page; the product may have to ask something else first."""

    polls: int
    questions: int
    polls_per_second: float
    used: Used


@dataclass(frozen=True, slots=True, kw_only=True)
class Turns:
    """The product's with answers that are the same bytes again and again, as an idle provider gives
    them, and with answers that are not, so that every record has to be compared; the bare ones."""

    alike: list[Round] = field(default_factory=list)
    compared: list[Round] = field(default_factory=list)
    bare: list[Round] = field(default_factory=list)


async def measure(scene: Scene) -> Result:
    """Turn by turn, once what there is has become known to both."""
    async with open_contest(scene) as contest:
        await _make_known(contest)
        turns = Turns()
        for _ in range(scene.plan.rounds):
            turns.alike.append(await _product_turn(contest, varying=False))
            turns.bare.append(await _bare_turn(contest))
            turns.compared.append(await _product_turn(contest, varying=True))
    return _result(scene, turns)


async def _make_known(contest: Contest) -> None:
    version = await contest.change_lately("product", RECORDS_PER_PAGE)
    await contest.let_go("nothing")
    await contest.receive("product", version, RECORDS_PER_PAGE)
    await contest.change("bare", RECORDS_PER_PAGE)
    await contest.bare.ask("idle", seconds=WARM_UP_SECONDS)


async def _prove_zone(contest: Contest) -> None:
    """One change per lane, by which the product knows for a while that stamps are UTC."""
    await contest.quiet("all")
    version = await contest.scene.provider.ask("change_one", side="product")
    await contest.let_go("nothing")
    await contest.receive("product", version, 1)
    await contest.quiet("all")


async def _product_turn(contest: Contest, *, varying: bool) -> Round:
    provider = contest.scene.provider
    await _prove_zone(contest)
    await contest.scene.calibration.take()
    counted, before = await _count(contest), await contest.cpu("product")
    await provider.ask("tick", side="product", on=True, varying=varying)
    await contest.let_go("nothing")
    await asyncio.sleep(contest.scene.plan.idle_seconds)
    await contest.quiet("all")
    await provider.ask("tick", side="product", on=False, varying=False)
    used, counts = await contest.used("product", before), await contest.counts("product")
    polls, suppressed, events = (
        int(after - earlier) for after, earlier in zip(await _count(contest), counted, strict=True)
    )
    check(suppressed == polls * RECORDS_PER_PAGE, f"{polls=}, {suppressed=} unchanged records")
    check(events == 0, f"the product has told {events} events where nothing has changed")
    return _round(polls, counts, used)


async def _bare_turn(contest: Contest) -> Round:
    await contest.scene.calibration.take()
    before = await contest.cpu("bare")
    await contest.scene.provider.ask("reset", side="bare")
    changes = await contest.bare.ask("idle", seconds=contest.scene.plan.idle_seconds)
    check(changes == 0, "the bare pipeline has found changes where there are none")
    used, counts = await contest.used("bare", before), await contest.counts("bare")
    return _round(counts["pages"], counts, used)


async def _count(contest: Contest) -> tuple[float, float, float]:
    """Polls that went well, unchanged records and events, as the product counts them."""
    metric = contest.product.metric
    return (
        await metric("pollhook_polls_total", outcome="ok"),
        await metric("pollhook_records_total", outcome="suppressed"),
        await metric("pollhook_events_total"),
    )


def _round(polls: int, counts: Mapping[str, Any], used: Used) -> Round:
    return Round(
        polls=polls,
        questions=counts["pages"] + counts["others"],
        polls_per_second=polls / (counts["last_at"] - counts["first_at"]),
        used=used,
    )


def _result(scene: Scene, turns: Turns) -> Result:
    bare = _rates(turns.bare)
    alike, compared = (paired_ratio(_rates(ours), bare) for ours in (turns.alike, turns.compared))
    nothing = [None] * (len(COLUMNS) - 2)
    return Result(
        name="idle",
        title=(
            f"unchanged pages of {RECORDS_PER_PAGE} records of 2 KB, {scene.plan.lanes} accounts,"
            f" {scene.plan.rounds} turns each, one after the other"
        ),
        columns=COLUMNS,
        rows=(
            ("product, the same bytes", _row(turns.alike)),
            ("product, other bytes", _row(turns.compared)),
            ("bare pipeline", _row(turns.bare)),
            ("ratio, the same bytes", (alike, alike, *nothing)),
            ("ratio, other bytes", (compared, compared, *nothing)),
        ),
        values={
            "ratio": alike,
            "ratio_compared": compared,
            "product": [asdict(turn) for turn in turns.alike],
            "product_compared": [asdict(turn) for turn in turns.compared],
            "bare": [asdict(turn) for turn in turns.bare],
        },
        calibration=scene.calibration,
    )


def _rates(turns: list[Round]) -> list[float]:
    return [turn.polls_per_second for turn in turns]


def _row(turns: list[Round]) -> tuple[Cell, ...]:
    rate = median(turn.polls_per_second for turn in turns)
    costs = zip(*(turn.used.microseconds_per(turn.polls) for turn in turns), strict=True)
    return (
        rate,
        rate * RECORDS_PER_PAGE,
        *(median_or_none(column) for column in costs),
        median(turn.questions / turn.polls for turn in turns),
    )
