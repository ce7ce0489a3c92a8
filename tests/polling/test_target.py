"""Margins as a configuration means them: the zone that is known, and what can never be proved."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from daemon.polling.standards import PollingStandards
from daemon.polling.target import margins_of
from daemon.polling.window import FOLD_OVERLAP, FURTHEST_BEHIND
from daemon.polling.zones import parse_zone
from tests.polling.element import only

NOT_AT_ALL = timedelta(0)
ISO = "yyyy-MM-dd'T'HH:mm:ssXXX"
LOCAL = "yyyy-MM-dd'T'HH:mm:ss"


def entry(format_: str = ISO, zone: str = "", macro: str = f"date:{ISO}") -> dict[str, Any]:
    dates = {"updatedDateField": "LastModifyDate", "updatedDateFormat": format_}
    return {
        "url": f"/hubs/crm/contacts?where=LastModifyDate>'${{{macro}}}'",
        "datesConfiguration": dates | ({"updatedDateTimezone": zone} if zone else {}),
    }


CASES: dict[str, tuple[dict[str, Any], str, str | None, bool, timedelta]] = {
    "everything carries an offset": (entry(), "UTC", None, True, FURTHEST_BEHIND),
    "an offset makes the zone irrelevant": (
        entry(zone="-08:00"),
        "UTC",
        None,
        True,
        FURTHEST_BEHIND,
    ),
    "stamps in a zone": (entry(LOCAL, "Europe/Berlin"), "UTC", "Europe/Berlin", True, NOT_AT_ALL),
    "stamps at a bare offset": (entry(LOCAL, "+01:00"), "UTC", None, False, FOLD_OVERLAP),
    "stamps at an abbreviation": (entry(LOCAL, "PST"), "UTC", None, False, FOLD_OVERLAP),
    "stamps in UTC": (entry(LOCAL, "UTC"), "UTC", None, True, FURTHEST_BEHIND),
    "literals in a zone": (
        entry(macro=f"dateTimeZone:America/Vancouver:{LOCAL}"),
        "UTC",
        "America/Vancouver",
        True,
        FURTHEST_BEHIND,
    ),
    "literals at a bare offset": (
        entry(macro=f"dateTimeZone:-08:00:{LOCAL}"),
        "UTC",
        None,
        False,
        FURTHEST_BEHIND,
    ),
    "the zone of the instance": (
        entry(macro=f"date:{LOCAL}"),
        "Europe/Berlin",
        "Europe/Berlin",
        True,
        FURTHEST_BEHIND,
    ),
    "an epoch": (entry("milliseconds", macro="epoch:ms"), "+02:00", None, True, FURTHEST_BEHIND),
}


@pytest.mark.parametrize("case", CASES)
def test_a_named_zone_is_followed_and_a_bare_offset_never_proved(case: str) -> None:
    value, instance_zone, zone, provable, behind = CASES[case]
    margins = margins_of(only(value, PollingStandards(zone=parse_zone(instance_zone))))
    assert margins.zone == (ZoneInfo(zone) if zone else None)
    assert margins.provable is provable
    assert margins.behind == behind


def test_a_resource_without_a_date_of_change_goes_by_its_creation() -> None:
    tasks = only({"url": "/hubs/crm/tasks"})
    assert tasks.cursor == tasks.created
    assert tasks.compares_content
    created_only = only({"url": "/hubs/crm/tasks", "filterByUpdatedDate": False})
    assert created_only.cursor == created_only.created
    assert not created_only.compares_content
    assert not only({"url": "/hubs/crm/contacts"}).compares_content
