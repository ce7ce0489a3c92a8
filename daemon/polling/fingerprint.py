"""PURE: what stays of a record's content in a snapshot: one hash, and a small digest per field."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import orjson

HASH_BYTES = 16
DIGEST_BYTES = 4
_STEP = 2 * DIGEST_BYTES
_PART_BITS = 24
_PART = (1 << _PART_BITS) - 1
_OPTIONS = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS


def content_hash(content: Mapping[str, Any]) -> bytes:
    """16 bytes that change when any field does; the order of fields does not matter."""
    return hashlib.sha256(_canonical(content)).digest()[:HASH_BYTES]


def field_digests(content: Mapping[str, Any]) -> bytes:
    """8 bytes per field: 4 of its name's hash, then 4 of its value's; sorted."""
    pairs = sorted(_short(name.encode()) + _short(_canonical(content[name])) for name in content)
    return b"".join(pairs)


def changed_fields(
    before: bytes | None, content: Mapping[str, Any], names: Collection[str]
) -> tuple[str, ...] | None:
    """The names of fields whose digest differs from the one stored; None if none is stored.

    `names` are all names a field may have, those of fields that are now empty too.
    """
    if before is None:
        return None
    differing = _pairs(before) ^ _pairs(field_digests(content))
    hashes = {pair[:DIGEST_BYTES] for pair in differing}
    return tuple(sorted(name for name in names if _short(name.encode()) in hashes))


def agrees(before: bytes, content: Mapping[str, Any], names: Collection[str]) -> bool:
    """Whether those of these fields that were stored hold what they held then.

    A field that was not stored says nothing: it may have been empty, or not have been read.
    """
    stored = dict(_split(before))
    now = dict(_split(field_digests(content)))
    hashes = (_short(name.encode()) for name in names)
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
    """Whether stamps meant the same."""
    return one & _PART == other & _PART


def _part(texts: Sequence[str]) -> int:
    return zlib.crc32("\x1f".join(texts).encode()) & _PART


def _canonical(value: object) -> bytes:
    try:
        return orjson.dumps(value, option=_OPTIONS)
    except TypeError:  # what JSON cannot carry still has to hash the same way every time
        return repr(value).encode("utf-8", "backslashreplace")


def _short(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()[:DIGEST_BYTES]


def _split(digests: bytes) -> Iterator[tuple[bytes, bytes]]:
    for pair in _pairs(digests):
        yield pair[:DIGEST_BYTES], pair[DIGEST_BYTES:]


def _pairs(digests: bytes) -> set[bytes]:
    return {digests[start : start + _STEP] for start in range(0, len(digests), _STEP)}
