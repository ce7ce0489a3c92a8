"""The memory: how rarely the garbage collector looks for cycles while the daemon works."""

from __future__ import annotations

import gc

COLLECT_AFTER = (10_000, 20, 50)
"""New objects until a look at the youngest, and how many of these until a look at older ones. A
page or an attempt makes hundreds, hardly ever in cycles, and most outlive Python's own 700."""


def collect_rarely() -> None:
    """To be called when everything is set up: what is there by then stays and is not looked at."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)
