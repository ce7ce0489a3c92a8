"""PURE: what stays of a record's content in a snapshot: one hash, and a small digest per field."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import orjson

HASH_BYTES = 16
DIGEST_BYTES = 4
_STEP = 2 * DIGEST_BYTES
_PART_BITS = 24
_PART = (1 << _PART_BITS) - 1
_EARLY = range(1 << 32, 1 << 2 * _PART_BITS)
"""Projections of the first snapshots, which did not say what their stamps meant."""
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

    def agrees(self, before: bytes) -> bool:
        """Whether those of its fields that were stored hold what they held then.

        A field that was not stored says nothing: it may have been empty, or not have been read.
        """
        stored, now = dict(_split(before)), dict(_split(self.digests()))
        hashes = map(_name_digest, self._names)
        return all(now.get(each) == stored[each] for each in hashes if each in stored)


def without(content: Mapping[str, Any], ignored: Collection[str]) -> Mapping[str, Any]:
    """The content less the fields that are not to count as changes."""
    if not ignored:
        return content
    return {name: value for name, value in content.items() if name not in ignored}


def projection(version: int, selection: Sequence[str], frame: Sequence[str]) -> int:
    """One number for what a snapshot was made with: the connector's version of the fields, what was
    configured of them, and what its stamp means (field, format, zone)."""
    return version << 2 * _PART_BITS | _part(selection) << _PART_BITS | _part(frame)


def same_version(one: int, other: int) -> bool:
    """Whether fields had the same form under both projections."""
    return one >> 2 * _PART_BITS == other >> 2 * _PART_BITS


def same_fields(one: int, other: int) -> bool:
    """Whether hashes were made of the same fields."""
    return one >> _PART_BITS == other >> _PART_BITS


def same_frame(one: int, other: int) -> bool:
    """Whether stamps meant the same, as far as is known."""
    return one & _PART == other & _PART or one in _EARLY or other in _EARLY


def _part(texts: Sequence[str]) -> int:
    return zlib.crc32("\x1f".join(texts).encode()) & _PART


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


def _split(digests: bytes) -> Iterator[tuple[bytes, bytes]]:
    for pair in _pairs(digests):
        yield pair[:DIGEST_BYTES], pair[DIGEST_BYTES:]


def _pairs(digests: bytes) -> set[bytes]:
    return {digests[start : start + _STEP] for start in range(0, len(digests), _STEP)}
