"""PURE: the noun Snapshot: what is remembered of an object; and SnapshotWrite, a version of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

FORGOTTEN = b""
"""A content hash that no content has: the object is to be told again when it is read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What is remembered of an object: the version last told or silently stored, not its content.

    `revision` is raised by every event of the object; a row that was only stored has 0.
    `projection` says with which selection of fields `content_hash` and `digests` were made, and in
    which frame the stamp is.
    """

    object_id: str
    object_key: str
    stamp: datetime | None
    content_hash: bytes
    digests: bytes | None
    revision: int
    projection: int
    deleted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotWrite:
    """A snapshot to store. `expected_revision` is the one read before, None for a row to insert."""

    snapshot: Snapshot
    expected_revision: int | None
