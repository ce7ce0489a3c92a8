"""The store: all records in memory, by object, by key and by name."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

from daemon.sandbox.keys import Key, parse_key
from daemon.sandbox.records import Record, Version, View
from daemon.sandbox.refusals import Unknown
from daemon.sandbox.resources import find_resource
from daemon.sandbox.stamp_index import StampIndex


class Store:
    """Keeps every version ever written; only the editor adds to it."""

    def __init__(self) -> None:
        self.changes = 0
        self.sequence = 0
        self.served: Counter[int] = Counter()
        self.reads: Counter[str] = Counter()
        self._counts: Counter[str] = Counter()
        self._records: dict[str, list[Record]] = {}
        self._by_key: dict[tuple[str, str, int | None], Record] = {}
        self._by_name: dict[str, Record] = {}
        self._indexes: dict[str, StampIndex] = {}
        self._late: dict[str, list[Version]] = {}

    def add(self, record: Record, version: Version) -> None:
        """A new record with its first version."""
        record.versions.append(version)
        self._records.setdefault(record.object_name, []).append(record)
        self._by_key[_identity(record.object_name, record.key)] = record
        self._by_name[record.name] = record
        self._count(record.resource, record.short_id)
        self._count(record.key.id, record.key.number or 0)
        self._index(record.object_name).add(record)
        self._note(record, version)

    def append(self, record: Record, version: Version) -> None:
        """A further version of a record."""
        index = self._index(record.object_name)
        index.discard(record)
        record.versions.append(version)
        if not version.deleted:
            index.add(record)
        self._note(record, version)

    def records(self, object_name: str | None = None) -> Iterator[Record]:
        """All records, deleted ones too, in the order of their creation."""
        names = self._records if object_name is None else [object_name]
        for name in names:
            yield from self._records.get(name, ())

    def ordered(
        self, object_name: str, low: datetime | None, high: datetime | None, *, descending: bool
    ) -> Iterator[list[Record]]:
        """Groups of equal stamps, in order; only good while `is_settled`."""
        return self._index(object_name).groups(low, high, descending=descending)

    def is_settled(self, object_name: str, view: View) -> bool:
        """Whether the latest version of every record of the object is what this view shows."""
        if view.as_of is not None:
            return False
        late = self._late.get(object_name)
        if not late:
            return True
        self._late[object_name] = [each for each in late if not view.shows(each)]
        return not self._late[object_name]

    def find(self, object_name: str, key: Key) -> Record | None:
        """The record of that key, known by its id and number."""
        return self._by_key.get(_identity(object_name, key))

    def named(self, resource: str, short_id: str) -> Record:
        """The record people call `resource/short_id`; a key's text will do too. Raises Unknown."""
        known = find_resource(resource)
        if known is not None:
            record = self._by_name.get(f"{known.name}/{short_id}")
            key = parse_key(short_id) if record is None else None
            record = self.find(known.object_name, key) if key else record
            if record is not None:
                return record
        raise Unknown(f"there is no record {resource}/{short_id}")

    def next_short_id(self, resource: str) -> int:
        """The short id of the resource's next record."""
        return self._counts[resource] + 1

    def next_number(self, key_id: str) -> int:
        """The number of the next contact of the company with that id."""
        return self._counts[key_id] + 1

    def view(self, object_name: str, now: datetime, behind_seconds: float = 0) -> View:
        """The view of a read that begins now, by a replica if it is behind.

        It never has a part of what was written within a second, and so under one stamp.
        """
        behind = (now - timedelta(seconds=behind_seconds)).replace(microsecond=0)
        as_of = behind if behind_seconds else None
        return View(now=now, reads=self.reads[object_name], as_of=as_of)

    def _index(self, object_name: str) -> StampIndex:
        return self._indexes.setdefault(object_name, StampIndex())

    def _count(self, name: str, number: int) -> None:
        self._counts[name] = max(self._counts[name], number)

    def _note(self, record: Record, version: Version) -> None:
        self.changes = max(self.changes, version.change)
        self.sequence = max(self.sequence, record.sequence)
        if version.visible_at is not None or version.visible_reads:
            self._late.setdefault(record.object_name, []).append(version)


def _identity(object_name: str, key: Key) -> tuple[str, str, int | None]:
    return (object_name, key.id.lower(), key.number)
