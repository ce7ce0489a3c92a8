"""The splits: a refused notification replaced by one per event, in the transaction that settles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from daemon.instance import EventId, NotificationId, ResourceId
from daemon.notifications.context import NotificationFormat
from daemon.notifications.splitting import Part, split_body
from daemon.store.database import Connection, Row, load_queries

QUERIES = load_queries("splits")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    parent_id: NotificationId
    resource_id: ResourceId
    object_id: str
    part: Part
    body: bytes


async def replace_split(
    connection: Connection, ids: Sequence[NotificationId], body_bytes: int
) -> Sequence[Row]:
    """Write the parts of what has just become `split`; answers their rows, to be sent next.

    To be called after the statement that set the state: only then are the successors seen that a
    page wrote while that statement waited for it. Bodies above `body_bytes` are left out of the
    answer. What was split before has no events left and is passed over.
    """
    rows = await connection.fetch(QUERIES["load_split"], ids)
    if not rows:
        return ()
    numbers = await connection.fetch(QUERIES["reserve_ids"], len(rows))
    pieces = list(_pieces(rows, iter(NotificationId(row["nextval"]) for row in numbers)))
    parents = [piece.parent_id for piece in pieces]
    parts = [piece.part.id for piece in pieces]
    stored = await connection.fetch(
        QUERIES["insert_parts"],
        parents,
        parts,
        [piece.part.event_id for piece in pieces],
        [piece.body for piece in pieces],
        body_bytes,
    )
    told = [piece.part.told for piece in pieces]
    await connection.execute(QUERIES["move_events"], told, parts)
    await connection.execute(
        QUERIES["move_successors"],
        parents,
        parts,
        [piece.resource_id for piece in pieces],
        [piece.object_id for piece in pieces],
    )
    return stored


def _pieces(rows: Sequence[Row], ids: Iterator[NotificationId]) -> Iterator[_Piece]:
    """The parts of each notification, numbered in the order of their events."""
    for _, group in groupby(rows, key=lambda row: row["id"]):
        events = list(group)
        first = events[0]
        parts = [Part(id=next(ids), told=EventId(row["event_id"])) for row in events]
        bodies = split_body(
            NotificationFormat(first["format"]), first["body"], parts, first["id_field"]
        )
        for row, part, body in zip(events, parts, bodies, strict=True):
            yield _Piece(
                parent_id=NotificationId(row["id"]),
                resource_id=ResourceId(row["resource_id"]),
                object_id=row["object_id"],
                part=part,
                body=body,
            )
