"""The one error of the benchmarks."""

from __future__ import annotations


class CheckFailed(Exception):
    """What was counted is not what must have happened: there is no number to print."""


def check(holds: bool, otherwise: str) -> None:
    """Raises CheckFailed with this sentence unless the condition holds."""
    if not holds:
        raise CheckFailed(otherwise)
