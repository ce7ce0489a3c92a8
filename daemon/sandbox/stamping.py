"""Stamping: which dates a new version bears and when reads begin to see it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from daemon.sandbox.clock import Clock
from daemon.sandbox.dates import written
from daemon.sandbox.faults import Late, LostWrite, Stamp, Undated
from daemon.sandbox.profile import Profile
from daemon.sandbox.records import Value
from daemon.sandbox.store import Store
from daemon.sandbox.switchboard import Switchboard


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """One write: `create`, `update` or `delete` of a record of this object and resource."""

    operation: str
    object_name: str
    resource: str

    @property
    def calls(self) -> frozenset[str]:
        return frozenset((self.operation,))

    @property
    def objects(self) -> frozenset[str]:
        return frozenset((self.object_name.lower(), self.resource))


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What is known of a version before its fields; `is_dated` says whether they tell its stamp."""

    stamp: datetime
    is_dated: bool
    written_at: datetime
    visible_at: datetime | None
    visible_reads: int


class Stamping:
    """Gives each write its dates, with the faults that bend them."""

    def __init__(self, store: Store, switches: Switchboard[Profile], clock: Clock) -> None:
        self._store = store
        self._switches = switches
        self._clock = clock
        self._held: dict[Stamp, tuple[datetime, datetime]] = {}

    def draft(self, occasion: Occasion, given: Mapping[str, Value]) -> Draft:
        """The dates of a version; a modification date that the client gives is taken as it is."""
        now = self._clock.now()
        late = self._switches.strike(
            Late, lambda fault: fault.concerns(occasion.calls, occasion.objects)
        )
        stamp = given.get("LastModifyDate")
        seen = self._store.reads[occasion.object_name]
        return Draft(
            stamp=stamp if isinstance(stamp, datetime) else self._stamp(occasion, now),
            is_dated=not self._strikes(Undated, occasion),
            written_at=now,
            visible_at=now + timedelta(seconds=late.seconds) if late and late.seconds else None,
            visible_reads=seen + late.reads if late and late.reads else 0,
        )

    def is_lost(self, occasion: Occasion) -> bool:
        """Whether this write is to be answered with success and forgotten."""
        return self._strikes(LostWrite, occasion)

    def _strikes(self, kind: type[LostWrite | Undated], occasion: Occasion) -> bool:
        fault = self._switches.strike(
            kind, lambda each: each.concerns(occasion.calls, occasion.objects)
        )
        return fault is not None

    def _stamp(self, occasion: Occasion, now: datetime) -> datetime:
        fault = self._switches.strike(
            Stamp, lambda each: each.concerns(occasion.calls, occasion.objects)
        )
        if fault is None:
            return now.replace(microsecond=0)
        stamp = written(fault.value) if fault.value else None
        moved = now + timedelta(seconds=fault.offset_seconds)
        stamp = stamp or _floor(moved, fault.granularity_seconds)
        return self._hold(fault, stamp, now) if fault.hold_seconds else stamp

    def _hold(self, fault: Stamp, stamp: datetime, now: datetime) -> datetime:
        """The stamp of the running period, which begins anew when the last one is over."""
        held, until = self._held.get(fault, (stamp, now))
        if until <= now:
            held, until = stamp, now + timedelta(seconds=fault.hold_seconds)
        self._held[fault] = held, until
        return held


def _floor(instant: datetime, seconds: int) -> datetime:
    return datetime.fromtimestamp(instant.timestamp() // seconds * seconds, UTC)
