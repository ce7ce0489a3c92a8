"""Continuity: whether the sequence numbers of a stream leave nothing out."""

from typing import Any


class Continuity:
    """The sequence numbers of one instance and object type, counted from 1."""

    def __init__(self) -> None:
        self._events: dict[int, str | None] = {}
        self._last = 0
        self.repeats = 0
        self.conflicts: list[int] = []

    def add(self, sequence: int, event_id: str | None) -> None:
        """Notes an event; one number for two events is a conflict."""
        if sequence in self._events:
            self.repeats += 1
            if self._events[sequence] != event_id:
                self.conflicts.append(sequence)
            return
        self._events[sequence] = event_id
        self._last = max(self._last, sequence)

    def gaps(self) -> list[tuple[int, int]]:
        """The missing numbers up to the highest, as first and last of each gap."""
        found: list[tuple[int, int]] = []
        expected = 1
        for sequence in sorted(self._events):
            if sequence > expected:
                found.append((expected, sequence - 1))
            expected = sequence + 1
        return found

    def as_json(self) -> dict[str, Any]:
        """Counts, gaps, repeats and conflicts."""
        return {
            "count": len(self._events),
            "last": self._last,
            "gaps": self.gaps(),
            "repeats": self.repeats,
            "conflicts": self.conflicts,
        }
