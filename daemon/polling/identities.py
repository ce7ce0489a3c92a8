"""PURE: a set of identities that only grows, in about 10 bytes each: a million fit anywhere."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

_BUCKET_BITS = 12
_NUMBER_BITS = 64


@dataclass(frozen=True, slots=True)
class Identities:
    """Who was seen, as numbers of 64 bits: of a million, two are one with a chance of 1 in 10^7."""

    _buckets: Mapping[int, array[int]] = field(default_factory=dict)

    def __contains__(self, identity: str) -> bool:
        number = _number(identity)
        bucket = self._buckets.get(_bucket_of(number))
        return bucket is not None and _holds(bucket, bisect_left(bucket, number), number)

    def __len__(self) -> int:
        return sum(map(len, self._buckets.values()))

    def with_more(self, identities: Iterable[str]) -> Identities:
        """The set with these in it too."""
        buckets = dict(self._buckets)
        for number in map(_number, identities):
            bucket = buckets.get(_bucket_of(number), _EMPTY)
            position = bisect_left(bucket, number)
            if not _holds(bucket, position, number):
                buckets[_bucket_of(number)] = bucket[:position] + _of(number) + bucket[position:]
        return Identities(buckets)


_EMPTY: array[int] = array("Q")


def _of(number: int) -> array[int]:
    return array("Q", (number,))


def _number(identity: str) -> int:
    digest = blake2b(identity.encode("utf-8", "surrogatepass"), digest_size=_NUMBER_BITS // 8)
    return int.from_bytes(digest.digest())


def _bucket_of(number: int) -> int:
    return number >> (_NUMBER_BITS - _BUCKET_BITS)


def _holds(bucket: array[int], position: int, number: int) -> bool:
    return position < len(bucket) and bucket[position] == number
