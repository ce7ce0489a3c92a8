"""CPU time of processes that are not ours to ask: the daemon, and PostgreSQL with its backends."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

PROCESSES = Path("/proc")
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def seconds_of(pid: int) -> float | None:
    """User and system time of one process; None where the system does not show it."""
    fields = _fields(pid)
    return None if fields is None else sum(map(int, fields[11:13])) / TICKS_PER_SECOND


def seconds_of_family(pid: int) -> float | None:
    """The same with all its children, those that have ended too."""
    own = _fields(pid)
    if own is None:
        return None
    ticks = sum(map(int, own[11:15]))
    ticks += sum(sum(map(int, fields[11:13])) for fields in _children(pid))
    return ticks / TICKS_PER_SECOND


def _children(pid: int) -> Iterator[list[str]]:
    for entry in PROCESSES.iterdir():
        if entry.name.isdigit():
            fields = _fields(int(entry.name))
            if fields is not None and fields[1] == str(pid):
                yield fields


def _fields(pid: int) -> list[str] | None:
    """What `/proc/<pid>/stat` says behind the program's name, which may hold anything."""
    try:
        text = (PROCESSES / str(pid) / "stat").read_text("ascii", "replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()
