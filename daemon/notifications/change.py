"""The change: what detection found out about one object, before it is put into words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from daemon.instance import EventType


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One object created, updated or deleted; a page brings each object at most once.

    `object_id` is the identity that snapshots and order go by, `object_key` its text for people
    (`objectId` in an event). `revision` is the one this change raises the snapshot to, and with the
    object it makes the event id. `occurred_at` is the record's own instant in UTC. `raw` is the
    record as the provider gave it, None if nothing of it can be carried. `changed` names the fields
    that differ, None if that is not known.
    """

    object_id: str
    object_key: str
    type: EventType
    revision: int
    occurred_at: datetime
    raw: Mapping[str, Any] | None = None
    changed: tuple[str, ...] | None = None
    backfill: bool = False
