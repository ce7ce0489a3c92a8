"""PURE: the verdicts of probes: whether stamps, literals and clocks mean what they seem to mean."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Any

from daemon.polling.folds import is_offset_changed
from daemon.polling.window import ANY_ZONE
from daemon.polling.zones import offset_text

HALF_HOUR = timedelta(minutes=30)
"""The clocks of nearly any two zones are a multiple of this apart."""

FURTHEST = timedelta(hours=26)
"""The clocks of no two zones are further apart."""

BEYOND_ALL = timedelta(days=999)
"""The shift of literals that find nothing, however early they are."""

SUMMER = timedelta(hours=1)
"""What a shift may grow by when clocks are set, until the next probe."""

ALARMING_SKEW = timedelta(seconds=60)
VALID_FOR = timedelta(days=1)
UNKNOWN_FOR = timedelta(hours=1)


class ProbeKind(StrEnum):
    """What was probed.

    STAMPS: whether record stamps are UTC, or in the zone that is configured. LITERAL: whether dates
    in filters mean the same as in records. CLOCK: whether the provider's clock and ours agree.
    """

    STAMPS = "stamps"
    LITERAL = "literal"
    CLOCK = "clock"


class Verdict(StrEnum):
    """PROVED: as it should be. SHIFTED: off by some time. UNKNOWN: nothing was there to tell."""

    PROVED = "proved"
    SHIFTED = "shifted"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What one probe found: `detail` in words, `shift` how far off, `at` when (by our clock)."""

    kind: ProbeKind
    verdict: Verdict
    detail: str
    at: datetime
    shift: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Probes:
    """The last probe of each kind, made under one version of the resource's configuration."""

    version: int = 0
    made: Mapping[ProbeKind, Probe] = field(default_factory=dict)

    def find(self, kind: ProbeKind) -> Probe | None:
        return self.made.get(kind)

    def having(self, *probes: Probe) -> Probes:
        """With these in place of earlier ones of their kinds."""
        return replace(self, made={**self.made, **{probe.kind: probe for probe in probes}})

    @property
    def widening(self) -> timedelta:
        """What the overlap has to grow by so that shifted literals lose nothing."""
        literal = self.find(ProbeKind.LITERAL)
        shift = timedelta(0) if literal is None else literal.shift
        if shift <= timedelta(0) or not self.literals_find:
            return timedelta(0)
        return min(shift + SUMMER, FURTHEST)

    @property
    def literals_find(self) -> bool:
        """Whether searching by date finds anything that it should, as far as is known."""
        literal = self.find(ProbeKind.LITERAL)
        return literal is None or literal.shift <= FURTHEST

    def are_due(self, version: int, now: datetime, zones: Iterable[tzinfo]) -> bool:
        """Whether they are to be made (again): never made for this configuration, a day old, or
        from before a change of clocks in a configured zone."""
        literal = self.find(ProbeKind.LITERAL)
        if self.version != version or literal is None:
            return True
        return abs(now - literal.at) >= VALID_FOR or is_offset_changed(zones, literal.at, now)

    def are_open(self, now: datetime, at_least: timedelta = timedelta(0)) -> bool:
        """Whether for so long nothing has been known of the literals."""
        literal = self.find(ProbeKind.LITERAL)
        if literal is None or literal.verdict is not Verdict.UNKNOWN:
            return False
        return abs(now - literal.at) >= at_least

    def as_json(self) -> dict[str, Any]:
        """As it is stored, and shown to people."""
        return {"version": self.version} | {
            kind.value: {
                "verdict": probe.verdict.value,
                "detail": probe.detail,
                "at": probe.at.isoformat(),
                "shiftSeconds": probe.shift.total_seconds(),
            }
            for kind, probe in self.made.items()
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Probes:
        """What `as_json` made."""
        made = {kind: _from_json(kind, stored[kind]) for kind in ProbeKind if kind in stored}
        return cls(version=stored.get("version", 0), made=made)


SET_BACK = (
    " It was set back, or ours forward: until it has caught up, more is read again at every poll,"
    " objects from before the baseline may be told although they did not change, and what is"
    " created may be told as updated. Nothing is lost."
)


def clock_probe(skew: timedelta, now: datetime, *, is_set_back: bool = False) -> Probe:
    """What the provider's clock, so far ahead of ours, means; also if it was set back lately."""
    seconds = round(abs(skew).total_seconds())
    if abs(skew) <= ALARMING_SKEW:
        verdict, detail = Verdict.PROVED, f"The clocks agree to within {max(seconds, 1)} s."
    else:
        where = "ahead of" if skew > timedelta(0) else "behind"
        verdict = Verdict.SHIFTED
        detail = f"The provider's clock is {seconds} s {where} ours: one of the two is wrong."
    if is_set_back:
        verdict, detail = Verdict.SHIFTED, detail + SET_BACK
    return Probe(kind=ProbeKind.CLOCK, verdict=verdict, detail=detail, at=now, shift=skew)


def observed_shift(
    first_seen: Collection[datetime], previous: datetime, now: datetime, overlap: timedelta
) -> timedelta | None:
    """By how many half-hours the stamps of all rows that changed between two walks are off; None if
    they do not say. `previous` and `now` are the provider's times of the walks."""
    half = (now - previous) / 2
    if not first_seen or half + overlap >= HALF_HOUR / 2:
        return None
    shift = round((max(first_seen) - previous - half) / HALF_HOUR) * HALF_HOUR
    fits = all(previous - overlap <= stamp - shift <= now for stamp in first_seen)
    return shift if fits and abs(shift) <= ANY_ZONE else None


def stamps_proved(zone: tzinfo | None, now: datetime) -> Probe:
    """Records that had just changed bore the right time."""
    frame = "UTC" if zone is None else f"local time of {zone}, as configured"
    return _stamps(Verdict.PROVED, f"Records that had just changed were stamped in {frame}.", now)


def stamps_shifted(shift: timedelta, now: datetime) -> Probe:
    """Records that had just changed bore another time."""
    detail = (
        f"Records that had just changed were stamped as if clocks were at {offset_from_utc(shift)}:"
        " local time without a zone. More is read again at every poll, and nothing is lost. Less is"
        " if updatedDateTimezone names the zone, and the format has a Z of theirs in quotes."
    )
    return _stamps(Verdict.SHIFTED, detail, now, shift)


def stamps_ahead(stamp: datetime, provider_time: datetime, now: datetime) -> Probe | None:
    """What a newest stamp in the future means; None if it is not."""
    ahead = stamp - provider_time
    if ahead <= ALARMING_SKEW:
        return None
    if ahead > ANY_ZONE:
        return stamps_unknown("the newest record is stamped far in the future.", now)
    shift = -(-ahead // HALF_HOUR) * HALF_HOUR
    detail = (
        f"The newest record is stamped in the future, as if clocks were at {offset_from_utc(shift)}"
        " or further east: local time without a zone. Nothing is lost by that."
    )
    return _stamps(Verdict.SHIFTED, detail, now, shift)


def stamps_unknown(reason: str, now: datetime) -> Probe:
    """There was nothing to tell by, which is never taken for a good sign."""
    return _stamps(Verdict.UNKNOWN, f"The zone of the stamps is not proved: {reason}", now)


def offset_from_utc(shift: timedelta) -> str:
    """A shift as the offset of a zone: `UTC-07:00`."""
    return f"UTC{offset_text(shift)}"


def _stamps(verdict: Verdict, detail: str, at: datetime, shift: timedelta = timedelta(0)) -> Probe:
    return Probe(kind=ProbeKind.STAMPS, verdict=verdict, detail=detail, at=at, shift=shift)


def _from_json(kind: ProbeKind, stored: Mapping[str, Any]) -> Probe:
    return Probe(
        kind=kind,
        verdict=Verdict(stored["verdict"]),
        detail=stored["detail"],
        at=datetime.fromisoformat(stored["at"]),
        shift=timedelta(seconds=stored["shiftSeconds"]),
    )
