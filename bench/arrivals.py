"""PURE: whether what has arrived is what had changed, each event once and none missing."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.faults import check


@dataclass(slots=True, kw_only=True)
class Ledger:
    """The sequence numbers and event ids of one side so far, over all rounds."""

    last: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    seen: set[str] = field(default_factory=set)

    def take(
        self, arrivals: Sequence[Mapping[str, Any]], wanted: Iterable[tuple[Any, ...]]
    ) -> None:
        """Check one round against (lane, version, times) of what has changed.

        Raises CheckFailed in words.
        """
        self._take_ids(arrivals)
        self._take_sequences(arrivals)
        told = Counter((arrival["lane"], arrival["version"]) for arrival in arrivals)
        expected = {(lane, version): times for lane, version, times in wanted}
        check(
            told == expected, f"events that arrived are not the changes made: {_of(told, expected)}"
        )

    def _take_ids(self, arrivals: Sequence[Mapping[str, Any]]) -> None:
        for arrival in arrivals:
            event_id = arrival["event_id"]
            check(event_id not in self.seen, f"event {event_id} arrived twice")
            self.seen.add(event_id)
        objects = Counter((one["lane"], one["object_id"], one["version"]) for one in arrivals)
        twice = [key for key, times in objects.items() if times > 1]
        check(not twice, f"the same version of an object was told twice: {twice[:1]}")

    def _take_sequences(self, arrivals: Sequence[Mapping[str, Any]]) -> None:
        by_lane: dict[int, list[int]] = defaultdict(list)
        for arrival in arrivals:
            by_lane[arrival["lane"]].append(arrival["sequence"])
        for lane, numbers in by_lane.items():
            first, last = self.last[lane] + 1, self.last[lane] + len(numbers)
            whole = sorted(numbers) == list(range(first, last + 1))
            check(whole, f"the sequence of lane {lane} has a gap between {first} and {last}")
            self.last[lane] = last


def _of(told: Mapping[Any, int], expected: Mapping[Any, int]) -> str:
    return f"{sum(told.values())} of {sum(expected.values())}"
