"""Filter changes: where an alteration leaves a cursor without a meaning, and what follows then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import assert_never

from daemon import configuration_keys as keys
from daemon.admin.context import Rules
from daemon.admin.instance_bodies import OnFilterChange
from daemon.admin.polling_wishes import parse_polled
from daemon.connectors.connector import Element
from daemon.errors import Fault
from daemon.polling.configuration import ResourcePolling
from daemon.polling.refiltering import Refiltering
from daemon.polling.resource import FirstRunMode
from daemon.polling.target import margins_of
from daemon.store import resource_changes as rows
from daemon.store.database import Connection
from daemon.store.instance_resources import ConfiguredResource
from daemon.store.instances import OwnedInstance

_WORDS: Mapping[str, str] = {
    "filter": "the filter of its url",
    "idField": "its id field",
    "dateField": "its date field",
    "zone": "its time zone",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterChange:
    """A resource whose cursor and snapshots would mean something else after an alteration.

    `begins_anew` says that another first run is asked for, although the first one is over.
    """

    resource: ConfiguredResource
    refiltering: Refiltering
    begins_anew: bool

    @property
    def differences(self) -> Set[str]:
        return self.refiltering.differences


def find_filter_changes(
    rules: Rules,
    element: Element,
    owned: OwnedInstance,
    stored: Sequence[ConfiguredResource],
    polled: Mapping[str, ResourcePolling],
) -> Sequence[FilterChange]:
    """What an alteration that polls `polled` would change about the resources that are stored."""
    zone = owned.instance.configuration.get(keys.TIMEZONE)
    changes: list[FilterChange] = []
    for resource in stored:
        if resource.name not in polled or resource.baseline_at is None:
            continue
        entry = {resource.name: resource.configuration}
        before = parse_polled(rules.polling, element, entry, zone)
        if isinstance(before, list):
            continue
        change = _compare(resource, before[resource.name], polled[resource.name])
        if change.differences or change.begins_anew:
            changes.append(change)
    return changes


def check_decision(
    changes: Sequence[FilterChange], decision: OnFilterChange | None
) -> Iterator[Fault]:
    """A fault for each change that is not decided, or cannot be decided in this way."""
    for change in changes:
        name = change.resource.name
        place = f"{keys.POLLER_CONFIGURATION}.{name}"
        if change.differences and decision is None:
            yield Fault(field=place, message=_undecided(change))
        elif change.begins_anew and decision is not OnFilterChange.BASELINE:
            yield Fault(
                field=f"{place}.firstRun",
                message=f"is over for {name}, whose baseline was read: leave it as it was, or send"
                f" onFilterChange {OnFilterChange.BASELINE} to begin anew",
            )
        if "idField" in change.differences and decision is OnFilterChange.KEEP:
            yield Fault(
                field="onFilterChange",
                message=f"cannot be keep, because {name} gets another id field, so that no object"
                " is known any more: rewind or baseline",
            )


async def apply_decision(
    connection: Connection, change: FilterChange, decision: OnFilterChange
) -> None:
    """Within the transaction of the alteration, after the versions were raised."""
    resource_id = change.resource.id
    match decision:
        case OnFilterChange.KEEP:
            await rows.keep(connection, resource_id, change.refiltering)
        case OnFilterChange.REWIND:
            await rows.rewind_to_baseline(connection, resource_id, change.refiltering)
        case OnFilterChange.BASELINE:
            drop_snapshots = "idField" in change.differences
            await rows.rebaseline(connection, resource_id, drop_snapshots=drop_snapshots)
        case _:
            assert_never(decision)


def _compare(
    resource: ConfiguredResource, before: ResourcePolling, after: ResourcePolling
) -> FilterChange:
    first = after.first_run
    return FilterChange(
        resource=resource,
        refiltering=Refiltering(before=before, after=after, margins=margins_of(after)),
        begins_anew=first != before.first_run and first.mode is not FirstRunMode.BASELINE,
    )


def _undecided(change: FilterChange) -> str:
    what = " and ".join(words for word, words in _WORDS.items() if word in change.differences)
    keep = "" if "idField" in change.differences else "keep (go on from the cursor), "
    return (
        f"would change {what}, so that the cursor of {change.resource.name} no longer fits: say in"
        f" onFilterChange {keep}rewind (read again from its baseline on) or baseline (begin anew)"
    )
