"""PURE: the walk over the pages of a resource: what is asked next, and when everything was read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import blake2b
from itertools import pairwise

from daemon.polling.identities import Identities
from daemon.polling.window import ANY_ZONE, Resume, Row, floor


class Step(StrEnum):
    """What a walk does next."""

    ASK = "ask"
    FINISHED = "finished"
    DISORDERED = "disordered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Rows of one stamp that fill more than a page, read in passes; `fresh` says whether this pass
    brought any that the passes before it did not have."""

    seen: Identities = field(default_factory=Identities)
    repeated: bool = False
    fresh: bool = False

    def with_more(self, identities: Sequence[str]) -> Group:
        """After a page of this pass."""
        fresh = self.fresh or any(identity not in self.seen for identity in identities)
        return replace(self, seen=self.seen.with_more(identities), fresh=fresh)

    @property
    def is_read(self) -> bool:
        """Whether the pass that ends here brought nobody new."""
        return self.repeated and not self.fresh

    def again(self) -> Group:
        """The next pass."""
        return Group(seen=self.seen, repeated=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """An ascending walk: each page is asked anew from the last stamp read.

    `bound` is the inclusive lower bound of the next question. `page_key` is set only inside a group
    of rows that share one stamp and fill more than a page; such a group is read in passes until one
    brings no row that the passes before did not have, since rows leaving it shift the others.

    Once a page passes the cap, what follows is left to the next walk, except for rows stamped later
    than now in every zone: those come last in every walk, so the walk goes on at `absurd_from`.
    """

    lower: datetime | None
    cap: datetime | None
    bound: datetime | None
    granularity: timedelta
    absurd_from: datetime | None = None
    page_key: str | None = None
    group: Group | None = None
    step: Step = Step.ASK

    @classmethod
    def start(
        cls,
        lower: datetime | None,
        cap: datetime | None,
        granularity: timedelta,
        provider_time: datetime,
    ) -> Walk:
        absurd_from = floor(provider_time + ANY_ZONE, granularity)
        return cls(
            lower=lower, cap=cap, bound=lower, granularity=granularity, absurd_from=absurd_from
        )

    @classmethod
    def resumed(cls, resume: Resume, granularity: timedelta, provider_time: datetime) -> Walk:
        start = cls.start(resume.lower, resume.cap, granularity, provider_time)
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
            return self._end_pass(rows, last, complete=complete)
        return self._go_on(last, complete=complete)

    def _in_group(self, last: datetime | None) -> bool:
        return last is None or (self.bound is not None and last <= self.bound)

    def _members(self, rows: Sequence[Row]) -> Sequence[str]:
        return [
            row.identity
            for row in rows
            if row.identity is not None
            and (row.stamp is None or self._in_group(floor(row.stamp, self.granularity)))
        ]

    def _end_pass(self, rows: Sequence[Row], last: datetime | None, *, complete: bool) -> Walk:
        group = (self.group or Group()).with_more(self._members(rows))
        if group.is_read:
            return self._go_on(last, complete=complete)
        return replace(self, page_key=None, group=group.again())

    def _go_on(self, last: datetime | None, *, complete: bool) -> Walk:
        passed = self.cap is not None and last is not None and last > self.cap
        if passed and last is not None and self.absurd_from is not None:
            last = max(last, self.absurd_from)
        return replace(
            self,
            bound=last,
            page_key=None,
            group=None,
            step=Step.FINISHED if complete else Step.ASK,
        )


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


def _version_number(row: Row) -> int:
    version = f"{row.identity}\0{row.stamp}".encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(version, digest_size=16).digest())
