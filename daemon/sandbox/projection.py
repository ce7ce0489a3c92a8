"""The projection: a Read's Scope made into the rows of its answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from daemon.sandbox.dates import Frame, show
from daemon.sandbox.keys import Key, user_key
from daemon.sandbox.objects import Field, Kind, ObjectType
from daemon.sandbox.records import Value
from daemon.sandbox.refusals import Refusal, UnknownField

Row: TypeAlias = dict[str, Any]
Render: TypeAlias = Callable[[Mapping[str, Value]], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """How values are shown: the object's frame of dates, the prefix of keys, and null or nothing.

    `key_kind` replaces the particular kinds of address book keys; None keeps them.
    """

    object_type: ObjectType
    frame: Frame
    key_kind: str | None = None
    omit_empty: bool = False

    def compile(self, fields: Mapping[str, Any]) -> Callable[[Mapping[str, Value]], Row]:
        """What makes a row of a record, names in the request's own casing. Raises Refusal."""
        columns = [(name, self._column(name, wanted)) for name, wanted in fields.items()]
        if not self.omit_empty:
            return lambda record: {name: render(record) for name, render in columns}
        return lambda record: _filled(columns, record)

    def _column(self, path: str, wanted: Any) -> Render:
        if isinstance(wanted, list):
            wanted = wanted[0] if wanted else 1
        field = self.object_type.find(path)
        if field is not None:
            return self._simple(field) if wanted == 1 else self._faceted(field, wanted)
        parts = self.object_type.parts_of(path)
        if parts:
            return self._composite(path, parts, wanted)
        base, _, facet = path.rpartition("/")
        whole = self.object_type.find(base) if base else None
        if whole is None:
            raise UnknownField(self.object_type.name, path)
        return self._facet(whole, facet)

    def _simple(self, field: Field) -> Render:
        """The default form: texts and numbers as they are, dates and keys as text."""
        name = field.name
        match field.kind:
            case Kind.INSTANT:
                return lambda record: self._date(record.get(name))
            case Kind.KEY:
                return lambda record: self._key(record.get(name))
            case Kind.USER:
                return lambda record: _user(record.get(name))
            case Kind.TEXT | Kind.NUMBER | Kind.FLAG | Kind.LIST:
                return lambda record: record.get(name)

    def _faceted(self, field: Field, wanted: Any) -> Render:
        """An object of facets, such as `{"Value": 1, "DisplayValue": 1}`; null for no value."""
        if not isinstance(wanted, Mapping):
            raise Refusal(f"Scope: {field.name} must be 1 or an object")
        facets = [(name, self._facet(field, name)) for name in wanted]
        name = field.name

        def render(record: Mapping[str, Value]) -> Any:
            if record.get(name) is None:
                return None
            return {facet: each(record) for facet, each in facets}

        return render

    def _composite(self, path: str, parts: list[Field], wanted: Any) -> Render:
        named = wanted if isinstance(wanted, Mapping) else _last_names(parts)
        columns = [(name, self._column(f"{path}/{name}", inner)) for name, inner in named.items()]
        if not self.omit_empty:
            return lambda record: {name: render(record) for name, render in columns}
        return lambda record: _filled(columns, record) or None

    def _facet(self, field: Field, facet: str) -> Render:
        simple, name = self._simple(field), field.name
        match facet.lower():
            case "value" | "key":
                return simple
            case "displayvalue" | "displayname":
                display = field.display
                return lambda record: display.get(record.get(name)) or _shown(simple(record))
            case "id" | "number" | "entitytype" | "uid":
                return self._key_part(field, facet.lower())
            case _:
                raise UnknownField(self.object_type.name, f"{field.name}/{facet}")

    def _key_part(self, field: Field, part: str) -> Render:
        name, entity_type = field.name, self.object_type.entity_type

        def render(record: Mapping[str, Value]) -> Any:
            value = record.get(name)
            if not isinstance(value, Key):
                return value if part == "uid" else None
            return {"id": value.id, "number": value.number, "entitytype": entity_type}.get(part)

        return render

    def _date(self, value: Value) -> str | None:
        return show(self.frame.shift(value)) if isinstance(value, datetime) else None

    def _key(self, value: Value) -> str | None:
        if not isinstance(value, Key):
            return None
        particular = value.kind in ("Company", "Contact", "Individual")
        return value.text(self.key_kind if particular else None)


def _filled(columns: list[tuple[str, Render]], record: Mapping[str, Value]) -> Row:
    row = {name: render(record) for name, render in columns}
    return {name: value for name, value in row.items() if value is not None}


def _last_names(parts: list[Field]) -> dict[str, int]:
    return {part.name.rpartition("/")[2]: 1 for part in parts}


def _user(value: Value) -> str | None:
    return user_key(value) if isinstance(value, str) else None


def _shown(value: Any) -> str | None:
    return None if value is None else str(value)
