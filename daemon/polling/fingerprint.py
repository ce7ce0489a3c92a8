"""PURE: what stays of a record's content in a snapshot: one hash, and a small digest per field."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any

import orjson

HASH_BYTES = 16
DIGEST_BYTES = 4
_STEP = 2 * DIGEST_BYTES
_FORMAT = "2"
"""Digests that were made in another way are of another projection: they are not to be compared."""
_OPTIONS = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS


class Fingerprint:
    """What would be kept of one content. Digests are made when they are first asked for, once.

    `names` are all names a field may have, those of fields that are now empty too.
    """

    __slots__ = ("_content", "_digests", "_names")

    def __init__(self, content: Mapping[str, Any], names: Collection[str]) -> None:
        self._content = content
        self._names = names
        self._digests: bytes | None = None

    def content_hash(self) -> bytes:
        """16 bytes that change when any field does; the order of fields does not matter."""
        return hashlib.sha256(_canonical(self._content)).digest()[:HASH_BYTES]

    def digests(self) -> bytes:
        """8 bytes per field: 4 of its name's hash, then 4 of its value's; sorted."""
        if self._digests is None:
            pairs = [_name_digest(name) + _digest(value) for name, value in self._content.items()]
            self._digests = b"".join(sorted(pairs))
        return self._digests

    def changed_fields(self, before: bytes | None) -> tuple[str, ...] | None:
        """The names of fields whose digest differs from the one stored; None if none is stored."""
        if before is None:
            return None
        differing = {pair[:DIGEST_BYTES] for pair in _pairs(before) ^ _pairs(self.digests())}
        return tuple(sorted(name for name in self._names if _name_digest(name) in differing))


def without(content: Mapping[str, Any], ignored: Collection[str]) -> Mapping[str, Any]:
    """The content less the fields that are not to count as changes."""
    if not ignored:
        return content
    return {name: value for name, value in content.items() if name not in ignored}


def projection(version: int, selection: Sequence[str]) -> int:
    """One number for a selection of fields: the connector's version, and what was configured."""
    return version << 32 | zlib.crc32("\x1f".join((_FORMAT, *selection)).encode())


def _canonical(value: object) -> bytes:
    try:
        return orjson.dumps(value, option=_OPTIONS)
    except TypeError:  # what JSON cannot carry still has to hash the same way every time
        return repr(value).encode("utf-8", "backslashreplace")


@lru_cache(maxsize=4096)
def _name_digest(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()[:DIGEST_BYTES]


def _digest(value: object) -> bytes:
    """Enough to name the field that has changed; whether one has is for the content's hash."""
    return zlib.crc32(_canonical(value)).to_bytes(DIGEST_BYTES)


def _pairs(digests: bytes) -> set[bytes]:
    return {digests[start : start + _STEP] for start in range(0, len(digests), _STEP)}
