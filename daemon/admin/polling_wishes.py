"""The polling part of a wish: which resources are polled, and how."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from daemon import configuration_keys as keys
from daemon.admin.context import Rules
from daemon.connectors.connector import Element
from daemon.errors import Fault
from daemon.instance_configuration import enabled, why_unstorable
from daemon.polling.configuration import ResourcePolling, as_json, parse_polling
from daemon.polling.resource import FirstRunMode
from daemon.polling.target import standards
from daemon.settings import PollingSettings


def polled_resources(
    rules: Rules, element: Element, values: Mapping[str, Any], faults: list[Fault]
) -> Mapping[str, ResourcePolling]:
    """What is to be polled, none while events are off; what is wrong goes to `faults`."""
    if not enabled(values) and keys.POLLER_CONFIGURATION not in values:
        return {}
    if any(fault.field in (keys.POLLER_CONFIGURATION, keys.TIMEZONE) for fault in faults):
        return {}
    given = values.get(keys.POLLER_CONFIGURATION)
    polled = parse_polled(rules.polling, element, given, values.get(keys.TIMEZONE))
    if isinstance(polled, list):
        faults += polled
        return {}
    if not polled and enabled(values):
        message = f"names no resource, although {keys.ENABLED} is true"
        faults.append(Fault(field=keys.POLLER_CONFIGURATION, message=message))
    now = datetime.now(UTC)
    for name, resource in polled.items():
        faults += _contradictions(name, resource, now)
    return polled if enabled(values) else {}


def parse_polled(
    polling: PollingSettings, element: Element, value: object, zone: str | None
) -> Mapping[str, ResourcePolling] | list[Fault]:
    """A polling configuration understood, or everything that is wrong with it.

    `zone` is the instance's own, if it names one.
    """
    return parse_polling(
        value, hub=element.hub, resources=element.resources, standards=standards(polling, zone)
    )


def _contradictions(name: str, polling: ResourcePolling, now: datetime) -> Iterator[Fault]:
    """What an entry asks for although it cannot be done: by dates that its records do not have, or
    from an instant that is still to come."""
    if reason := why_unstorable(as_json(polling)):
        yield Fault(field=_field(name), message=reason)
    since = polling.first_run.since
    if since is not None and since > now:
        message = f"begins in the future (it is {now:%Y-%m-%dT%H:%M:%SZ}): baseline begins now"
        yield Fault(field=_field(name, "firstRun"), message=message)
    if polling.cursor is not None:
        return
    undated = f"{polling.path} have no date that tells when they changed"
    if polling.first_run.mode is FirstRunMode.FROM:
        message = f"cannot begin at an instant: {undated}; use baseline or backfill"
        yield Fault(field=_field(name, "firstRun"), message=message)
    if polling.reconcile is not None:
        message = f"has nothing to add: {undated}, so that each poll reads all of them"
        yield Fault(field=_field(name, "reconcile"), message=message)


def _field(*path: str) -> str:
    return ".".join((keys.POLLER_CONFIGURATION, *path))
