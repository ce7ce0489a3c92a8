"""The probes of one resource: its stamps, the literals of its filter, and its provider's clock."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from daemon.polling.source import Clock, Reading, Source
from daemon.polling.verdict import (
    BEYOND_ALL,
    FURTHEST,
    SET_BACK,
    VALID_FOR,
    Probe,
    ProbeKind,
    Probes,
    Verdict,
    clock_probe,
    observed_shift,
    stamps_ahead,
    stamps_proved,
    stamps_shifted,
    stamps_unknown,
)
from daemon.polling.window import Margins, Marks

log = structlog.get_logger(__name__)

QUARTER = timedelta(minutes=15)
"""The clocks of any two zones are a multiple of this apart."""

NOTABLE_SKEW = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What a poll has shown: stamps of what changed between two walks, the provider's times of
    both (None before the first), and how far the provider's clock was ahead of ours, if it said."""

    first_seen: Collection[datetime]
    previous: datetime | None
    walked_at: datetime | None
    clock_skew: timedelta | None


class Prober:
    """Probes by reading only. Its coroutines raise ProviderError."""

    def __init__(self, source: Source, margins: Margins, clock: Clock) -> None:
        self._source = source
        self._margins = margins
        self._clock = clock

    async def probe(self, before: Probes, version: int, marks: Marks) -> Probes:
        """All that can be told without waiting for a change; `before` has the last verdicts."""
        newest = await self._source.newest()
        made = [self._stamps(newest, marks, before), await self._literal(newest)]
        if newest.clock_skew is not None:
            made.append(clock_probe(newest.clock_skew, self._clock()))
        probes = Probes(version=version).having(*made)
        _tell(before, probes)
        return probes

    def observe(self, before: Probes, seen: Observation, marks: Marks) -> Probes:
        """The verdicts after a poll: the same ones unless it has shown something new."""
        clock = self._observed_clock(before, seen, marks)
        fresh = (self._observed_stamps(before, seen, marks), clock)
        probes = before.having(*(probe for probe in fresh if probe is not None))
        _tell(before, probes)
        return probes

    def _observed_stamps(self, before: Probes, seen: Observation, marks: Marks) -> Probe | None:
        known, now = before.find(ProbeKind.STAMPS), self._clock()
        if known is None or not self._margins.provable:
            return None
        if marks.utc is not None and marks.utc.proved_at > known.at:
            proved = known.verdict is Verdict.PROVED
            return None if proved else stamps_proved(self._margins.zone, now)
        if seen.previous is None or seen.walked_at is None:
            return None
        overlap = self._margins.least_overlap
        shift = observed_shift(seen.first_seen, seen.previous, seen.walked_at, overlap)
        if not shift or (known.verdict is Verdict.SHIFTED and known.shift == shift):
            return None
        return stamps_shifted(shift, now)

    def _observed_clock(self, before: Probes, seen: Observation, marks: Marks) -> Probe | None:
        known, skew = before.find(ProbeKind.CLOCK), seen.clock_skew
        if skew is None:
            return None
        is_set_back = marks.clock is not None and marks.clock.is_behind(seen.walked_at)
        told = known is not None and known.detail.endswith(SET_BACK)
        if known and abs(known.shift - skew) <= NOTABLE_SKEW and told is is_set_back:
            return None
        return clock_probe(skew, self._clock(), is_set_back=is_set_back)

    def _stamps(self, newest: Reading, marks: Marks, before: Probes) -> Probe:
        now, known = self._clock(), before.find(ProbeKind.STAMPS)
        stamp = _stamp(newest)
        if not self._margins.provable:
            return stamps_unknown(
                "the configured zone is a bare offset, which says nothing of summer time: name a"
                " zone such as America/Vancouver instead.",
                now,
            )
        if stamp is None:
            return stamps_unknown("there is no record to tell by.", now)
        if marks.utc is not None and marks.utc.holds(newest.provider_time, now):
            return stamps_proved(self._margins.zone, now)
        if ahead := stamps_ahead(stamp, newest.provider_time, now):
            return ahead
        if known and known.verdict is Verdict.SHIFTED and abs(now - known.at) < VALID_FOR:
            return known
        return stamps_unknown("no record has changed while it was watched.", now)

    async def _literal(self, newest: Reading) -> Probe:
        """The newest record has to be found by its own stamp, and not by the next later one."""
        if not self._source.searches_by_stamp:
            return self._literal_probe(
                Verdict.PROVED,
                "No date is sent: this tenant's records cannot be searched by it, so that they are"
                " read from the newest on.",
            )
        for _ in range(2):
            stamp = _stamp(newest)
            if stamp is None:
                break
            start = self._margins.floor(stamp)
            if await self._finds(start):
                return await self._judge_later(start + self._margins.granularity)
            newest = await self._source.newest()
            if _stamp(newest) == stamp:
                return await self._search(start)
        return self._literal_probe(Verdict.UNKNOWN, "There is no record to try a date on.")

    async def _finds(self, bound: datetime) -> bool:
        """Whether anything is found from a bound on: then the newest record is among it."""
        return bool((await self._source.page(bound, None)).rows)

    async def _judge_later(self, bound: datetime) -> Probe:
        rows = (await self._source.page(bound, None)).rows
        early = [row.stamp for row in rows if row.stamp is not None and row.stamp < bound]
        if not early:
            return self._literal_probe(
                Verdict.PROVED, "The newest record is found by its own date, and by no later one."
            )
        return self._literal_probe(
            Verdict.SHIFTED,
            "A date in the filter is taken for an earlier one: more is read than needed, and"
            " nothing is lost.",
            shift=min(early) - bound,
        )

    async def _search(self, start: datetime) -> Probe:
        """How much earlier a date has to be to find the newest record, to a quarter of an hour."""
        missed, found = 0, FURTHEST // QUARTER
        if not await self._finds(start - FURTHEST):
            return self._literal_probe(
                Verdict.SHIFTED,
                "No date in the filter finds the newest record, not even one a day earlier:"
                " records are read from the newest on instead, and nothing is lost.",
                shift=BEYOND_ALL,
            )
        while found - missed > 1:
            middle = (missed + found) // 2
            if await self._finds(start - middle * QUARTER):
                found = middle
            else:
                missed = middle
        hours = found * QUARTER / timedelta(hours=1)
        return self._literal_probe(
            Verdict.SHIFTED,
            f"A date in the filter is taken for one {hours:g} h later, as if it were of another"
            " zone: so much more is read again at every poll, and nothing is lost.",
            shift=found * QUARTER,
        )

    def _literal_probe(
        self, verdict: Verdict, detail: str, shift: timedelta = timedelta(0)
    ) -> Probe:
        return Probe(
            kind=ProbeKind.LITERAL, verdict=verdict, detail=detail, at=self._clock(), shift=shift
        )


def _stamp(newest: Reading) -> datetime | None:
    return next((row.stamp for row in newest.rows if row.stamp is not None), None)


def _tell(before: Probes, after: Probes) -> None:
    """Log what has changed for better or worse."""
    for kind, probe in after.made.items():
        known = before.find(kind)
        if known is not None and known.verdict is probe.verdict:
            continue
        if probe.verdict is Verdict.SHIFTED:
            log.warning("probe.shifted", probe=kind.value, reason=probe.detail)
        elif known is not None and known.verdict is Verdict.SHIFTED:
            log.info("probe.recovered", probe=kind.value, reason=probe.detail)
