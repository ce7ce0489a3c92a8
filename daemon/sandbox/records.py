"""Records: each object with every version it ever had."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from daemon.sandbox.keys import Key
from daemon.sandbox.resources import resource_of

Value: TypeAlias = str | int | float | bool | datetime | Key | list[str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of one record.

    `change` counts all versions of the store; `stamp` is what its modification date says (whole
    seconds), `written_at` when it was really written. It is hidden until `visible_at` and until
    `visible_reads` reads of its object have been answered.
    """

    number: int
    change: int
    stamp: datetime
    written_at: datetime
    fields: Mapping[str, Value]
    deleted: bool = False
    visible_at: datetime | None = None
    visible_reads: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """From where a read looks: the time, the reads answered before, and a replica's backlog."""

    now: datetime
    reads: int
    as_of: datetime | None = None

    def shows(self, version: Version) -> bool:
        """Whether that version has become visible."""
        if version.visible_at is not None and version.visible_at > self.now:
            return False
        if version.visible_reads > self.reads:
            return False
        return self.as_of is None or version.written_at <= self.as_of


@dataclass(slots=True, kw_only=True)
class Record:
    """One object; `short_id` is unique within its resource, `sequence` within its store."""

    object_name: str
    resource: str
    short_id: int
    sequence: int
    key: Key
    created_at: datetime
    versions: list[Version] = field(default_factory=list)

    @property
    def latest(self) -> Version:
        return self.versions[-1]

    @property
    def name(self) -> str:
        """What people call it: `contacts/3`."""
        return f"{self.resource}/{self.short_id}"

    def seen(self, view: View) -> Version | None:
        """The version a read sees: the newest visible one, None if it shows no record."""
        for version in reversed(self.versions):
            if view.shows(version):
                return None if version.deleted else version
        return None


def resource_for(object_name: str, fields: Mapping[str, Value]) -> str:
    """The resource in which a new record gets its short id."""
    return resource_of(object_name, fields.get("Type"))
