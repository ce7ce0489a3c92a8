"""PURE: the walk over the pages of a resource: what is asked next, and when everything was read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import blake2b
from itertools import pairwise

from daemon.polling.identities import Identities
from daemon.polling.window import EARLIEST, Resume, Row, floor

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

    `fresh` says whether this pass brought anything that the passes before it did not have, `vain`
    how many passes in a row did not.
    """

    seen: Identities = field(default_factory=Identities)
    this_pass: Pass = Pass()
    last_pass: Pass | None = None
    fresh: bool = False
    vain: int = 0

    def with_more(self, rows: Sequence[Row], names: Sequence[str]) -> Rounds:
        """After a page of this pass; `names` are those of what it has to bring."""
        return replace(
            self,
            seen=self.seen.with_more(names),
            this_pass=self.this_pass.with_more(rows),
            fresh=self.fresh or any(name not in self.seen for name in names),
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

    Once a page passes the cap, what follows is left to the next walk, except for rows stamped ahead
    of the time: those come last in every walk, so the walk goes on at `ahead_from`.
    """

    lower: datetime | None
    cap: datetime | None
    bound: datetime | None
    granularity: timedelta
    ahead_from: datetime | None = None
    page_key: str | None = None
    group: Rounds | None = None
    step: Step = Step.ASK

    @classmethod
    def start(
        cls,
        lower: datetime | None,
        cap: datetime | None,
        granularity: timedelta,
        ahead_from: datetime,
    ) -> Walk:
        return cls(
            lower=lower,
            cap=cap,
            bound=lower,
            granularity=granularity,
            ahead_from=floor(ahead_from, granularity),
        )

    @classmethod
    def resumed(cls, resume: Resume, granularity: timedelta, ahead_from: datetime) -> Walk:
        start = cls.start(resume.lower, resume.cap, granularity, ahead_from)
        return replace(start, bound=resume.anchor)

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
            return replace(self, page_key=next_key, group=self._group_with(rows))
        if self.group is not None:
            return self._end_pass(rows)
        return self._go_on(last, complete=complete)

    def _in_group(self, last: datetime | None) -> bool:
        return last is None or (self.bound is not None and last <= self.bound)

    def _group_with(self, rows: Sequence[Row]) -> Rounds:
        members = [
            row
            for row in rows
            if row.stamp is None or self._in_group(floor(row.stamp, self.granularity))
        ]
        identities = [row.identity for row in members if row.identity is not None]
        return (self.group or Rounds()).with_more(members, identities)

    def _end_pass(self, rows: Sequence[Row]) -> Walk:
        group = self._group_with(rows)
        if not group.is_over:
            return replace(self, page_key=None, group=group.again())
        following = self._following(rows)
        return self._go_on(following, complete=following is None)

    def _following(self, rows: Sequence[Row]) -> datetime | None:
        """Where to ask after a group: what this page shows behind it need not be all, since rows
        that left the group meanwhile have shifted others before the page."""
        if self.bound is not None:
            return self.bound + self.granularity
        dated = next((floor(row.stamp, self.granularity) for row in rows if row.stamp), None)
        return dated and min(dated, EARLIEST)

    def _go_on(self, last: datetime | None, *, complete: bool) -> Walk:
        passed = self.cap is not None and last is not None and last > self.cap
        if passed and last is not None and self.ahead_from is not None:
            last = max(last, self.ahead_from)
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
        cap = self.cap  # what is stamped beyond it is left to the next walk
        versions = [_version(row) for row in rows if cap is None or (row.stamp or cap) <= cap]
        rounds = self.rounds.with_more(rows, versions)
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
