"""Instances as an operator names them on the command line, whoever they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from daemon.errors import Fault, InvalidInput
from daemon.instance import InstanceId, InstanceState
from daemon.store.database import Database, Row, load_queries

QUERIES = load_queries("named_instances")
LARGEST_ID = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedInstance:
    """What is told of an instance before it is looked into."""

    id: InstanceId
    name: str
    element_key: str
    state: InstanceState
    state_reason: str | None
    credentials_refresh_at: datetime | None


async def get_named(database: Database, text: str) -> NamedInstance:
    """The instance with this id or name. Raises InvalidInput if there is none, or several."""
    is_number = text.isascii() and text.isdecimal() and int(text) <= LARGEST_ID
    number = int(text) if is_number else None
    rows = await database.fetch(QUERIES["find_named"], number, text)
    if len(rows) == 1:
        return _named(rows[0])
    if rows:
        ids = ", ".join(str(row["id"]) for row in rows)
        raise _refused(f"several instances are called {text[:100]}: name one by its id ({ids})")
    raise _refused(f"there is no instance {text[:100]}")


async def count_snapshots(database: Database, instance_id: InstanceId) -> Mapping[str, int]:
    """How many objects each resource is known to have."""
    rows = await database.fetch(QUERIES["count_snapshots"], instance_id)
    return {row["name"]: row["objects"] for row in rows}


def _named(row: Row) -> NamedInstance:
    return NamedInstance(
        id=InstanceId(row["id"]),
        name=row["name"],
        element_key=row["element_key"],
        state=InstanceState(row["state"]),
        state_reason=row["state_reason"],
        credentials_refresh_at=row["credentials_refresh_at"],
    )


def _refused(message: str) -> InvalidInput:
    return InvalidInput([Fault(field="INSTANCE", message=message)])
