"""PURE: one entry of a polling configuration, read into a ResourcePolling with its defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta, tzinfo
from difflib import get_close_matches

from daemon.connectors import ceql
from daemon.connectors.connector import ResourceSpec
from daemon.errors import Fault
from daemon.polling import macros
from daemon.polling.entry import Entry
from daemon.polling.epoch import UnreadableDate
from daemon.polling.hub_url import HubUrl, HubUrlError, parse_hub_url
from daemon.polling.javadate import compile_format
from daemon.polling.resource import (
    FirstRun,
    FirstRunMode,
    Reconcile,
    RecordDate,
    ResourcePolling,
    Sweep,
)
from daemon.polling.resource_dates import DATE_FIELDS, holder_of, read_dates
from daemon.polling.standards import PollingStandards

_FIELDS = {
    name: name
    for name in (
        "url",
        "idField",
        "filterByUpdatedDate",
        "filterByCurrentDate",
        "createdCheckTolerance",
        "pageSize",
        "pollDelay",
        "datesConfiguration",
        "updatedDateTimezone",
        "overlapSeconds",
        "settleLagSeconds",
        "firstRun",
        "reconcile",
        "deletes",
        "ignoreFields",
    )
} | {"filterByUpdateDate": "filterByUpdatedDate"}
_RECONCILE_FIELDS = {name: name for name in ("intervalMinutes", "windowHours")}
_DELETE_FIELDS = {name: name for name in ("mode", "intervalMinutes", "maxFraction")}
_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_MONTH = timedelta(days=30)
_YEAR = timedelta(days=366)
STOCK_PATTERN = "yyyy-MM-dd'T'HH:mm:ssXXX"
_ISO = compile_format(STOCK_PATTERN)
_UNKNOWN = ResourceSpec(
    name="",
    id_field="id",
    updated_field="updated",
    updated_format=STOCK_PATTERN,
    created_field="created",
)
"""Stands in for a resource that does not exist, so that the other faults of its entry are found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryContext:
    """What an entry is read against, and where its faults go."""

    hub: str
    resources: Mapping[str, ResourceSpec]
    standards: PollingStandards
    faults: list[Fault]


def read_resource(name: str, value: object, path: str, context: EntryContext) -> ResourcePolling:
    """The resource that an entry configures. What is wrong with it becomes faults of `context`,
    under `path`; the answer is of use only if there are none."""
    entry = Entry(value, path=path, names=_FIELDS, faults=context.faults)
    dates = entry.child("datesConfiguration", DATE_FIELDS)
    url = _url(name, entry, context)
    spec = context.resources.get(url.resource, _UNKNOWN)
    updated, created = read_dates(entry, dates, spec, context.standards.zone)
    tells_updates = _tells_updates(entry, created)
    where = url.where if "url" in entry else _stock_where(updated if tells_updates else created)
    standards = context.standards
    return ResourcePolling(
        name=name,
        hub=context.hub,
        path=url.resource,
        where=where,
        fields=url.fields,
        id_field=_id_field(entry, spec),
        updated=updated,
        created=created,
        filter_by_updated_date=tells_updates,
        filter_by_current_date=entry.boolean("filterByCurrentDate", default=False),
        created_check_tolerance=_tolerance(entry, dates, standards),
        page_size=_page_size(entry, url, context),
        poll_delay=timedelta(seconds=_seconds("pollDelay", entry, 0, _MONTH)),
        overlap_seconds=_seconds("overlapSeconds", entry, standards.overlap_seconds, _MONTH),
        settle_lag_seconds=_seconds("settleLagSeconds", entry, standards.settle_lag_seconds, _DAY),
        first_run=_first_run(entry, standards.zone),
        reconcile=_reconcile(entry, standards),
        deletes=_deletes(entry, standards),
        ignore_fields=entry.names("ignoreFields"),
        zone=standards.zone,
    )


def _url(name: str, entry: Entry, context: EntryContext) -> HubUrl:
    url = HubUrl(resource=name)
    if not entry.is_object:
        return url
    if entry.is_blank("url"):
        entry.fault("url", "must not be empty: leave it out for the default of the resource")
        return url
    if text := entry.text("url"):
        try:
            url = parse_hub_url(text, context.hub)
        except HubUrlError as error:
            entry.fault("url", f"cannot be used: {error}")
            return url
    _check_resource(url.resource, entry, context)
    return url


def _check_resource(resource: str, entry: Entry, context: EntryContext) -> None:
    place = f"{entry.path}.url" if "url" in entry else entry.path
    spec = context.resources.get(resource)
    if spec is None:
        near = get_close_matches(resource[:60], context.resources, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(context.resources)}"
        message = f"there is no resource '{resource[:60]}' in the hub; {hint}"
        context.faults.append(Fault(field=place, message=message))
    elif spec.refusal is not None:
        message = f"'{resource}' cannot be polled: {spec.refusal}"
        context.faults.append(Fault(field=place, message=message))


def _id_field(entry: Entry, spec: ResourceSpec) -> str:
    if entry.is_blank("idField"):
        entry.fault("idField", f"must not be empty; the default is '{spec.id_field}'")
    return entry.text("idField", spec.id_field)


def _tells_updates(entry: Entry, created: RecordDate | None) -> bool:
    tells = entry.boolean("filterByUpdatedDate", default=True)
    if not tells and created is None:
        entry.fault(
            "filterByUpdatedDate",
            "is false, so only created objects are told: that needs "
            "datesConfiguration.createdDateField",
        )
    return tells


def _stock_where(date: RecordDate | None) -> ceql.Expression | None:
    if date is None:
        return None
    return ceql.Comparison(
        field=date.field,
        operator=ceql.Operator.GREATER,
        value=ceql.Template(parts=tuple(macros.parse(f"${{date:{STOCK_PATTERN}}}"))),
    )


def _tolerance(entry: Entry, dates: Entry, standards: PollingStandards) -> timedelta:
    name, default = "createdCheckTolerance", standards.created_check_tolerance.total_seconds()
    return timedelta(seconds=_seconds(name, holder_of(name, entry, dates), default, _DAY))


def _seconds(name: str, entry: Entry, default: float, most: timedelta) -> float:
    return entry.number(name, default=default, least=0, most=most.total_seconds())


def _page_size(entry: Entry, url: HubUrl, context: EntryContext) -> int:
    in_url = Entry(
        {"pageSize": url.page_size},
        path=f"{entry.path}.url",
        names=_FIELDS,
        faults=context.faults,
    )
    most = context.standards.largest_page_size
    default = in_url.integer("pageSize", default=context.standards.page_size, least=1, most=most)
    return entry.integer("pageSize", default=default, least=1, most=most)


def _first_run(entry: Entry, zone: tzinfo) -> FirstRun:
    text = entry.text("firstRun", FirstRunMode.BASELINE)
    word, _, since = text.partition(":")
    try:
        mode = FirstRunMode(word.strip().lower())
        if mode is FirstRunMode.FROM:
            return FirstRun(mode=mode, since=_ISO.parse(since.strip(), zone))
        if not since:
            return FirstRun(mode=mode)
    except (ValueError, UnreadableDate):
        pass
    entry.fault(
        "firstRun",
        f"must be baseline, backfill or from:<instant> such as from:2024-01-31T00:00:00Z, "
        f"not '{text[:60]}'",
    )
    return FirstRun()


def _reconcile(entry: Entry, standards: PollingStandards) -> Reconcile | None:
    fields = entry.child("reconcile", _RECONCILE_FIELDS)
    window = fields.number(
        "windowHours",
        default=standards.reconcile_window / _HOUR,
        least=_MINUTE / _HOUR,
        most=_YEAR / _HOUR,
    )
    interval = _interval(fields, standards.reconcile_interval, standards)
    if "reconcile" not in entry:
        return None
    return Reconcile(interval=interval, window=window * _HOUR)


def _deletes(entry: Entry, standards: PollingStandards) -> Sweep | None:
    fields = entry.child("deletes", _DELETE_FIELDS)
    mode = fields.text("mode", "off").lower()
    if mode not in ("off", "sweep"):
        fields.fault("mode", f"must be off or sweep, not '{mode[:60]}'")
    if fields.names_any(_DELETE_FIELDS) and not fields.text("mode"):
        fields.fault("mode", "is needed beside the other fields: sweep, or off to keep them unused")
    interval = _interval(fields, standards.sweep_interval, standards)
    fraction = fields.number(
        "maxFraction", default=standards.sweep_max_fraction, least=0.0001, most=1
    )
    return Sweep(interval=interval, max_fraction=fraction) if mode == "sweep" else None


def _interval(fields: Entry, default: timedelta, standards: PollingStandards) -> timedelta:
    minutes = fields.number(
        "intervalMinutes",
        default=default / _MINUTE,
        least=standards.least_interval / _MINUTE,
        most=_MONTH / _MINUTE,
    )
    return minutes * _MINUTE
