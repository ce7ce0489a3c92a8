"""The command line of the pitfalls: which of them, for whom, and where to write the outcome."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import orjson

from bench.pitfalls.catalogue import Pitfall, in_order
from bench.pitfalls.everything import CONTENDERS, Outcome, run
from bench.pitfalls.table import as_json, lines
from bench.report import describe_machine
from daemon.logs import configure_logs

OURS = "pollhook"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; returns 1 if pollhook is at fault anywhere or a scenario broke, else 0."""
    options = _parser().parse_args(arguments)
    configure_logs("warning", "auto")
    try:
        outcomes = asyncio.run(_run(options))
    except KeyboardInterrupt:
        return 1
    if options.json is not None:
        options.json.write_bytes(orjson.dumps(as_json(outcomes), option=orjson.OPT_INDENT_2))
    return int(any(map(_is_at_fault, outcomes)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench.pitfalls", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="numbers of pitfalls, or words of their names; all"
    )
    parser.add_argument("--contender", action="append", choices=CONTENDERS, help="whom; all")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every finding there")
    return parser


async def _run(options: argparse.Namespace) -> Sequence[Outcome]:
    began, chosen, outcomes = time.monotonic(), _chosen(options.names), list[Outcome]()
    print(describe_machine(), end="\n\n", flush=True)
    with tempfile.TemporaryDirectory(prefix="pollhook-pitfalls-") as folder:
        for contender in options.contender or CONTENDERS:
            outcomes += await run(contender, chosen, Path(folder) / contender.replace(" ", "-"))
    print(*lines(outcomes), sep="\n")
    print(*_explanations(outcomes), f"{time.monotonic() - began:.0f} s", sep="\n")
    return outcomes


def _chosen(names: Sequence[str]) -> Sequence[Pitfall]:
    """Raises SystemExit for a name that is none."""
    everything = in_order()
    for name in names:
        if not any(_means(name, each) for each in everything):
            raise SystemExit(f"bench.pitfalls: there is no pitfall {name!r}")
    return [each for each in everything if not names or any(_means(n, each) for n in names)]


def _means(name: str, pitfall: Pitfall) -> bool:
    return name == str(pitfall.number) if name.isdigit() else name.lower() in pitfall.title.lower()


def _explanations(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """What ought not to be in the table, in words."""
    for each in outcomes:
        if _is_at_fault(each):
            yield f"{each.pitfall.title}, {each.contender}:"
            yield from each.findings.details
            yield each.broken or ""


def _is_at_fault(outcome: Outcome) -> bool:
    return outcome.broken is not None or (outcome.contender == OURS and not outcome.is_clean)
