"""Changes of one resource's progress by people: rewound, swept, polled, paused, begun anew.

Every function runs inside a transaction that has fenced off what was begun before it: after
`leases.lock_change` of the instance, and with the version of the resource raised.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from daemon.errors import Conflict, Fault, InvalidInput, NotFound
from daemon.instance import ResourceId
from daemon.polling.refiltering import Refiltering
from daemon.polling.slow_pass import (
    PassKind,
    Work,
    begun_anew,
    listing_others,
    sweep_requested,
)
from daemon.polling.window import Marks
from daemon.polling.work_json import work_as_json, work_from_json
from daemon.store.database import Connection, load_queries
from daemon.store.resources import load_progress

QUERIES = load_queries("resource_changes")


async def rewind(
    connection: Connection, resource_id: ResourceId, to: datetime, *, resend: bool
) -> None:
    """Read everything stamped from `to` on (less the overlap) again, at once.

    Nothing that is known is told, unless with `resend`: then objects whose last known version is
    stamped at or after `to`, and that are still shown, are told as UPDATED under new revisions.
    Objects that were never read, from before the baseline, stay silent all the same. `to` is an
    instant in the frame of the record stamps. Raises Conflict for a resource without a cursor,
    InvalidInput if `to` lies after the cursor: what is between them would never be read.
    """
    moved = await connection.execute(QUERIES["rewind"], resource_id, to)
    if moved != "UPDATE 1":
        raise await _why_not(connection, resource_id)
    if resend:
        await connection.execute(QUERIES["forget_contents"], resource_id, to)


async def request_sweep(connection: Connection, resource_id: ResourceId, *, confirm: bool) -> None:
    """Sweep for deletes after the next poll, which is due at once; a sweep under way goes on.

    With `confirm` it tells however many objects turn out to be gone. Raises Conflict if sweeps are
    off for the resource.
    """
    if not await connection.fetchval(QUERIES["sweeps"], resource_id):
        raise Conflict("The resource is not swept for deletes: its deletes.mode is off.")
    await _change_work(
        connection, resource_id, lambda work, now: sweep_requested(work, now, confirm=confirm)
    )
    await request_poll(connection, resource_id)


async def request_poll(connection: Connection, resource_id: ResourceId) -> None:
    """Poll at once: a resource without a due time is due, whenever that is seen."""
    await connection.execute(QUERIES["poll_soon"], resource_id)


async def pause(connection: Connection, resource_id: ResourceId) -> None:
    """No more polls until it is resumed; marks and snapshots stay. One that is stopped stays so."""
    await connection.execute(QUERIES["pause"], resource_id)


async def resume(connection: Connection, resource_id: ResourceId) -> None:
    """Go on after a pause from the cursor, at once; the baseline first if there is none yet."""
    await connection.execute(QUERIES["resume"], resource_id)


async def rebaseline(
    connection: Connection, resource_id: ResourceId, *, drop_snapshots: bool
) -> None:
    """Begin anew as if the resource had never been read; only the sequence goes on.

    What its configuration says of the first run holds again. With `drop_snapshots` (another
    idField) nothing is known of any object; without, what is known is compared with what is read,
    and a difference is stored silently where the baseline meets it.
    """
    if drop_snapshots:
        await _drop_snapshots(connection, resource_id)
    work = {} if drop_snapshots else listing_others({})
    await connection.execute(QUERIES["begin_anew"], resource_id, work_as_json(work))


async def keep(connection: Connection, resource_id: ResourceId, change: Refiltering) -> None:
    """Go on from the cursor under another filter, date field or zone; slow passes list anew."""
    progress = await load_progress(connection, resource_id)
    await _write_marks(connection, resource_id, change.kept(progress.marks))
    await _restart_passes(connection, resource_id, change)


async def rewind_to_baseline(
    connection: Connection, resource_id: ResourceId, change: Refiltering
) -> None:
    """Read everything since the baseline again, under another filter, date field, zone or idField.

    Objects that are unknown (with another idField: all) are told if they were changed or created
    after the baseline, and stored silently otherwise. Slow passes begin their listings anew.
    """
    if "idField" in change.differences:
        await _drop_snapshots(connection, resource_id)
    progress = await load_progress(connection, resource_id)
    silent_at_baseline = PassKind.BACKFILL not in progress.work
    marks = change.rewound(progress.marks, silent_at_baseline=silent_at_baseline)
    await _write_marks(connection, resource_id, marks)
    await _restart_passes(connection, resource_id, change)
    await request_poll(connection, resource_id)


async def _write_marks(connection: Connection, resource_id: ResourceId, marks: Marks) -> None:
    await connection.execute(
        QUERIES["write_marks"],
        resource_id,
        marks.cursor_at,
        marks.baseline_at,
        marks.known_from,
        marks.ids_complete,
        marks.utc and marks.utc.proved_at,
        marks.utc and marks.utc.skew.total_seconds(),
        marks.clock and marks.clock.as_json(),
    )


async def _restart_passes(
    connection: Connection, resource_id: ResourceId, change: Refiltering
) -> None:
    """Begin the listings of the slow passes anew, since what they went by is another now."""

    def restart(work: Work, now: datetime) -> Work:
        begun = begun_anew(work, now)
        return listing_others(begun) if change.lists_others else begun

    await _change_work(connection, resource_id, restart)


async def _change_work(
    connection: Connection, resource_id: ResourceId, change: Callable[[Work, datetime], Work]
) -> None:
    row = await connection.fetchrow(QUERIES["get_work"], resource_id)
    if row is None:
        raise NotFound(f"Resource {resource_id} no longer exists.")
    work = change(work_from_json(row["work"]), row["now"])
    await connection.execute(QUERIES["write_work"], resource_id, work_as_json(work))


async def _drop_snapshots(connection: Connection, resource_id: ResourceId) -> None:
    """Forget all objects; the same event id is never made again all the same."""
    await connection.execute(QUERIES["raise_revision_floor"], resource_id)
    await connection.execute(QUERIES["drop_snapshots"], resource_id)


async def _why_not(connection: Connection, resource_id: ResourceId) -> Exception:
    cursor = await connection.fetchval(QUERIES["get_cursor"], resource_id)
    if cursor is None:
        return Conflict("The resource has no cursor yet that could be moved back.")
    message = f"lies after the cursor, which is at {cursor.isoformat()}"
    return InvalidInput([Fault(field="to", message=message)])
