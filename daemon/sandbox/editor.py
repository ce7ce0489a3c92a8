"""The editor: the only way records come to be, change and go."""

from collections.abc import Mapping
from datetime import datetime

from daemon.sandbox.catalogue import OBJECTS
from daemon.sandbox.clock import Clock
from daemon.sandbox.field_values import check_complete, computed
from daemon.sandbox.keys import Key
from daemon.sandbox.objects import ObjectType
from daemon.sandbox.profile import Profile
from daemon.sandbox.records import Record, Value, Version, resource_for
from daemon.sandbox.refusals import BadRequest, Refusal
from daemon.sandbox.stamping import Draft, Occasion, Stamping
from daemon.sandbox.store import Store
from daemon.sandbox.switchboard import Switchboard

USER = "MASTER"


class Editor:
    """Writes versions into the store, with the faults that concern writing."""

    def __init__(self, store: Store, switches: Switchboard[Profile], clock: Clock) -> None:
        self._store = store
        self._switches = switches
        self._stamping = Stamping(store, switches, clock)

    def create(self, object_type: ObjectType, values: Mapping[str, Value]) -> Record:
        """A new record. Raises Refusal if a mandatory field or a contact's company is missing."""
        check_complete(object_type, values)
        resource = resource_for(object_type.name, values)
        occasion = Occasion(operation="create", object_name=object_type.name, resource=resource)
        draft = self._stamping.draft(occasion, values)
        created_at = values.get("CreationDate")
        created_at = created_at if isinstance(created_at, datetime) else draft.stamp
        record = Record(
            object_name=object_type.name,
            resource=resource,
            short_id=self._store.next_short_id(resource),
            sequence=self._store.sequence + 1,
            key=self._key(object_type, values, created_at),
            created_at=created_at,
        )
        self._store.add(record, self._version(occasion, record, draft, values))
        return record

    def edit(self, record: Record, values: Mapping[str, Value]) -> Version:
        """A further version with these values. Raises Refusal for a deleted record."""
        _check_exists(record)
        _check_immutable(record, values)
        version = self._append("update", record, values)
        if self._switches.profile.audit_notes and record.object_name != "Note":
            self._audit(record, values)
        return version

    def delete(self, record: Record) -> Version:
        """A last version, which no read shows. Raises Refusal for a deleted record."""
        _check_exists(record)
        return self._append("delete", record, {})

    def restore(self, record: Record) -> Version:
        """A deleted record is back under its old key. Raises BadRequest if it is not deleted."""
        if not record.latest.deleted:
            raise BadRequest(f"{record.name} is not deleted")
        return self._append("update", record, {})

    def _append(self, operation: str, record: Record, given: Mapping[str, Value]) -> Version:
        occasion = Occasion(
            operation=operation, object_name=record.object_name, resource=record.resource
        )
        if self._stamping.is_lost(occasion):
            return record.latest
        draft = self._stamping.draft(occasion, given)
        version = self._version(occasion, record, draft, {**record.latest.fields, **given})
        self._store.append(record, version)
        return version

    def _version(
        self, occasion: Occasion, record: Record, draft: Draft, values: Mapping[str, Value]
    ) -> Version:
        return Version(
            number=len(record.versions) + 1,
            change=self._store.changes + 1,
            stamp=draft.stamp,
            written_at=draft.written_at,
            fields=_completed(record, draft, values),
            deleted=occasion.operation == "delete",
            visible_at=draft.visible_at,
            visible_reads=draft.visible_reads,
        )

    def _key(
        self, object_type: ObjectType, values: Mapping[str, Value], created_at: datetime
    ) -> Key:
        sequence = self._store.sequence + 1
        kind = str(values["Type"]) if object_type.name == "AbEntry" else object_type.key_kind
        if kind == "Contact":
            company = self._parent(values.get("ParentKey"))
            return Key(kind=kind, id=company.id, number=self._store.next_number(company.id))
        if not object_type.numbered:
            return Key(kind=kind, id=str(1000 + sequence), number=None)
        return Key(
            kind=kind,
            id=f"{created_at:%y%m%d}{sequence:015d}{object_type.id_suffix}",
            owner=USER if object_type.owned else "",
        )

    def _parent(self, key: Value) -> Key:
        company = self._store.find("AbEntry", key) if isinstance(key, Key) else None
        if company is None or company.latest.deleted:
            raise Refusal("AbEntry: a Contact needs the ParentKey of a Company", -10010)
        return company.key

    def _audit(self, record: Record, values: Mapping[str, Value]) -> None:
        before = record.versions[-2].fields
        text = "; ".join(
            f"{name} changed from {before.get(name)} to {value}" for name, value in values.items()
        )
        self.create(OBJECTS["note"], {"Text": text or "Changed", "ParentKey": record.key})


def _completed(record: Record, draft: Draft, values: Mapping[str, Value]) -> dict[str, Value]:
    """All fields of a version: those given, the system's and those made from others."""
    object_type = OBJECTS[record.object_name.lower()]
    fields: dict[str, Value] = {**values, **computed(object_type, values), "Key": record.key}
    system: dict[str, Value] = {
        "CreationDate": record.created_at,
        "Creator": fields.get("Creator") or USER,
        "LastModifyDate": draft.stamp if draft.is_dated else None,
        "ModifiedBy": USER,
    }
    fields.update((name, value) for name, value in system.items() if object_type.find(name))
    if "creationdate" not in object_type.fields:
        fields.setdefault("DateTime", draft.stamp)
    return fields


def _check_exists(record: Record) -> None:
    if record.latest.deleted:
        raise Refusal(f"{record.object_name}: the record does not exist")


def _check_immutable(record: Record, values: Mapping[str, Value]) -> None:
    if record.object_name != "AbEntry":
        return
    for name in ("Type", "ParentKey"):
        if name in values and values[name] != record.latest.fields.get(name):
            raise Refusal(f"AbEntry: {name} cannot be changed")
