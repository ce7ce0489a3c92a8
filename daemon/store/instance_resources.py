"""The resources of an instance as its owner configures and sees them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from daemon.instance import InstanceId, ResourceState
from daemon.store.database import Connection, Database, Row, load_queries

QUERIES = load_queries("instance_resources")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfiguredResource:
    """One resource with how it is polled and how that goes; `last_poll` has counts and seconds."""

    name: str
    state: ResourceState
    configuration: Mapping[str, Any]
    cursor_at: datetime | None
    baseline_at: datetime | None
    next_poll_at: datetime | None
    last_poll_at: datetime | None
    last_success_at: datetime | None
    last_error: str | None
    last_error_at: datetime | None
    failures: int
    last_poll: Mapping[str, Any] | None
    next_sequence: int


async def list_resources(
    source: Connection | Database, instance_id: InstanceId
) -> Sequence[ConfiguredResource]:
    """In their configured order, those that were left out later included."""
    return [_resource(row) for row in await source.fetch(QUERIES["list_resources"], instance_id)]


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


def _resource(row: Row) -> ConfiguredResource:
    return ConfiguredResource(
        name=row["name"],
        state=ResourceState(row["state"]),
        configuration=row["configuration"],
        cursor_at=row["cursor_at"],
        baseline_at=row["baseline_at"],
        next_poll_at=row["next_poll_at"],
        last_poll_at=row["last_poll_at"],
        last_success_at=row["last_success_at"],
        last_error=row["last_error"],
        last_error_at=row["last_error_at"],
        failures=row["failures"],
        last_poll=row["last_poll"],
        next_sequence=row["next_sequence"],
    )
