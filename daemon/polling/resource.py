"""PURE: the noun ResourcePolling: how one resource of an instance is watched."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from zoneinfo import ZoneInfo

from daemon.connectors import ceql
from daemon.polling.folds import other_reading
from daemon.polling.javadate import DateFormat, DatePattern
from daemon.polling.macros import Macro, expand

_SECOND = timedelta(seconds=1)


class FirstRunMode(StrEnum):
    """What a resource tells of the objects that are there before it is watched.

    BASELINE: nothing. FROM: those changed since an instant. BACKFILL: all.
    """

    BASELINE = "baseline"
    FROM = "from"
    BACKFILL = "backfill"


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstRun:
    """`since` is there for FROM only."""

    mode: FirstRunMode = FirstRunMode.BASELINE
    since: datetime | None = None

    def __str__(self) -> str:
        since = f":{_iso(self.since)}" if self.since else ""
        return f"{self.mode}{since}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconcile:
    """The slow second pass: how often, and how far back it reads."""

    interval: timedelta
    window: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """The search for deleted objects: how often, and which part may be missing at once."""

    interval: timedelta
    max_fraction: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordDate:
    """A date of the records: its field (name or dotted path), its format, and the zone of values
    that carry none."""

    field: str
    format: DateFormat
    zone: tzinfo

    def parse(self, value: object, now: datetime | None = None) -> datetime:
        """The instant (UTC) of a record's value. Raises UnreadableDate."""
        return self.format.parse(value, self.zone, now)

    @property
    def is_zone_local(self) -> bool:
        """Whether values are local time of a named zone, whose changes of clock are known."""
        return self.is_local and isinstance(self.zone, ZoneInfo)

    @property
    def is_local(self) -> bool:
        """Whether values carry no offset, so that they mean what the zone says."""
        return isinstance(self.format, DatePattern) and not self.format.zoned

    def other_reading(self, instant: datetime) -> datetime | None:
        """The other instant that the same value may mean, in an hour that happens twice."""
        return other_reading(self.zone, instant) if self.is_zone_local else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourcePolling:
    """How a resource is watched: all that its configuration says, with the defaults filled in.

    `name` is the key of the configuration and the `objectType` of events, `path` the resource of
    the hub. Macros in `where` are opaque parts of templates. `updated` and `created` are None where
    the records have no such date, `reconcile` and `deletes` while they are off. `zone` is the one
    configured for `${date:...}`.
    """

    name: str
    hub: str
    path: str
    where: ceql.Expression | None
    fields: tuple[str, ...] | None
    id_field: str
    updated: RecordDate | None
    created: RecordDate | None
    filter_by_updated_date: bool
    filter_by_current_date: bool
    created_check_tolerance: timedelta
    page_size: int
    poll_delay: timedelta
    overlap_seconds: float
    settle_lag_seconds: float
    first_run: FirstRun
    reconcile: Reconcile | None
    deletes: Sweep | None
    ignore_fields: tuple[str, ...]
    zone: tzinfo

    @property
    def cursor(self) -> RecordDate | None:
        """The date whose stamps move the cursor: the updated one, or the created one where records
        have no other, or only created objects are told."""
        return self.updated if self.updated and self.filter_by_updated_date else self.created

    @property
    def compares_content(self) -> bool:
        """Whether changes can be found in no other way than by comparing the whole listing."""
        return self.updated is None and self.filter_by_updated_date

    @property
    def local_zones(self) -> tuple[tzinfo, ...]:
        """The zones in whose local time stamps and literals are written, without an offset."""
        macros = (macro for _, macro in self.bounds)
        literals = (
            self.zone if macro.zone is None else macro.zone
            for macro in macros
            if isinstance(macro.format, DatePattern) and not macro.format.zoned
        )
        stamps = [self.cursor.zone] if self.cursor is not None and self.cursor.is_local else []
        return (*stamps, *literals)

    @property
    def bounds(self) -> tuple[tuple[ceql.Comparison, Macro], ...]:
        """The comparisons whose value is a macro. Without any the url says nothing of the window,
        and the caller adds a comparison of its own."""
        return tuple(
            (leaf, part)
            for leaf in (ceql.leaves(self.where) if self.where else ())
            if isinstance(leaf, ceql.Comparison) and isinstance(leaf.value, ceql.Template)
            for part in leaf.value.parts
            if isinstance(part, Macro)
        )

    @property
    def shows_undated(self) -> bool:
        """Whether the url lets through, by another date, records that have none to be ordered by:
        whether these come first or last is up to the provider."""
        own = None if self.cursor is None else self.cursor.field.casefold()
        return any(leaf.field.casefold() != own for leaf, _ in self.bounds)

    @property
    def granularity(self) -> timedelta:
        """The coarser granularity of stamp and query literal."""
        stamps = [self.cursor.format.granularity] if self.cursor else []
        return max([*stamps, *(macro.granularity for _, macro in self.bounds)], default=_SECOND)

    def floor(self, instant: datetime) -> datetime:
        """`instant` (as UTC) cut down to what stamp and query literal can both express, each in
        its own zone."""
        stamps = [self.cursor.format.floor(instant, self.cursor.zone)] if self.cursor else []
        literals = (macro.floor(instant, self.zone) for _, macro in self.bounds)
        return min([instant.astimezone(UTC), *stamps, *literals])

    def with_lower_bound(self, instant: datetime | None) -> ceql.Expression | None:
        """The `where` for one window: comparisons with a macro become `>=` its literal, or hold for
        every record without an instant; None if all of it does.

        A count since 1970 becomes a datetime, for the connector to spell as the field needs it.
        """

        def bounded(leaf: ceql.Leaf) -> ceql.Expression | None:
            if not isinstance(leaf, ceql.Comparison) or not isinstance(leaf.value, ceql.Template):
                return leaf
            if instant is None:
                return None
            value = self._literal(leaf.value, instant)
            return ceql.Comparison(
                field=leaf.field, operator=ceql.Operator.GREATER_OR_EQUAL, value=value
            )

        return ceql.replace(self.where, bounded) if self.where else None

    def _literal(self, value: ceql.Template, instant: datetime) -> str | datetime:
        parts = [part for part in value.parts if isinstance(part, str | Macro)]
        only = parts[0] if len(parts) == 1 else None
        if isinstance(only, Macro) and only.is_epoch:
            return only.floor(instant, self.zone)
        return expand(parts, instant, self.zone)


def differs(old: ResourcePolling, new: ResourcePolling) -> set[str]:
    """What of a change of configuration needs a decision (`onFilterChange`): `filter`, `idField`,
    `dateField`, `zone`; empty if cursor and snapshots stay right. Spelling is no difference, and
    neither is a created date that only tells the kind of a change."""
    changes = {
        "filter": _filter(old) != _filter(new),
        "idField": old.id_field != new.id_field,
        "dateField": _date(old) != _date(new),
        "zone": _zones(old) != _zones(new),
    }
    return {name for name, changed in changes.items() if changed}


def _filter(polling: ResourcePolling) -> tuple[object, ...]:
    # The text tells true from 1, which the trees do not; the tree tells macros apart by meaning.
    text = ceql.render(polling.where, lambda _: "") if polling.where else None
    return (polling.hub, polling.path, polling.where, text)


def _date(polling: ResourcePolling) -> tuple[str, DateFormat] | None:
    return (polling.cursor.field, polling.cursor.format) if polling.cursor else None


def _zones(polling: ResourcePolling) -> tuple[tzinfo | None, tzinfo | None]:
    formats = [macro.format for _, macro in polling.bounds if macro.zone is None]
    is_written = any(isinstance(kind, DatePattern) and not kind.zoned for kind in formats)
    stamps = polling.cursor.zone if polling.cursor else None
    return stamps, polling.zone if is_written else None


def _iso(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
