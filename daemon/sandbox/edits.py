"""Edits: many changes at once, for demonstrations, tests and imports."""

import random
from dataclasses import dataclass
from types import MappingProxyType

from daemon.sandbox.catalogue import OBJECTS
from daemon.sandbox.editor import Editor
from daemon.sandbox.objects import ObjectType
from daemon.sandbox.records import Record, Value, Version
from daemon.sandbox.refusals import BadRequest
from daemon.sandbox.resources import find_resource
from daemon.sandbox.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """So many random changes of these resources; `create` and so on are shares of them.

    Companies are never deleted, because new contacts are copies of old ones and need theirs; nor
    is a resource's last record.
    """

    count: int = 1
    seed: int = 0
    resources: tuple[str, ...] = ("contacts", "companies", "individuals", "opportunities")
    create: float = 0.2
    delete: float = 0.05
    restore: float = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """So many new records, all copies of one of the resource's with names of their own."""

    resource: str = "contacts"
    count: int = 100
    stamp: str | None = None


class Edits:
    """Changes many records; each new version bears `marker N` in its object's marker field."""

    def __init__(self, store: Store, editor: Editor) -> None:
        self._store = store
        self._editor = editor

    def make(self, batch: Batch) -> list[tuple[Record, Version]]:
        """Makes a batch's changes; the same store and seed give the same ones."""
        pick = random.Random(batch.seed)
        living = {name: self.living(name) for name in batch.resources}
        return [self._one(pick, batch, living) for _ in range(batch.count)]

    def living(self, resource: str) -> list[Record]:
        """The records of a resource that are not deleted. Raises BadRequest if it is unknown."""
        return [record for record in self._all(resource) if not record.latest.deleted]

    def _all(self, resource: str) -> list[Record]:
        known = find_resource(resource)
        if known is None:
            raise BadRequest(f"the resource {resource!r} is unknown")
        return [
            record
            for record in self._store.records(known.object_name)
            if known.name in (record.resource, "addressbook-entries")
        ]

    def bulk(self, wanted: Import, values: dict[str, Value]) -> list[tuple[Record, Version]]:
        """Makes an import's records, with these values in all of them."""
        model = self._model(wanted.resource)
        object_type = OBJECTS[model.object_name.lower()]
        made = []
        for _ in range(wanted.count):
            marked = copied_values(model) | values | self._marker(object_type)
            record = self._editor.create(object_type, marked)
            made.append((record, record.latest))
        return made

    def _one(
        self, pick: random.Random, batch: Batch, living: dict[str, list[Record]]
    ) -> tuple[Record, Version]:
        records = living[pick.choice(batch.resources)]
        if not records:
            raise BadRequest("a resource of the batch has no record left")
        record = pick.choice(records)
        object_type = OBJECTS[record.object_name.lower()]
        drawn = pick.random()
        if drawn < batch.create:
            record = self._editor.create(
                object_type, copied_values(record) | self._marker(object_type)
            )
            records.append(record)
        elif drawn < batch.create + batch.delete and _may_go(record, records):
            self._editor.delete(record)
            records.remove(record)
        elif drawn >= 1 - batch.restore and (gone := self._gone(record.resource)):
            record = pick.choice(gone)
            self._editor.restore(record)
            records.append(record)
        else:
            self._editor.edit(record, self._marker(object_type))
        return record, record.latest

    def _gone(self, resource: str) -> list[Record]:
        return [record for record in self._all(resource) if record.latest.deleted]

    def _model(self, resource: str) -> Record:
        living = self.living(resource)
        if not living:
            raise BadRequest(f"{resource} has no record to copy")
        return living[0]

    def _marker(self, object_type: ObjectType) -> dict[str, Value]:
        return {marker_field(object_type): f"marker {self._store.changes + 1}"}


def marker_field(object_type: ObjectType) -> str:
    """The text field in which edits tell one version from the next."""
    return _MARKERS[object_type.name]


def copied_values(record: Record) -> dict[str, Value]:
    """A record's values as those of a new one."""
    system = ("Key", "CreationDate", "LastModifyDate")
    return {name: value for name, value in record.latest.fields.items() if name not in system}


def _may_go(record: Record, others: list[Record]) -> bool:
    return record.resource != "companies" and len(others) > 1


_MARKERS = MappingProxyType(
    {
        "AbEntry": "Department",
        "Opportunity": "NextAction",
        "Lead": "Position",
        "Case": "Description",
        "Campaign": "Description",
        "Appointment": "Description",
        "Task": "Status",
        "Note": "RichText",
        "Document": "Description",
        "Address": "Description",
        "Custom": "Description",
    }
)
