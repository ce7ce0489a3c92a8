"""Margins as a configuration means them: the zone that is known, and what can never be proved."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from daemon.polling.standards import PollingStandards
from daemon.polling.target import margins_of
from daemon.polling.window import UNPROVED_OVERLAP
from daemon.polling.zones import parse_zone
from tests.polling.element import only

MINUTE = timedelta(minutes=1)
ISO = "yyyy-MM-dd'T'HH:mm:ssXXX"
LOCAL = "yyyy-MM-dd'T'HH:mm:ss"


def entry(format_: str = ISO, zone: str = "", macro: str = f"date:{ISO}") -> dict[str, Any]:
    dates = {"updatedDateField": "LastModifyDate", "updatedDateFormat": format_}
    return {
        "url": f"/hubs/crm/contacts?where=LastModifyDate>'${{{macro}}}'",
        "datesConfiguration": dates | ({"updatedDateTimezone": zone} if zone else {}),
    }


CASES: dict[str, tuple[dict[str, Any], str, str | None, bool, bool]] = {
    "everything carries an offset": (entry(), "UTC", None, True, False),
    "an offset makes the zone irrelevant": (entry(zone="-08:00"), "UTC", None, True, False),
    "stamps in a zone": (entry(LOCAL, "Europe/Berlin"), "UTC", "Europe/Berlin", True, True),
    "stamps at a bare offset": (entry(LOCAL, "+01:00"), "UTC", None, False, False),
    "stamps at an abbreviation": (entry(LOCAL, "PST"), "UTC", None, False, False),
    "stamps in UTC": (entry(LOCAL, "UTC"), "UTC", None, True, False),
    "literals in a zone": (
        entry(macro=f"dateTimeZone:America/Vancouver:{LOCAL}"),
        "UTC",
        "America/Vancouver",
        True,
        False,
    ),
    "literals at a bare offset": (
        entry(macro=f"dateTimeZone:-08:00:{LOCAL}"),
        "UTC",
        None,
        False,
        False,
    ),
    "the zone of the instance": (
        entry(macro=f"date:{LOCAL}"),
        "Europe/Berlin",
        "Europe/Berlin",
        True,
        False,
    ),
    "an epoch": (entry("milliseconds", macro="epoch:ms"), "+02:00", None, True, False),
}


@pytest.mark.parametrize("case", CASES)
def test_a_named_zone_is_followed_and_a_bare_offset_never_proved(case: str) -> None:
    value, instance_zone, zone, provable, configured = CASES[case]
    margins = margins_of(only(value, PollingStandards(zone=parse_zone(instance_zone))))
    assert margins.zone == (ZoneInfo(zone) if zone else None)
    assert margins.provable is provable
    assert margins.zone_configured is configured
    narrow = margins.overlap_in(proved=True) < UNPROVED_OVERLAP
    assert narrow is (provable or configured)


def test_a_resource_without_a_date_of_change_goes_by_its_creation() -> None:
    tasks = only({"url": "/hubs/crm/tasks"})
    assert tasks.cursor == tasks.created
    assert tasks.compares_content
    created_only = only({"url": "/hubs/crm/tasks", "filterByUpdatedDate": False})
    assert created_only.cursor == created_only.created
    assert not created_only.compares_content
    assert not only({"url": "/hubs/crm/contacts"}).compares_content
