"""PURE: how large pages may be, learned per account and resource from what the provider does."""

from __future__ import annotations

from dataclasses import dataclass

SUCCESSES_TO_GROW = 20
LARGEST_LIMIT = 1000
LIKELY_CAP = 10
"""Providers hardly cut pages shorter than this; and so short ones are what idle polls bring."""


@dataclass(slots=True)
class _Learned:
    """`limit` is what the provider had time for, `cap` the rows it never exceeds; 0 is unknown.

    `most_rows` is the longest page it gave, which proves that the cap is not below; `ended_at` the
    length of the last page behind which, as was looked, nothing lay.
    """

    limit: int = 0
    successes: int = 0
    cap: int = 0
    most_rows: int = 0
    ended_at: int = 0
    tells_keys: bool = False


class PageSizes:
    """Memory about `key`, which names an account's resource. A restart learns anew."""

    def __init__(self) -> None:
        self._learned: dict[str, _Learned] = {}

    def size(self, key: str, wanted: int) -> int:
        """The size to ask for where so many rows are wanted."""
        learned = self._of(key)
        return min(size for size in (wanted, learned.limit, learned.cap) if size)

    def too_slow(self, key: str, size: int) -> int | None:
        """The provider had no time for a page of this size: the next smaller, None at the least."""
        if size <= 1:
            return None
        learned = self._of(key)
        learned.limit, learned.successes = size // 2, 0
        return learned.limit

    def succeeded(self, key: str, rows: int, *, tells_keys: bool) -> None:
        """A page came. After a while of them larger ones are tried again."""
        learned = self._of(key)
        learned.most_rows = max(learned.most_rows, rows)
        learned.tells_keys = learned.tells_keys or tells_keys
        if learned.limit:
            learned.successes += 1
            if learned.successes >= SUCCESSES_TO_GROW:
                grown = learned.limit * 2
                learned.limit, learned.successes = (grown if grown < LARGEST_LIMIT else 0), 0

    def may_be_capped(self, key: str, rows: int) -> bool:
        """Whether a page without a next key, shorter than asked for, need not be the last.

        A provider that cuts pages silently never gives more rows than its cap; so only a page as
        long as the longest one seen may have been cut. Looking behind it costs a call, which is
        not spent on the same few rows twice.
        """
        learned = self._of(key)
        if learned.tells_keys or not rows or rows < learned.most_rows:
            return False
        return rows >= LIKELY_CAP or rows != learned.ended_at

    def ended(self, key: str, rows: int) -> None:
        """Nothing lay behind a page of so many rows that was shorter than asked for."""
        self._of(key).ended_at = rows

    def capped(self, key: str, rows: int) -> None:
        """Rows lay behind a page shorter than asked for: the provider gives no more than that."""
        self._of(key).cap = rows

    def _of(self, key: str) -> _Learned:
        return self._learned.setdefault(key, _Learned())
