"""Polled: what the instance of the oracle's test polls, and what may go wrong with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

SWEEP: Mapping[str, Any] = {"mode": "sweep", "intervalMinutes": 0.05, "maxFraction": 0.9}
RECONCILE: Mapping[str, Any] = {"intervalMinutes": 0.1, "windowHours": 3}

RUSHED = "appointments"
"""Much happens here at once, much of it late for a moment, and no slow pass makes up for anything.

Its stamps are local time of a zone that is configured, so that nothing has to be proved and no more
than the overlap is ever read again: what polls do not find in time they never find.
"""
RUSHED_OBJECT = "Appointment"
ZONE = "Asia/Tokyo"
LOCAL = "yyyy-MM-dd'T'HH:mm:ss"

SINCE: Mapping[str, str] = {RUSHED: f"${{dateTimeZone:{ZONE}:{LOCAL}}}"}
SINCE_UTC = "${gmtDate:yyyy-MM-dd'T'HH:mm:ssXXX}"


def url_of(name: str, condition: str = "") -> str:
    """Where a resource is polled, under this condition besides."""
    since = f"LastModifyDate > '{SINCE.get(name, SINCE_UTC)}'"
    return f"/hubs/crm/{name}?where={since}{condition and f' AND {condition}'}"


REIDENTIFIED = "campaigns"
"""A few records that are always there, named by their keys or by what they are called: each time
that changes, what is known of them is dropped, and they are told again."""
IDS = ("Key", "Name")

ENTRIES: Mapping[str, Mapping[str, Any]] = {
    "contacts": {"overlapSeconds": 5, "pageSize": 150, "deletes": SWEEP},
    "companies": {"overlapSeconds": 5, "pageSize": 250, "reconcile": RECONCILE},
    "opportunities": {
        "overlapSeconds": 6,
        "pageSize": 300,
        "deletes": SWEEP,
        "reconcile": RECONCILE,
    },
    "cases": {"overlapSeconds": 5, "pageSize": 400, "deletes": SWEEP},
    RUSHED: {
        "overlapSeconds": 5,
        "pageSize": 80,
        "url": url_of(RUSHED),
        "datesConfiguration": {
            "updatedDateField": "LastModifyDate",
            "updatedDateFormat": f"{LOCAL}'Z'",
            "updatedDateTimezone": ZONE,
            "createdDateField": "CreationDate",
            "createdDateFormat": f"{LOCAL}'Z'",
            "createdDateTimezone": ZONE,
        },
    },
    REIDENTIFIED: {"overlapSeconds": 5, "idField": IDS[0]},
}

SWEPT = ("contacts", "opportunities", "cases")
BACK_DATED = ("contacts", "cases")
RESENT = "cases"

UNREPAIRED: Mapping[str, int] = {RUSHED: 0, "opportunities": 1}
"""Nothing goes wrong with these but what polls get over: no slow pass may find more than this, a
spoilt record that is whole again in the end, under its old stamp."""
REPAIRED = ("contacts", "companies", "cases")
LATE_BEYOND_OVERLAP = "companies"


@dataclass(frozen=True, slots=True, kw_only=True)
class Polled:
    """An instance with its polling configuration.

    Records get old stamps in the `back_dated` resources only, and only those `resent` are told
    again. Much happens at once in the `rushed` one.
    """

    instance: int
    entries: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: ENTRIES)
    back_dated: Sequence[str] = BACK_DATED
    resent: str = RESENT
    rushed: str = RUSHED
