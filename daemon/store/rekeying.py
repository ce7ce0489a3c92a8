"""Rekeying: what is stored sealed anew under the first key, in small steps beside the daemon."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from daemon.errors import UndecryptableSecret
from daemon.store.database import Connection, Database, Row, load_queries
from daemon.store.encryption import Keyring

QUERIES = load_queries("rekey")
BATCH = 200


@dataclass(frozen=True, slots=True)
class Place:
    """A column of sealed values; the context of each is `table.column:id`."""

    table: str
    column: str
    id: str

    def query(self, name: str) -> str:
        return QUERIES[name].format(table=self.table, column=self.column, id=self.id)

    def context(self, row_id: str) -> str:
        return f"{self.table}.{self.column}:{row_id}"


PLACES = (
    Place("organizations", "secret", "organizations.id::text"),
    Place("users", "secret", "users.id::text"),
    Place("instances", "secrets", "instances.id::text"),
    Place("instances", "credentials", "instances.id::text"),
    Place("instances", "token", "instances.id::text"),
    Place("instances", "webhook_secret", "instances.id::text"),
    Place("idempotency_keys", "answer", "organization_id || ':' || key"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Resealed:
    id: str
    before: bytes
    sealed: bytes


async def rekey(database: Database, keyring: Keyring, batch: int = BATCH) -> int:
    """Seal everything anew that is not under the first key; answers how many values that were.

    Each batch is a transaction, and a value replaced meanwhile is left to the next round, so it may
    be cut off and begun again at any time. Raises UndecryptableSecret, after all others were done,
    if there are values that no key opens.
    """
    written, lost = 0, set[str]()
    while True:
        found = 0
        for place in PLACES:
            seen, done = await _reseal(database, keyring, (place, batch), lost)
            found, written = found + seen, written + done
        if not found:
            break
    if lost:
        shown = ", ".join(sorted(lost)[:5])
        raise UndecryptableSecret(
            f"{len(lost)} stored secrets cannot be decrypted and were left as they are ({shown});"
            " everything else is under the first key"
        )
    return written


async def _reseal(
    database: Database, keyring: Keyring, step: tuple[Place, int], lost: set[str]
) -> tuple[int, int]:
    """One place from end to end: how many values there were to do, and how many were done."""
    place, batch = step
    found, written, after = 0, 0, ""
    while True:
        rows = await database.fetch(place.query("stale"), keyring.current_id, after, batch)
        if not rows:
            return found, written
        after = rows[-1]["id"]
        resealed = [each for row in rows if (each := _seal_anew(keyring, place, row, lost))]
        found += len(resealed)
        if resealed:
            write = partial(_write, place=place, resealed=resealed)
            written += await database.run_transaction(write)


def _seal_anew(keyring: Keyring, place: Place, row: Row, lost: set[str]) -> _Resealed | None:
    context = place.context(row["id"])
    try:
        plaintext = keyring.open(row["sealed"], context=context)
    except UndecryptableSecret:
        lost.add(context)
        return None
    sealed = keyring.seal(plaintext, context=context)
    return _Resealed(id=row["id"], before=row["sealed"], sealed=sealed)


async def _write(connection: Connection, *, place: Place, resealed: Sequence[_Resealed]) -> int:
    status = await connection.execute(
        place.query("write"),
        [each.id for each in resealed],
        [each.before for each in resealed],
        [each.sealed for each in resealed],
    )
    return int(status.rpartition(" ")[2])
