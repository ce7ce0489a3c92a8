"""PURE: what stays of a record's content in a snapshot: one hash, and a small digest per field."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import orjson

HASH_BYTES = 16
DIGEST_BYTES = 4
_STEP = 2 * DIGEST_BYTES
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


def without(content: Mapping[str, Any], ignored: Collection[str]) -> Mapping[str, Any]:
    """The content less the fields that are not to count as changes."""
    if not ignored:
        return content
    return {name: value for name, value in content.items() if name not in ignored}


def projection(version: int, selection: Sequence[str]) -> int:
    """One number for a selection of fields: the connector's version, and what was configured."""
    return version << 32 | zlib.crc32("\x1f".join(selection).encode())


def _canonical(value: object) -> bytes:
    try:
        return orjson.dumps(value, option=_OPTIONS)
    except TypeError:  # what JSON cannot carry still has to hash the same way every time
        return repr(value).encode("utf-8", "backslashreplace")


def _short(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()[:DIGEST_BYTES]


def _pairs(digests: bytes) -> set[bytes]:
    return {digests[start : start + _STEP] for start in range(0, len(digests), _STEP)}
