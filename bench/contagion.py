"""PURE: how far one object that is never accepted spreads, where whole batches wait in order."""

from __future__ import annotations

import random
from collections.abc import Sequence

POISON = "poison"


def make_pages(pages: int, changed: int, objects: int, seed: int) -> list[list[str]]:
    """Pages of so many changed objects of all there are; the poison is on the first."""
    dice = random.Random(seed)
    names = [POISON, *(f"object {number}" for number in range(1, objects))]
    first = [POISON, *dice.sample(names[1:], changed - 1)]
    dice.shuffle(first)
    return [first, *(dice.sample(names, changed) for _ in range(pages - 1))]


def held_back_by_batches(pages: Sequence[Sequence[str]], size: int) -> int:
    """Events of other objects that wait, if the changes of a page are told in batches of this size
    and each waits for the last that holds one of its objects.
    """
    blocked, held_back = {POISON}, 0
    for page in pages:
        for begin in range(0, len(page), size):
            batch = page[begin : begin + size]
            if not blocked.isdisjoint(batch):
                blocked.update(batch)
                held_back += sum(name != POISON for name in batch)
    return held_back
