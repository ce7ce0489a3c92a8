"""Snapshot rows: the version of every object that was last told or silently stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from daemon.errors import RevisionMismatch
from daemon.instance import ResourceId
from daemon.polling.snapshot import Snapshot, SnapshotWrite
from daemon.store.database import Connection, Database, Row, load_queries

QUERIES = load_queries("snapshots")


async def find_known(
    database: Database, resource_id: ResourceId, object_ids: Sequence[str]
) -> Mapping[str, Snapshot]:
    """What is remembered of these objects, by object id; unknown ones are left out."""
    rows = await database.fetch(QUERIES["known_snapshots"], resource_id, object_ids)
    return {row["object_id"]: snapshot_of(row) for row in rows}


async def write(
    connection: Connection, resource_id: ResourceId, writes: Sequence[SnapshotWrite]
) -> None:
    """Store new versions, compared with the revisions read. Raises RevisionMismatch."""
    fresh = [write.snapshot for write in writes if write.expected_revision is None]
    known = [write for write in writes if write.expected_revision is not None]
    written = 0
    if fresh:
        written += rows_of(
            await connection.execute(QUERIES["insert_snapshots"], resource_id, *_new(fresh))
        )
    if known:
        written += rows_of(
            await connection.execute(QUERIES["update_snapshots"], resource_id, *_changed(known))
        )
    if written != len(writes):
        missed = len(writes) - written
        raise RevisionMismatch(
            f"{missed} objects of resource {resource_id} changed since they were read."
        )


def _new(fresh: Sequence[Snapshot]) -> list[list[object]]:
    return [
        [snapshot.object_id for snapshot in fresh],
        [snapshot.object_key for snapshot in fresh],
        [snapshot.stamp for snapshot in fresh],
        [snapshot.content_hash for snapshot in fresh],
        [snapshot.digests for snapshot in fresh],
        [snapshot.revision for snapshot in fresh],
        [snapshot.projection for snapshot in fresh],
    ]


def _changed(known: Sequence[SnapshotWrite]) -> list[list[object]]:
    after = [write.snapshot for write in known]
    return [
        [snapshot.object_id for snapshot in after],
        [snapshot.stamp for snapshot in after],
        [snapshot.content_hash for snapshot in after],
        [snapshot.digests for snapshot in after],
        [snapshot.revision for snapshot in after],
        [snapshot.projection for snapshot in after],
        [snapshot.deleted for snapshot in after],
        [write.expected_revision for write in known],
    ]


def snapshot_of(row: Row) -> Snapshot:
    """A row of the snapshots table."""
    return Snapshot(
        object_id=row["object_id"],
        object_key=row["object_key"],
        stamp=row["stamp_at"],
        content_hash=row["content_hash"],
        digests=row["digests"],
        revision=row["revision"],
        projection=row["projection"],
        deleted=row["deleted"],
    )


def rows_of(status: str) -> int:
    """The row count in a command status such as `INSERT 0 5`."""
    return int(status.rsplit(" ", 1)[-1])
