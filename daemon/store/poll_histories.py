"""The poll histories: how the polls of an instance's resources have been."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from daemon.instance import InstanceId, ResourceState
from daemon.polling.history import History, unpacked
from daemon.store.database import Database, load_queries

QUERIES = load_queries("poll_histories")


@dataclass(frozen=True, slots=True, kw_only=True)
class PollHistory:
    """That of one resource."""

    name: str
    state: ResourceState
    history: History


async def list_histories(database: Database, instance_id: InstanceId) -> Sequence[PollHistory]:
    """In the configured order of the resources, without those that were left out later."""
    return [
        PollHistory(
            name=row["name"],
            state=ResourceState(row["state"]),
            history=unpacked(row["history"]),
        )
        for row in await database.fetch(QUERIES["list_histories"], instance_id)
    ]
