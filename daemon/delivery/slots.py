"""The slots: how many attempts may be under way, and how many of them at endpoints in doubt."""

from __future__ import annotations

from enum import IntEnum


class Tier(IntEnum):
    """How far an endpoint is trusted with slots; the lower the number, the more of them.

    WORKING: it accepts, and answers quickly. NEW: it has not answered yet. DOUBTFUL: it is slow, or
    its last answer was a failure. FAILING: it is only probed.
    """

    WORKING = 0
    NEW = 1
    DOUBTFUL = 2
    FAILING = 3


class Slots:
    """Counts attempts under way.

    Working endpoints may use all slots; new ones and all below them together three quarters, those
    in doubt half, failing ones an eighth: neither dead nor slow ones keep the living waiting. And
    none may have more attempts under way than there are slots left, so that a few which hang all of
    a sudden leave some for the others.
    """

    def __init__(self, total: int) -> None:
        self._limits = (total, max(1, total * 3 // 4), max(1, total // 2), max(1, total // 8))
        self._used = [0] * len(Tier)

    @property
    def left(self) -> int:
        """How many slots nobody uses."""
        return self._limits[Tier.WORKING] - self._used[Tier.WORKING]

    def is_free(self, tier: Tier) -> bool:
        """Whether an endpoint of this tier may begin another attempt."""
        if tier is Tier.WORKING:  # by far the most asked for
            return self._used[0] < self._limits[0]
        return all(self._used[level] < self._limits[level] for level in range(tier + 1))

    def take(self, tier: Tier) -> None:
        """Begin an attempt; the slot stays in this tier until it is released."""
        self._count(tier, 1)

    def release(self, tier: Tier) -> None:
        """End an attempt begun in this tier."""
        self._count(tier, -1)

    def _count(self, tier: Tier, change: int) -> None:
        """Each level counts its own tier and those below."""
        for level in range(tier + 1):
            self._used[level] += change
