"""An element's resources and the reading of a configuration, shared by tests of its modules."""

from __future__ import annotations

from typing import Any

from daemon.connectors.connector import ResourceSpec
from daemon.errors import Fault
from daemon.polling.configuration import PollingStandards, parse_polling
from daemon.polling.resource import ResourcePolling

PATTERN = "yyyy-MM-dd'T'HH:mm:ssXXX"


def spec(name: str, **changes: Any) -> ResourceSpec:
    fields = {
        "name": name,
        "id_field": "Key",
        "updated_field": "LastModifyDate",
        "updated_format": PATTERN,
        "created_field": "CreationDate",
    }
    return ResourceSpec(**{**fields, **changes})


DEFAULTS = ("contacts", "companies", "addressbook-entries", "opportunities")
RESOURCES = {
    **{name: spec(name, default=True) for name in DEFAULTS},
    "leads": spec("leads"),
    "tasks": spec("tasks", updated_field=None),
    "documents": spec("documents", updated_field=None, created_field=None),
    "notes": spec("notes", refusal="the service keeps no dates for notes"),
}


def read(
    value: object, standards: PollingStandards | None = None
) -> dict[str, ResourcePolling] | list[Fault]:
    return parse_polling(
        value, hub="crm", resources=RESOURCES, standards=standards or PollingStandards()
    )


def accepted(
    value: object, standards: PollingStandards | None = None
) -> dict[str, ResourcePolling]:
    polled = read(value, standards)
    assert isinstance(polled, dict), [str(fault) for fault in polled]
    return polled


def only(entry: object, standards: PollingStandards | None = None) -> ResourcePolling:
    """The resource of a configuration that has this one entry, called `mine`."""
    return accepted({"mine": entry}, standards)["mine"]


def faults_of(value: object) -> dict[str, str]:
    """The messages by field, which starts after `event.poller.configuration`."""
    faults = read(value)
    assert isinstance(faults, list), "it was accepted"
    return {
        fault.field.removeprefix("event.poller.configuration").removeprefix("."): fault.message
        for fault in faults
    }
