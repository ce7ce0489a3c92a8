"""The polling part of a wish: which resources are polled, and whether their cursors stay true."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any

from daemon import configuration_keys as keys
from daemon.admin.context import AdminContext
from daemon.connectors.connector import Element
from daemon.errors import Fault
from daemon.instance_configuration import enabled, why_unstorable
from daemon.polling.configuration import (
    PollingStandards,
    ResourcePolling,
    as_json,
    differs,
    parse_polling,
)
from daemon.polling.zones import parse_zone
from daemon.settings import PollingSettings
from daemon.store.instance_resources import ConfiguredResource
from daemon.store.instances import OwnedInstance

_WORDS: Mapping[str, str] = {
    "filter": "the filter of its url",
    "idField": "its id field",
    "dateField": "its date field",
    "zone": "its time zone",
}


def polled_resources(
    context: AdminContext, element: Element, values: Mapping[str, Any], faults: list[Fault]
) -> Mapping[str, ResourcePolling]:
    """What is to be polled, none while events are off; what is wrong goes to `faults`."""
    if not enabled(values) and keys.POLLER_CONFIGURATION not in values:
        return {}
    if any(fault.field in (keys.POLLER_CONFIGURATION, keys.TIMEZONE) for fault in faults):
        return {}
    given = values.get(keys.POLLER_CONFIGURATION)
    polled = _parse(context.polling, element, given, values.get(keys.TIMEZONE))
    if isinstance(polled, list):
        faults += polled
        return {}
    if not polled and enabled(values):
        message = f"names no resource, although {keys.ENABLED} is true"
        faults.append(Fault(field=keys.POLLER_CONFIGURATION, message=message))
    faults += [
        Fault(field=f"{keys.POLLER_CONFIGURATION}.{name}", message=reason)
        for name, resource in polled.items()
        if (reason := why_unstorable(as_json(resource)))
    ]
    return polled if enabled(values) else {}


def check_filters(
    context: AdminContext,
    element: Element,
    owned: OwnedInstance,
    stored: Sequence[ConfiguredResource],
    polled: Mapping[str, ResourcePolling],
) -> list[Fault]:
    """A fault for each resource whose cursor and snapshots would mean something else now."""
    zone = owned.instance.configuration.get(keys.TIMEZONE)
    faults: list[Fault] = []
    for resource in stored:
        if resource.name not in polled or resource.baseline_at is None:
            continue
        entry = {resource.name: resource.configuration}
        before = _parse(context.polling, element, entry, zone)
        if isinstance(before, list):
            continue
        if changed := differs(before[resource.name], polled[resource.name]):
            faults.append(_changed(resource.name, changed))
    return faults


def standards(polling: PollingSettings, zone: str | None) -> PollingStandards:
    """What holds where an entry says nothing; `zone` is the instance's own, if it names one."""
    return PollingStandards(
        zone=parse_zone(zone or polling.timezone),
        page_size=polling.page_size,
        created_check_tolerance=timedelta(seconds=polling.created_check_tolerance_seconds),
        overlap_seconds=polling.overlap_seconds,
        settle_lag_seconds=polling.settle_lag_seconds,
        least_interval=timedelta(seconds=polling.minimum_interval_seconds),
    )


def _parse(
    polling: PollingSettings, element: Element, value: object, zone: str | None
) -> Mapping[str, ResourcePolling] | list[Fault]:
    return parse_polling(
        value, hub=element.hub, resources=element.resources, standards=standards(polling, zone)
    )


def _changed(name: str, changed: Collection[str]) -> Fault:
    what = " and ".join(words for word, words in _WORDS.items() if word in changed)
    return Fault(
        field=f"{keys.POLLER_CONFIGURATION}.{name}",
        message=f"would change {what}, so that the cursor of {name} no longer fits; poll it"
        " under another name, or make a new instance",
    )
