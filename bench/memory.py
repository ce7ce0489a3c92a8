"""Memory of processes that are not ours to ask: the daemon, and PostgreSQL with its backends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

PROCESSES = Path("/proc")
KILOBYTE = 1024


def peak_bytes(pid: int) -> int | None:
    """The most that a process had in memory so far; None where the system does not show it."""
    return _kilobytes(PROCESSES / str(pid) / "status", "VmHWM:")


def forget_peak(pid: int) -> None:
    """Begin a new peak with what the process has in memory now, where the system can do that."""
    with suppress(OSError):
        (PROCESSES / str(pid) / "clear_refs").write_text("5", "ascii")


def shared_out_bytes(pid: int) -> int | None:
    """What a process and its children have in memory now, shared pages counted once."""
    sizes = [_kilobytes(PROCESSES / str(each) / "smaps_rollup", "Pss:") for each in _family(pid)]
    known = [size for size in sizes if size is not None]
    return sum(known) if known else None


def _family(pid: int) -> Iterator[int]:
    yield pid
    try:
        text = (PROCESSES / str(pid) / "task" / str(pid) / "children").read_text("ascii")
    except OSError:
        return
    yield from map(int, text.split())


def _kilobytes(file: Path, name: str) -> int | None:
    try:
        lines = file.read_text("ascii").splitlines()
    except OSError:
        return None
    found = next((line.split() for line in lines if line.startswith(name)), None)
    return None if found is None else int(found[1]) * KILOBYTE
