"""How endpoints are doing, stored: what delivery knows of each and must not forget."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from daemon.delivery.endpoint import EndpointStatus
from daemon.instance import EndpointState, InstanceId
from daemon.store.database import Connection, Database, Row, load_queries

QUERIES = load_queries("endpoint_statuses")


async def load_statuses(
    database: Database, instance_ids: Collection[InstanceId]
) -> Mapping[InstanceId, EndpointStatus]:
    """Those of the endpoints of these instances."""
    rows = await database.fetch(QUERIES["load_statuses"], list(instance_ids))
    return {InstanceId(row["instance_id"]): status_from_row(row) for row in rows}


async def store_statuses(
    connection: Connection, statuses: Mapping[InstanceId, EndpointStatus]
) -> None:
    """Under the leases of their instances."""
    keys = sorted(statuses)
    values = [statuses[key] for key in keys]
    await connection.execute(
        QUERIES["store_statuses"],
        keys,
        [status.state for status in values],
        [status.failures for status in values],
        [status.failing_since for status in values],
        [status.counted_since for status in values],
        [status.next_probe_at for status in values],
        [status.last_error for status in values],
        [status.last_success_at for status in values],
        [status.disabled_reason for status in values],
        [status.warned for status in values],
    )


def status_from_row(row: Row) -> EndpointStatus:
    """What a row with the columns of an endpoint says."""
    return EndpointStatus(
        state=EndpointState(row["state"]),
        failures=row["failures"],
        failing_since=row["failing_since"],
        counted_since=row["counted_since"],
        next_probe_at=row["next_probe_at"],
        last_error=row["last_error"],
        last_success_at=row["last_success_at"],
        disabled_reason=row["disabled_reason"],
        warned=row["warned"],
    )
