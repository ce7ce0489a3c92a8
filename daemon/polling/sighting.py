"""PURE: the noun Sighting: one record as read, compared with what is remembered of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from daemon.polling.fingerprint import same_fields, same_frame, same_version
from daemon.polling.snapshot import FORGOTTEN, Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One record as read, reduced to what detection needs.

    `digests` is called only for records that are new or changed; `changed_fields` compares the
    digests stored with those and names the fields that differ, None if that is not known; `agrees`
    says whether the fields that both have hold the same.
    `other_stamp` is the other instant that a local stamp may mean, in an hour that happens twice.
    """

    object_id: str
    object_key: str
    stamp: datetime | None
    created: datetime | None
    content_hash: bytes
    raw: Mapping[str, Any]
    digests: Callable[[], bytes | None]
    changed_fields: Callable[[bytes | None], tuple[str, ...] | None]
    agrees: Callable[[bytes], bool]
    other_stamp: datetime | None = None

    def is_same(self, snapshot: Snapshot, projection: int) -> bool:
        """Whether it shows the version that is remembered.

        Stamps are compared as far as they mean the same under both projections: with another date
        field or zone, content alone tells.
        """
        framed = same_frame(projection, snapshot.projection)
        return self._has_same_content(snapshot, projection) and (
            not framed or self._has_same_stamp(snapshot)
        )

    def is_doubtful(self, snapshot: Snapshot, projection: int) -> bool:
        """Whether it may be older than what is remembered."""
        if not same_frame(projection, snapshot.projection):
            return True
        return self.stamp is not None and snapshot.stamp is not None and self.stamp < snapshot.stamp

    def _has_same_content(self, snapshot: Snapshot, projection: int) -> bool:
        """As far as is known: of another selection of fields, those that both have."""
        if snapshot.content_hash == FORGOTTEN:
            return False
        if same_fields(projection, snapshot.projection):
            return self.content_hash == snapshot.content_hash
        if snapshot.digests is None or not same_version(projection, snapshot.projection):
            return True
        return self.agrees(snapshot.digests)

    def _has_same_stamp(self, snapshot: Snapshot) -> bool:
        """Whether it bears the stamp it had; it may have been read as the other hour's."""
        other = self.other_stamp
        return self.stamp == snapshot.stamp or (other is not None and other == snapshot.stamp)
