"""Idempotency keys: a call made again gets the first answer again and does nothing twice."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime

from daemon.errors import Conflict, Fault, InvalidInput
from daemon.instance import OrganizationId
from daemon.store.database import Connection, Database, load_queries
from daemon.store.encryption import Keyring

QUERIES = load_queries("idempotency")
REMEMBERED_SECONDS = 86_400.0
CUT_OFF_SECONDS = 180.0
"""After this long a call without an answer has died: its own deadlines are shorter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The right to answer under a key; `claimed_at` tells it from later ones."""

    organization_id: OrganizationId
    key: str
    claimed_at: datetime


class IdempotencyKeys:
    """The keys in the database; answers hold secrets and are sealed."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._keyring = keyring

    async def claim(
        self, organization_id: OrganizationId, key: str, request: bytes
    ) -> Claim | bytes:
        """The right to go on, or the answer that was given before.

        Raises Conflict if the key was used for another request, or its first use is under way;
        InvalidInput if it is no key.
        """
        if not (1 <= len(key) <= 255 and key.isascii() and key.isprintable()):
            message = "has to be 1 to 255 printable ASCII characters"
            raise InvalidInput([Fault(field="Idempotency-Key", message=message)])
        digest = hashlib.sha256(request).digest()
        claimed_at = await self._database.fetchval(
            QUERIES["claim"], organization_id, key, digest, REMEMBERED_SECONDS, CUT_OFF_SECONDS
        )
        if claimed_at is not None:
            return Claim(organization_id=organization_id, key=key, claimed_at=claimed_at)
        return await self._repeat(organization_id, key, digest)

    async def finish(self, connection: Connection, claim: Claim, answer: bytes) -> None:
        """Remember the answer, in the transaction that does what it tells. Raises Conflict."""
        status = await connection.execute(
            QUERIES["finish"],
            claim.organization_id,
            claim.key,
            claim.claimed_at,
            200,
            self._keyring.seal(answer, context=_context(claim.organization_id, claim.key)),
        )
        if status != "UPDATE 1":
            raise Conflict("The Idempotency-Key was taken over by a later call.")

    async def release(self, claim: Claim) -> None:
        """Nothing was done: the same key may be used again."""
        await self._database.execute(
            QUERIES["release"], claim.organization_id, claim.key, claim.claimed_at
        )

    async def purge(self, limit: int) -> int:
        """Forget some old keys; answers how many."""
        status = await self._database.execute(QUERIES["purge"], REMEMBERED_SECONDS, limit)
        return int(status.rpartition(" ")[2])

    async def _repeat(self, organization_id: OrganizationId, key: str, digest: bytes) -> bytes:
        row = await self._database.fetchrow(QUERIES["get"], organization_id, key)
        if row is None or row["answer"] is None:
            raise Conflict("A call with this Idempotency-Key is still under way; ask again later.")
        if not hmac.compare_digest(row["request_digest"], digest):
            raise Conflict("This Idempotency-Key was used with another body.")
        return self._keyring.open(row["answer"], context=_context(organization_id, key))


def _context(organization_id: OrganizationId, key: str) -> str:
    return f"idempotency_keys.answer:{organization_id}:{key}"
