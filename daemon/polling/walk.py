"""PURE: the walk over the pages of a resource: what is asked next, and when everything was read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import blake2b
from itertools import pairwise

from daemon.polling.identities import Identities
from daemon.polling.window import Resume, Row, floor

PASSES_IN_VAIN = 3


class Step(StrEnum):
    """What a walk does next."""

    ASK = "ask"
    FINISHED = "finished"
    DISORDERED = "disordered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """A fingerprint of the versions that a pass has read, whatever their order."""

    rows: int = 0
    sum: int = 0

    def with_more(self, rows: Sequence[Row]) -> Pass:
        """After a page of this pass."""
        more = sum(map(_version_number, rows))
        return Pass(rows=self.rows + len(rows), sum=(self.sum + more) % 2**128)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounds:
    """Pages that are read in passes, since rows that leave them shift others to a page that was
    read before.

    `fresh` says whether this pass brought a version that the passes before it did not have, `vain`
    how many passes in a row did not.
    """

    seen: Identities = field(default_factory=Identities)
    this_pass: Pass = Pass()
    last_pass: Pass | None = None
    fresh: bool = False
    vain: int = 0

    def with_more(self, rows: Sequence[Row], cap: datetime | None = None) -> Rounds:
        """After a page of this pass. What is stamped beyond the cap is left to the next walk."""
        versions = [_version(row) for row in rows if cap is None or (row.stamp or cap) <= cap]
        return replace(
            self,
            seen=self.seen.with_more(versions),
            this_pass=self.this_pass.with_more(rows),
            fresh=self.fresh or any(version not in self.seen for version in versions),
        )

    @property
    def is_over(self) -> bool:
        """Whether nothing has changed since the last pass began, as this one shows; where something
        changes all the time, some passes that bring nothing new have to do."""
        return self.this_pass == self.last_pass or self._vain_passes == PASSES_IN_VAIN

    @property
    def _vain_passes(self) -> int:
        return 0 if self.fresh else self.vain + 1

    def again(self) -> Rounds:
        """The next pass."""
        return Rounds(seen=self.seen, last_pass=self.this_pass, vain=self._vain_passes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """An ascending walk: each page is asked anew from the last stamp read.

    `bound` is the inclusive lower bound of the next question. `page_key` is set only inside a group
    of rows that share one stamp and fill more than a page.

    It goes on to the end: what is stamped ahead of the time comes last. `cap` is up to where it is
    exhaustive, however much changes meanwhile.
    """

    lower: datetime | None
    cap: datetime | None
    bound: datetime | None
    granularity: timedelta
    page_key: str | None = None
    group: Rounds | None = None
    step: Step = Step.ASK

    @classmethod
    def start(cls, lower: datetime | None, cap: datetime | None, granularity: timedelta) -> Walk:
        return cls(lower=lower, cap=cap, bound=lower, granularity=granularity)

    @classmethod
    def resumed(cls, resume: Resume, granularity: timedelta) -> Walk:
        return replace(cls.start(resume.lower, resume.cap, granularity), bound=resume.anchor)

    @property
    def resume(self) -> Resume:
        """The point from which this walk can go on after a restart."""
        return Resume(lower=self.lower, cap=self.cap, anchor=self.bound)

    def advance(self, rows: Sequence[Row], *, next_key: str | None, complete: bool) -> Walk:
        """The walk after the answer to its question. `complete`: nothing lies behind these rows."""
        complete = complete or next_key is None
        stamps = [row.stamp for row in rows if row.stamp is not None]
        if any(later < earlier for earlier, later in pairwise(stamps)):
            return replace(self, step=Step.DISORDERED)
        last = floor(stamps[-1], self.granularity) if stamps else None
        if self._in_group(last) and not complete:
            group = (self.group or Rounds()).with_more(self._members(rows))
            return replace(self, page_key=next_key, group=group)
        if self.group is not None:
            return self._end_pass(rows)
        return self._go_on(last, complete=complete)

    def _in_group(self, last: datetime | None) -> bool:
        return last is None or (self.bound is not None and last <= self.bound)

    def _members(self, rows: Sequence[Row]) -> Sequence[Row]:
        return [
            row
            for row in rows
            if row.stamp is None or self._in_group(floor(row.stamp, self.granularity))
        ]

    def _end_pass(self, rows: Sequence[Row]) -> Walk:
        group = (self.group or Rounds()).with_more(self._members(rows))
        if not group.is_over:
            return replace(self, page_key=None, group=group.again())
        following = self._following(rows)
        return self._go_on(following, complete=following is None)

    def _following(self, rows: Sequence[Row]) -> datetime | None:
        """Where to ask after a group: what this page shows behind it need not be all, since rows
        that left the group meanwhile have shifted others before the page."""
        if self.bound is not None:
            return self.bound + self.granularity
        return next((floor(row.stamp, self.granularity) for row in rows if row.stamp), None)

    def _go_on(self, last: datetime | None, *, complete: bool) -> Walk:
        return replace(
            self,
            bound=last,
            page_key=None,
            group=None,
            step=Step.FINISHED if complete else Step.ASK,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Passes:
    """A walk whose order cannot be trusted: whole passes by page key, until two are the same or
    some bring nothing new up to the cap."""

    lower: datetime | None
    cap: datetime | None
    page_key: str | None = None
    rounds: Rounds = field(default_factory=Rounds)
    step: Step = Step.ASK

    @property
    def bound(self) -> datetime | None:
        return self.lower

    @property
    def resume(self) -> None:
        """A disordered walk begins anew after a restart."""

    def advance(self, rows: Sequence[Row], *, next_key: str | None, complete: bool) -> Passes:
        """The walk after the answer to its question."""
        rounds = self.rounds.with_more(rows, self.cap)
        if not complete and next_key is not None:
            return replace(self, page_key=next_key, rounds=rounds)
        if rounds.is_over:
            return replace(self, step=Step.FINISHED)
        return replace(self, page_key=None, rounds=rounds.again())


def _version(row: Row) -> str:
    return f"{row.identity}\0{row.stamp}"


def lower_of(edge: datetime | None, other: datetime | None) -> datetime | None:
    """The lower of two edges; None is below everything."""
    return None if edge is None or other is None else min(edge, other)


def _version_number(row: Row) -> int:
    version = _version(row).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(version, digest_size=16).digest())
