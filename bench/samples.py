"""PURE: what is told of several measurements of the same thing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share (0 to 1) of the values does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def paired_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of ours by theirs, each pair from the same turn of an interleaved run: what slows
    the whole machine for a while slows both and drops out."""
    return median(mine / other for mine, other in zip(ours, theirs, strict=True))
