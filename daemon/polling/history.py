"""PURE: how the polls of one resource have been, hour, day and week, in a size that never grows."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

BUCKETS = 60
"""Every span is kept, and drawn, as so many stretches of time."""

SPANS: Mapping[str, int] = {"hour": 3600, "day": 86_400, "week": 604_800}
"""What is kept, in seconds. A poll stands in each of them."""

_FORM = 1
_TICK = struct.Struct("<7I")
_MOST = 2**32 - 1
_EMPTY: tuple[tuple[Tick, ...], ...] = ((),) * len(SPANS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """The polls of one stretch of time, which begins at `at` (seconds of the epoch): how many, how
    many of them failed, changes and pages of all, the longest and the latest of them."""

    at: int
    polls: int = 1
    failed: int = 0
    changed: int = 0
    pages: int = 0
    milliseconds: int = 0
    late_milliseconds: int = 0

    @property
    def begins_at(self) -> datetime:
        return datetime.fromtimestamp(self.at, UTC)

    def plus(self, later: Tick) -> Tick:
        """Both in one stretch, that of the first."""
        return Tick(
            at=self.at,
            polls=self.polls + later.polls,
            failed=self.failed + later.failed,
            changed=self.changed + later.changed,
            pages=self.pages + later.pages,
            milliseconds=max(self.milliseconds, later.milliseconds),
            late_milliseconds=max(self.late_milliseconds, later.late_milliseconds),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """For each of SPANS its ticks, oldest first; a stretch without a poll has none."""

    rings: tuple[tuple[Tick, ...], ...] = _EMPTY

    def noted(self, poll: Tick) -> History:
        """With one poll more, which began at `poll.at`."""
        rings = zip(SPANS.values(), self.rings, strict=True)
        return History(rings=tuple(_added(ring, poll, span // BUCKETS) for span, ring in rings))

    def of(self, span: str, now: datetime) -> Sequence[Tick]:
        """What lies within that span before `now`."""
        seconds = SPANS[span]
        ring = self.rings[list(SPANS).index(span)]
        return [tick for tick in ring if tick.at > now.timestamp() - seconds]

    def packed(self) -> bytes:
        """As bytes, from which `unpacked` makes it again."""
        lengths = bytes(len(ring) for ring in self.rings)
        ticks = b"".join(_packed(tick) for ring in self.rings for tick in ring)
        return bytes([_FORM]) + zlib.compress(lengths + ticks, 1)


def unpacked(stored: bytes | None) -> History:
    """What `packed` made. A form that this version does not know counts as nothing."""
    if not stored or stored[0] != _FORM:
        return History()
    content = zlib.decompress(stored[1:])
    lengths = content[: len(SPANS)]
    ticks = [_tick(values) for values in _TICK.iter_unpack(content[len(SPANS) :])]
    ends = [sum(lengths[: index + 1]) for index in range(len(lengths))]
    return History(
        rings=tuple(
            tuple(ticks[end - length : end]) for length, end in zip(lengths, ends, strict=True)
        )
    )


def _added(ring: tuple[Tick, ...], poll: Tick, stretch: int) -> tuple[Tick, ...]:
    begins = poll.at - poll.at % stretch
    if ring and ring[-1].at >= begins:  # the same stretch, or our clock was set back
        return (*ring[:-1], ring[-1].plus(poll))
    return (*ring[1 - BUCKETS :], replace(poll, at=begins))


def _packed(tick: Tick) -> bytes:
    values = (
        tick.at,
        tick.polls,
        tick.failed,
        tick.changed,
        tick.pages,
        tick.milliseconds,
        tick.late_milliseconds,
    )
    return _TICK.pack(*(min(value, _MOST) for value in values))


def _tick(values: Sequence[int]) -> Tick:
    at, polls, failed, changed, pages, milliseconds, late = values
    return Tick(
        at=at,
        polls=polls,
        failed=failed,
        changed=changed,
        pages=pages,
        milliseconds=milliseconds,
        late_milliseconds=late,
    )
