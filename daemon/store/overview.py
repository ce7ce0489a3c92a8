"""The overview: an organization's instances at a glance, worst first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from daemon.instance import (
    EndpointState,
    InstanceId,
    InstanceState,
    OrganizationId,
    ResourceState,
)
from daemon.polling.lateness import Lateness
from daemon.store.database import Database, Row, load_queries

QUERIES = load_queries("overview")
COUNTED_AT_MOST = 10_000
"""Backlogs are counted up to here: beyond it the exact number helps nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """All instances together; `pending` is at most COUNTED_AT_MOST."""

    instances: Mapping[InstanceState, int]
    in_trouble: int
    pending: int
    oldest_pending_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GlancedResource:
    """One resource as a list shows it; half of its changes were noticed within these seconds."""

    name: str
    state: ResourceState
    last_error: str | None
    last_error_at: datetime | None
    failures: int
    cursor_at: datetime | None
    last_poll_at: datetime | None
    last_success_at: datetime | None
    next_poll_at: datetime | None
    noticed_within_seconds: float | None
    last_change_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GlancedEndpoint:
    """A callback as a list shows it; `pending` is at most COUNTED_AT_MOST."""

    url: str | None
    state: EndpointState
    last_error: str | None
    failing_since: datetime | None
    disabled_reason: str | None
    next_probe_at: datetime | None
    last_success_at: datetime | None
    pending: int
    oldest_pending_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GlancedInstance:
    """One instance as a list shows it."""

    id: InstanceId
    name: str
    tags: Sequence[str]
    element_key: str
    state: InstanceState
    state_reason: str | None
    state_since: datetime
    endpoint: GlancedEndpoint
    resources: Sequence[GlancedResource]


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """Which instances a list shows, and which part of them."""

    instance_id: InstanceId | None
    text: str
    tags: Sequence[str]
    states: Sequence[InstanceState]
    trouble_only: bool
    limit: int
    offset: int


async def measure_totals(database: Database, organization_id: OrganizationId) -> Totals:
    """States and backlog of an organization."""
    states = await database.fetchrow(QUERIES["count_states"], organization_id)
    backlog = await database.fetchrow(QUERIES["measure_backlog"], organization_id, COUNTED_AT_MOST)
    return Totals(
        instances={state: states[state.value] if states else 0 for state in InstanceState},
        in_trouble=states["in_trouble"] if states else 0,
        pending=backlog["pending"] if backlog else 0,
        oldest_pending_at=backlog["oldest_at"] if backlog else None,
    )


async def glance(
    database: Database, organization_id: OrganizationId, wanted: Glance
) -> Sequence[GlancedInstance]:
    """A page of instances, those with the worst trouble first."""
    rows = await database.fetch(
        QUERIES["list_instances"],
        organization_id,
        wanted.text,
        list(wanted.tags),
        list(wanted.states),
        wanted.trouble_only,
        wanted.limit,
        wanted.offset,
        COUNTED_AT_MOST,
        wanted.instance_id,
    )
    resources: dict[int, list[GlancedResource]] = defaultdict(list)
    for row in await database.fetch(QUERIES["list_resources"], [row["id"] for row in rows]):
        resources[row["instance_id"]].append(_resource(row))
    return [_instance(row, resources[row["id"]]) for row in rows]


def _instance(row: Row, resources: Sequence[GlancedResource]) -> GlancedInstance:
    return GlancedInstance(
        id=InstanceId(row["id"]),
        name=row["name"],
        tags=tuple(row["tags"]),
        element_key=row["element_key"],
        state=InstanceState(row["state"]),
        state_reason=row["state_reason"],
        state_since=row["state_since"],
        endpoint=GlancedEndpoint(
            url=row["callback_url"],
            state=EndpointState(row["endpoint_state"]),
            last_error=row["endpoint_error"],
            failing_since=row["failing_since"],
            disabled_reason=row["disabled_reason"],
            next_probe_at=row["next_probe_at"],
            last_success_at=row["last_success_at"],
            pending=row["pending"],
            oldest_pending_at=row["oldest_pending_at"],
        ),
        resources=resources,
    )


def _resource(row: Row) -> GlancedResource:
    return GlancedResource(
        name=row["name"],
        state=ResourceState(row["state"]),
        last_error=row["last_error"],
        last_error_at=row["last_error_at"],
        failures=row["failures"],
        cursor_at=row["cursor_at"],
        last_poll_at=row["last_poll_at"],
        last_success_at=row["last_success_at"],
        next_poll_at=row["next_poll_at"],
        noticed_within_seconds=Lateness.from_json(row["lateness"]).seen_within(0.5),
        last_change_at=row["last_change_at"],
    )
