"""PURE: the likeness of a page: enough to know it again byte for byte without reading it again."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from daemon.connectors.maximizer.answers import Rows
from daemon.connectors.maximizer.resources import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """`digest` of the answer, and how it was read: the same bytes read in another way are other
    records. `rows` and `page_keys` are what says whether more lies behind."""

    digest: bytes
    fields: Scope
    id_field: str | None
    rows: int
    page_keys: Sequence[str]

    @classmethod
    def of(cls, digest: bytes, fields: Scope, id_field: str | None, rows: Rows) -> Likeness:
        return cls(
            digest=digest,
            fields=fields,
            id_field=id_field,
            rows=len(rows.records),
            page_keys=rows.page_keys,
        )


def known_again(
    known: object, digest: bytes, fields: Scope, id_field: str | None
) -> Likeness | None:
    """The likeness that was known, if an answer of this digest, read so, is that page."""
    if not isinstance(known, Likeness):
        return None
    same = (known.digest, known.id_field, known.fields) == (digest, id_field, fields)
    return known if same else None


def digest_of(body: bytes) -> bytes:
    """What no two different answers share."""
    return hashlib.sha256(body).digest()
