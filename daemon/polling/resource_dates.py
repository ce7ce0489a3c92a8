"""PURE: the dates of a polled resource's records: which fields, in what format, of which zone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import tzinfo

from daemon.connectors.connector import ResourceSpec
from daemon.polling.entry import Entry
from daemon.polling.javadate import DateFormat, compile_format
from daemon.polling.resource import RecordDate
from daemon.polling.tokens import PatternError
from daemon.polling.zones import UnknownZone, parse_zone

DATE_FIELDS = {
    name: name
    for name in (
        "updatedDateField",
        "updatedDateFormat",
        "updatedDateTimezone",
        "createdDateField",
        "createdDateFormat",
        "createdDateTimezone",
        "createdCheckTolerance",
    )
}
"""What `datesConfiguration` may hold. The tolerance belongs outside, but is found here too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """How a date is written where an entry says nothing."""

    format: DateFormat
    zone: tzinfo


def read_dates(
    entry: Entry, dates: Entry, spec: ResourceSpec, zone: tzinfo
) -> tuple[RecordDate | None, RecordDate | None]:
    """The updated and the created date; `zone` is the one configured.

    What is not said of the created date is as for the updated one, unless that is a field of its
    own while the created one is the element's.
    """
    usual = _Kind(format=compile_format(spec.updated_format), zone=zone)
    holder = holder_of("updatedDateTimezone", entry, dates)
    outer = replace(usual, zone=_zone("updatedDateTimezone", holder, zone))
    updated = _date("updated", dates, spec.updated_field, outer)
    is_own = updated is not None and updated.field != spec.updated_field
    if updated is not None and ("createdDateField" in dates or not is_own):
        usual = _Kind(format=updated.format, zone=updated.zone)
    return updated, _date("created", dates, spec.created_field, usual)


def holder_of(name: str, entry: Entry, dates: Entry) -> Entry:
    """Which of the two holds a field that belongs to one of them; in the wild it is in either."""
    if name in entry and name in dates:
        entry.fault(name, "is given twice: here and in datesConfiguration")
    return dates if name in dates else entry


def _date(which: str, dates: Entry, usual_field: str | None, kind: _Kind) -> RecordDate | None:
    format_name, zone_name = f"{which}DateFormat", f"{which}DateTimezone"
    field = dates.text(f"{which}DateField") or usual_field
    if field is not None:
        return RecordDate(
            field=field,
            format=_format(format_name, dates, kind.format),
            zone=_zone(zone_name, dates, kind.zone),
        )
    for name in (format_name, zone_name):
        if name in dates:
            dates.fault(name, f"says nothing without {which}DateField: there is no default for it")
    return None


def _format(name: str, dates: Entry, default: DateFormat) -> DateFormat:
    text = dates.text(name)
    try:
        return compile_format(text) if text else default
    except PatternError as error:
        dates.fault(name, f"'{text[:100]}' is no date pattern: {error}")
        return default


def _zone(name: str, holder: Entry, default: tzinfo) -> tzinfo:
    try:
        return parse_zone(holder.text(name), default)
    except UnknownZone as error:
        holder.fault(name, f"cannot be used: {error}")
        return default
