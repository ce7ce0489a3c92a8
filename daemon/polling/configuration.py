"""PURE: event.poller.configuration, from JSON to typed ResourcePolling, or to all of its faults."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from daemon.connectors.connector import ResourceSpec
from daemon.errors import Fault
from daemon.polling.resource import ResourcePolling, differs
from daemon.polling.resource_entry import EntryContext, read_resource
from daemon.polling.resource_json import as_json
from daemon.polling.standards import PollingStandards

__all__ = [
    "KEY",
    "PollingStandards",
    "ResourcePolling",
    "as_json",
    "differs",
    "parse_polling",
]

KEY = "event.poller.configuration"
EVERYTHING = "events"
"""The entry that stands for all resources that the element polls by default."""
MOST_RESOURCES = 200
_LONGEST_TEXT = 1_000_000
_NOT_IN_NAMES = r"/?#%\x00-\x1f\x7f\ud800-\udfff"
_NAME = re.compile(rf"(?!\s)[^{_NOT_IN_NAMES}]{{1,100}}(?<!\s)")


def parse_polling(
    value: object,
    *,
    hub: str,
    resources: Mapping[str, ResourceSpec],
    standards: PollingStandards,
) -> dict[str, ResourcePolling] | list[Fault]:
    """The polled resources by name, in the order given, or everything that is wrong.

    `value` is an object, its JSON as text, or None for the element's default. `resources` are
    those of the element's hub. A fault's field is `event.poller.configuration.contacts.idField`.
    """
    faults: list[Fault] = []
    context = EntryContext(hub=hub, resources=resources, standards=standards, faults=faults)
    polled: dict[str, ResourcePolling] = {}
    for name, (path, entry) in _entries(value, context).items():
        polled[name] = read_resource(name, entry, path, context)
    return list(dict.fromkeys(map(_printable, faults))) if faults else polled


def _entries(value: object, context: EntryContext) -> dict[str, tuple[str, object]]:
    """The entries by name, each with its path; `events` is replaced by what it stands for."""
    given = _object(value, context)
    entries: dict[str, tuple[str, object]] = {}
    for name, entry in given.items():
        path = f"{KEY}.{name}"
        if not _NAME.fullmatch(name):
            message = "a resource has a name of 1 to 100 characters without / ? # % in it"
            context.faults.append(Fault(field=f"{KEY}.{name[:100]}", message=message))
        elif (everything := _everything(name, entry, context)) is not None:
            entries |= {
                resource: (path, one)
                for resource, one in everything.items()
                if resource not in given
            }
        else:
            entries[name] = (path, entry)
    return entries


def _everything(name: str, entry: object, context: EntryContext) -> dict[str, object] | None:
    """The entries that an `events` entry stands for; None if the entry is an ordinary one."""
    if name != EVERYTHING or name in context.resources or not isinstance(entry, Mapping):
        return None
    others = {field: value for field, value in entry.items() if str(field).lower() != "url"}
    url = next((value for field, value in entry.items() if str(field).lower() == "url"), None)
    names = [spec.name for spec in context.resources.values() if spec.default]
    path = re.compile(rf"(?:^|/)hubs/{re.escape(context.hub)}/{EVERYTHING}(?=/?(?:\?|$))")
    if url is None:
        return dict.fromkeys(names, others)
    if not isinstance(url, str) or not path.search(url.strip()):
        return None
    if "?" not in url:
        return dict.fromkeys(names, others)
    return {
        name: {**others, "url": path.sub(f"/hubs/{context.hub}/{name}", url.strip(), count=1)}
        for name in names
    }


def _object(value: object, context: EntryContext) -> Mapping[str, Any]:
    if value is None or value == "":
        return {spec.name: {} for spec in context.resources.values() if spec.default}
    if isinstance(value, str):
        value = _decoded(value, context)
    if isinstance(value, Mapping) and len(value) > MOST_RESOURCES:
        message = f"names more than {MOST_RESOURCES} resources"
    elif isinstance(value, Mapping):
        return {str(name): entry for name, entry in value.items()}
    else:
        message = 'must be an object such as {"contacts": {}}, or its JSON as text'
    context.faults.append(Fault(field=KEY, message=message))
    return {}


def _decoded(text: str, context: EntryContext) -> object:
    """The JSON of a text, or an empty object and a fault."""
    try:
        if len(text) > _LONGEST_TEXT:
            raise ValueError(f"longer than {_LONGEST_TEXT} characters")
        return json.loads(text, object_pairs_hook=_without_repeats, parse_constant=_refused)
    except (ValueError, RecursionError) as error:
        reason = "nested too deep" if isinstance(error, RecursionError) else str(error)
        context.faults.append(Fault(field=KEY, message=f"is a text that is not JSON: {reason}"))
        return {}


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields: dict[str, object] = {}
    for name, value in pairs:
        if name in fields:
            raise ValueError(f"'{name[:60]}' is given twice")
        fields[name] = value
    return fields


def _refused(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def _printable(fault: Fault) -> Fault:
    """The fault without halves of surrogate pairs, which no answer can carry."""
    field, message = (
        text.encode("utf-8", "backslashreplace").decode() for text in (fault.field, fault.message)
    )
    return Fault(field=field, message=message)
