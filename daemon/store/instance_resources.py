"""The resources of an instance as its owner configures and sees them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from daemon.errors import NotFound
from daemon.instance import InstanceId, ResourceId, ResourceState
from daemon.polling.lateness import Lateness
from daemon.polling.slow_pass import Work
from daemon.polling.verdict import ProbeKind, Probes
from daemon.polling.work_json import work_from_json
from daemon.store.database import Connection, Database, Row, load_queries

QUERIES = load_queries("instance_resources")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfiguredResource:
    """One resource with how it is polled and how that goes; `last_poll` has counts and seconds.

    `missed` counts the changes that only slow passes found. `utc_proved_at` is when the stamps were
    last seen to be UTC, `utc_skew_seconds` how far the provider's clock was ahead of ours then.
    """

    id: ResourceId
    name: str
    state: ResourceState
    configuration: Mapping[str, Any]
    cursor_at: datetime | None
    baseline_at: datetime | None
    known_from: datetime | None
    next_poll_at: datetime | None
    last_poll_at: datetime | None
    last_success_at: datetime | None
    last_error: str | None
    last_error_at: datetime | None
    failures: int
    last_poll: Mapping[str, Any] | None
    next_sequence: int
    missed: int
    lateness: Lateness
    work: Work
    probes: Probes
    utc_proved_at: datetime | None
    utc_skew_seconds: float | None

    @property
    def skew_seconds(self) -> float | None:
        """How far the provider's clock is ahead of ours, as far as is known."""
        probe = self.probes.find(ProbeKind.CLOCK)
        return self.utc_skew_seconds if probe is None else probe.shift.total_seconds()


async def list_resources(
    source: Connection | Database, instance_id: InstanceId
) -> Sequence[ConfiguredResource]:
    """In their configured order, those that were left out later included."""
    rows = await source.fetch(QUERIES["list_resources"], instance_id, None)
    return [_resource(row) for row in rows]


async def get_resource(
    source: Connection | Database, instance_id: InstanceId, name: str
) -> ConfiguredResource:
    """One resource. Raises NotFound."""
    row = await source.fetchrow(QUERIES["list_resources"], instance_id, name)
    if row is None:
        raise NotFound(f"No resource {name[:100]} found in instance {instance_id}.")
    return _resource(row)


async def any_is_due(database: Database, instance_id: InstanceId, names: Collection[str]) -> bool:
    """Whether one of these is to be polled, and was not yet since that was asked for."""
    due: bool = await database.fetchval(QUERIES["any_is_due"], instance_id, list(names))
    return due


async def write_resources(
    connection: Connection, instance_id: InstanceId, wished: Mapping[str, Mapping[str, Any]]
) -> None:
    """Make the resources those that are wished, in that order; polls under way are fenced off.

    One that is left out stops and keeps its cursor, one that comes back goes on from there.
    """
    stored = {resource.name for resource in await list_resources(connection, instance_id)}
    await connection.execute(QUERIES["raise_versions"], instance_id)
    await connection.execute(QUERIES["stop_resources"], instance_id, list(stored - wished.keys()))
    ranked = {name: (rank, wished[name]) for rank, name in enumerate(wished)}
    for query, names in (
        ("keep_resources", [name for name in ranked if name in stored]),
        ("insert_resources", [name for name in ranked if name not in stored]),
    ):
        await connection.execute(
            QUERIES[query],
            instance_id,
            names,
            [ranked[name][0] for name in names],
            [ranked[name][1] for name in names],
        )


async def raise_version(connection: Connection, resource_id: ResourceId) -> None:
    """Fence off the polls of one resource that are under way."""
    await connection.execute(QUERIES["raise_version"], resource_id)


def _resource(row: Row) -> ConfiguredResource:
    return ConfiguredResource(
        id=ResourceId(row["id"]),
        name=row["name"],
        state=ResourceState(row["state"]),
        configuration=row["configuration"],
        cursor_at=row["cursor_at"],
        baseline_at=row["baseline_at"],
        known_from=row["known_from"],
        next_poll_at=row["next_poll_at"],
        last_poll_at=row["last_poll_at"],
        last_success_at=row["last_success_at"],
        last_error=row["last_error"],
        last_error_at=row["last_error_at"],
        failures=row["failures"],
        last_poll=row["last_poll"],
        next_sequence=row["next_sequence"],
        missed=row["missed"],
        lateness=Lateness.from_json(row["lateness"]),
        work=work_from_json(row["work"]),
        probes=Probes.from_json(row["probes"]),
        utc_proved_at=row["utc_proved_at"],
        utc_skew_seconds=row["utc_skew_seconds"],
    )
