"""The shelf: one lane's changed records as the provider shows them, ordered by stamp."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from datetime import datetime, timedelta

from bench.records import Template, make_template


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Some rows of a shelf as JSON; `more` says that others lie behind."""

    rows: list[bytes]
    more: bool


class Shelf:
    """Shows only what was changed last: nobody asks for the rest.

    No two rows share a stamp where `change` gives them a step apart. `ticks` are seconds by which
    the provider's clock is ahead for this lane alone. `read_out` says that the last row was read.
    """

    def __init__(self, lane: int, objects: int) -> None:
        self._templates = [make_template(lane, number) for number in range(objects)]
        self._shown: list[Template] = []
        self._stamps: list[datetime] = []
        self._rows: list[bytes] = []
        self.ticks = 0
        self.read_out = False

    def change(self, version: int, objects: int, last_at: datetime, step: timedelta) -> None:
        """The first so many objects change, one after the other, the last one at `last_at`."""
        self._shown = self._templates[:objects]
        self._stamps = [last_at - step * behind for behind in reversed(range(objects))]
        self._rows = [
            template.row(version, stamp)
            for template, stamp in zip(self._shown, self._stamps, strict=True)
        ]

    def change_one(self, version: int, at: datetime) -> None:
        """The object that has been unchanged for longest changes."""
        template = self._shown.pop(0)
        self._shown.append(template)
        del self._stamps[0], self._rows[0]
        self._stamps.append(at)
        self._rows.append(template.row(version, at))

    def ascending(self, bound: datetime | None, offset: int, size: int) -> Cut:
        """Rows stamped at or after the bound, oldest first, so many of them left out."""
        begin = offset if bound is None else bisect_left(self._stamps, bound) + offset
        return Cut(rows=self._rows[begin : begin + size], more=begin + size < len(self._rows))

    def newest(self, size: int) -> Cut:
        """The latest rows, newest first."""
        return Cut(rows=self._rows[: -size - 1 : -1], more=size < len(self._rows))
