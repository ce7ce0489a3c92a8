"""The report: results as tables for people and as JSON for programs."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from bench.calibration import Calibration
from daemon import __version__

Cell = str | float | None
"""A number is shown with three significant digits, None as a dash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one benchmark found. `rows` are a name and a cell for each column; `values` is what was
    measured, round by round.
    """

    name: str
    title: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Cell]]]
    notes: Sequence[str] = ()
    values: Mapping[str, Any] = field(repr=False)
    calibration: Calibration

    def lines(self) -> Iterator[str]:
        """The table, as lines of text."""
        yield f"{self.name}: {self.title}"
        cells = [[*map(_shown, row)] for _, row in self.rows]
        widths = [max(map(len, column)) for column in zip(self.columns, *cells, strict=True)]
        first = max(len(name) for name, _ in self.rows)
        yield _line("", first, self.columns, widths)
        for (name, _), row in zip(self.rows, cells, strict=True):
            yield _line(name, first, row, widths)
        for note in (*self.notes, self.calibration.describe()):
            yield f"  {note}"

    def as_json(self) -> Mapping[str, Any]:
        """The table and everything behind it."""
        return {
            "title": self.title,
            "rows": {name: dict(zip(self.columns, row, strict=True)) for name, row in self.rows},
            "notes": self.notes,
            "values": self.values,
            "calibration": self.calibration.values(),
        }


def describe_machine() -> str:
    """Where the numbers come from, in a line."""
    return (
        f"pollhook {__version__}, Python {platform.python_version()}, "
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    )


def write_json(path: Path, began_at: datetime, results: Sequence[Result]) -> None:
    """All results of a run in one file."""
    content = {
        "pollhook": __version__,
        "python": sys.version,
        "platform": platform.platform(),
        "cores": os.cpu_count(),
        "began_at": began_at,
        "ended_at": datetime.now(UTC),
        "results": {result.name: result.as_json() for result in results},
    }
    path.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2))


def _line(name: str, first: int, cells: Sequence[str], widths: Sequence[int]) -> str:
    told = (cell.rjust(width) for cell, width in zip(cells, widths, strict=True))
    return f"  {name.ljust(first)}  {'  '.join(told)}"


def _shown(cell: Cell) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, str):
        return cell
    return f"{cell:,.0f}" if abs(cell) >= 100 else f"{cell:.3g}"
