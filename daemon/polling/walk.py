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
class Group:
    """Rows of one stamp that fill more than a page, read in passes, since rows that leave it shift
    others to a page that was read before.

    `fresh` says whether this pass brought any that the passes before it did not have, `vain` how
    many passes in a row did not.
    """

    seen: Identities = field(default_factory=Identities)
    this_pass: Pass = Pass()
    last_pass: Pass | None = None
    fresh: bool = False
    vain: int = 0

    def with_more(self, members: Sequence[Row]) -> Group:
        """After a page of this pass."""
        identities = [row.identity for row in members if row.identity is not None]
        return replace(
            self,
            seen=self.seen.with_more(identities),
            this_pass=self.this_pass.with_more(members),
            fresh=self.fresh or any(identity not in self.seen for identity in identities),
        )

    @property
    def is_read(self) -> bool:
        """Whether nobody left while the last pass was under way, as this one shows; a group that
        somebody leaves all the time is taken for read after some passes that bring nobody new."""
        return self.this_pass == self.last_pass or self._vain_passes == PASSES_IN_VAIN

    @property
    def _vain_passes(self) -> int:
        return 0 if self.fresh else self.vain + 1

    def again(self) -> Group:
        """The next pass."""
        return Group(seen=self.seen, last_pass=self.this_pass, vain=self._vain_passes)


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
    group: Group | None = None
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
            group = (self.group or Group()).with_more(self._members(rows))
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
        group = (self.group or Group()).with_more(self._members(rows))
        if not group.is_read:
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
    """A walk whose order cannot be trusted: whole passes by page key, until two are the same."""

    lower: datetime | None
    cap: datetime | None
    page_key: str | None = None
    this_pass: Pass = Pass()
    last_pass: Pass | None = None
    step: Step = Step.ASK

    @property
    def bound(self) -> datetime | None:
        return self.lower

    @property
    def resume(self) -> None:
        """A disordered walk begins anew after a restart."""

    def advance(self, rows: Sequence[Row], *, next_key: str | None, complete: bool) -> Passes:
        """The walk after the answer to its question."""
        seen = self.this_pass.with_more(rows)
        if not complete and next_key is not None:
            return replace(self, page_key=next_key, this_pass=seen)
        if seen == self.last_pass:
            return replace(self, step=Step.FINISHED)
        return replace(self, page_key=None, this_pass=Pass(), last_pass=seen)


def lower_of(edge: datetime | None, other: datetime | None) -> datetime | None:
    """The lower of two edges; None is below everything."""
    return None if edge is None or other is None else min(edge, other)


def _version_number(row: Row) -> int:
    version = f"{row.identity}\0{row.stamp}".encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(version, digest_size=16).digest())
