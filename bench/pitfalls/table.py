"""The table: a line for each pitfall and contender."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bench.pitfalls.everything import Outcome
from bench.pitfalls.judge import COUNTED

HEADINGS = tuple(name.replace("_", " ") for name in COUNTED)


def lines(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Pitfalls in the order of their numbers, under each its contenders."""
    ordered = sorted(outcomes, key=lambda each: (each.pitfall.number, each.pitfall.name))
    first = max(len(each.pitfall.title) for each in ordered)
    second = max(len(each.contender) for each in ordered)
    yield f"{'':{first}}  {'':{second}}  {'  '.join(HEADINGS)}"
    title = ""
    for each in ordered:
        shown = each.pitfall.title if each.pitfall.title != title else ""
        title = each.pitfall.title
        yield f"{shown:{first}}  {each.contender:{second}}  {_cells(each)}".rstrip()
    for contender in dict.fromkeys(each.contender for each in ordered):
        yield _sum([each for each in ordered if each.contender == contender])
    yield from dict.fromkeys(_notes(ordered))


def as_json(outcomes: Sequence[Outcome]) -> Sequence[Mapping[str, Any]]:
    """The same, with every single finding in words."""
    return [
        {
            "pitfall": each.pitfall.number,
            "title": each.pitfall.title,
            "contender": each.contender,
            "note": each.pitfall.note,
            **each.findings.counts(),
            "details": each.findings.details,
            "seconds": each.seconds,
            "broken": each.broken,
        }
        for each in outcomes
    ]


def _cells(outcome: Outcome) -> str:
    if outcome.broken is not None:
        return f"broken: {outcome.broken.strip().splitlines()[-1]}"
    counts = outcome.findings.counts().values()
    told = (f"{count or '-':>{len(name)}}" for name, count in zip(HEADINGS, counts, strict=True))
    return "  ".join(told)


def _sum(outcomes: Sequence[Outcome]) -> str:
    clean = sum(each.is_clean for each in outcomes)
    return f"{outcomes[0].contender}: {clean} of {len(outcomes)} without a fault"


def _notes(outcomes: Sequence[Outcome]) -> Iterator[str]:
    for each in outcomes:
        if each.pitfall.note:
            yield f"{each.pitfall.number}: {each.pitfall.note}"
