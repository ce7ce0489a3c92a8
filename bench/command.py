"""The command line of the benchmarks: what to measure, how much, and where to write it."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from bench import (
    backfill,
    commit,
    delivery,
    events,
    fairness,
    idle,
    page,
    pending,
    poison,
    purge,
)
from bench.faults import CheckFailed
from bench.plan import QUICK, Plan
from bench.report import Result, describe_machine, write_json
from bench.scene import Scene, open_scene
from daemon.logs import configure_logs

BENCHMARKS: Mapping[str, Callable[[Scene], Awaitable[Result]]] = {
    "events": events.measure,
    "idle": idle.measure,
    "purge": purge.measure,
    "commit": commit.measure,
    "delivery": delivery.measure,
    "page": page.measure,
    "backfill": backfill.measure,
    "fairness": fairness.measure,
    "pending": pending.measure,
    "poison": poison.measure,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; returns 0, or 1 if something that had to hold did not."""
    options = _parser().parse_args(arguments)
    configure_logs("warning", "auto")
    try:
        asyncio.run(_run(options))
    except CheckFailed as failure:
        print(f"no number: {failure}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"what to measure: {', '.join(BENCHMARKS)}; all"
    )
    parser.add_argument("--quick", action="store_true", help="little of everything, to try it out")
    parser.add_argument("--rows", type=int, help="snapshots in the table of `commit`")
    parser.add_argument("--records", type=int, help="records that `backfill` reads")
    parser.add_argument("--rounds", type=int, help="turns of each contender")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything measured there")
    parser.add_argument(
        "--profile",
        type=Path,
        metavar="FILE",
        help="run the daemon of `events` or `idle` under cProfile: read that, not the numbers",
    )
    parser.add_argument("--folder", type=Path, help="where the databases lie, and so on which disk")
    return parser


async def _run(options: argparse.Namespace) -> None:
    _end_by_signal()
    plan, names = _plan(options), _names(options)
    print(describe_machine(), flush=True)
    began_at, results = datetime.now(UTC), list[Result]()
    with tempfile.TemporaryDirectory(prefix="pollhook-bench-", dir=options.folder) as folder:
        for name in names:
            async with open_scene(plan, Path(folder) / name, options.profile) as scene:
                result = await BENCHMARKS[name](scene)
            results.append(result)
            print("", *result.lines(), sep="\n", flush=True)
    if options.json is not None:
        write_json(options.json, began_at, results)


def _plan(options: argparse.Namespace) -> Plan:
    plan = QUICK if options.quick else Plan()
    given = {name: getattr(options, name) for name in ("rows", "records", "rounds")}
    return replace(plan, **{name: value for name, value in given.items() if value is not None})


def _names(options: argparse.Namespace) -> Sequence[str]:
    unknown = [name for name in options.names if name not in BENCHMARKS]
    if unknown:
        _parser().error(f"there is no benchmark {unknown[0]}: known are {', '.join(BENCHMARKS)}")
    return options.names or tuple(BENCHMARKS)


def _end_by_signal() -> None:
    """SIGTERM ends what was started as well as Ctrl-C does."""
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
