"""PURE: how late changes show up, as counts that outlive a restart, and what follows from them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

BOUNDS = tuple(2.0**power for power in range(-2, 23))
"""Upper ends of the buckets in seconds: from a quarter of a second to seven weeks."""

_EMPTY = (0,) * (len(BOUNDS) + 1)
MARGIN = 2.0
"""The recommended overlap is this times the latest arrival seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lateness:
    """Counts by bucket. `seen`: from a version's own stamp to its first sight, the interval
    included. `late`: how long a version had been stamped when a walk that should have shown it did
    not; most versions are not in here at all."""

    seen: tuple[int, ...] = _EMPTY
    late: tuple[int, ...] = _EMPTY

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Lateness:
        """What `as_json` made; anything else counts as nothing."""
        return cls(seen=_counts(stored.get("seen")), late=_counts(stored.get("late")))

    def as_json(self) -> dict[str, list[int]]:
        return {"seen": list(self.seen), "late": list(self.late)}

    def observed(self, seen: Iterable[float], late: Iterable[float]) -> Lateness:
        """With further seconds counted."""
        return Lateness(seen=_added(self.seen, seen), late=_added(self.late, late))

    @property
    def count(self) -> int:
        """How many versions were counted."""
        return sum(self.seen)

    def seen_within(self, share: float) -> float | None:
        """The seconds within which this share of versions was seen, to the bucket; None if none."""
        return _quantile(self.seen, share)

    @property
    def latest_arrival(self) -> float | None:
        """The longest that a version was invisible after its stamp, to the bucket."""
        return _quantile(self.late, 1.0)

    def advice(self, overlap_seconds: float) -> str:
        """In words: what the overlap should be."""
        latest = self.latest_arrival
        if latest is None:
            return f"No late arrival among {self.count} changes; {overlap_seconds:g} s is enough."
        wanted = MARGIN * latest
        late = f"{sum(self.late)} of {self.count} changes showed up to {latest:g} s late"
        if wanted <= overlap_seconds:
            return f"{late}; the overlap of {overlap_seconds:g} s covers that twice."
        return f"{late}; raise overlapSeconds from {overlap_seconds:g} to {wanted:g}."


def _counts(stored: object) -> tuple[int, ...]:
    if not isinstance(stored, list) or len(stored) != len(_EMPTY):
        return _EMPTY
    return tuple(int(count) for count in stored)


def _added(counts: Sequence[int], seconds: Iterable[float]) -> tuple[int, ...]:
    more = list(counts)
    for each in seconds:
        more[bisect_left(BOUNDS, max(0.0, each))] += 1
    return tuple(more)


def _quantile(counts: Sequence[int], share: float) -> float | None:
    left = share * sum(counts)
    if not left:
        return None
    for bound, count in zip((*BOUNDS, BOUNDS[-1]), counts, strict=True):
        left -= count
        if left <= 0 and count:
            return bound
    return BOUNDS[-1]
