"""The room left on the disk of the embedded database."""

from __future__ import annotations

import os
from pathlib import Path

LEAST_BYTES = 16 * 2**20
"""One more segment of its log: with less, the next write may be the one that fails."""


def free_bytes(folder: Path) -> int:
    """What may still be written below a folder. Raises OSError if there is no such folder."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def why_full(folder: Path) -> str | None:
    """Why the database can hardly go on there, None if it can."""
    free = free_bytes(folder)
    if free >= LEAST_BYTES:
        return None
    return f"The disk of {folder} is all but full: {free / 2**20:.1f} MB are left."
