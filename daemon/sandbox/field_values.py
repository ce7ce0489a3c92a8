"""Field values: what a client writes, read into the types the store keeps."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from daemon.sandbox.dates import written
from daemon.sandbox.keys import Key, parse_key
from daemon.sandbox.objects import Field, Kind, ObjectType
from daemon.sandbox.records import Value
from daemon.sandbox.refusals import Refusal, UnknownField


def read_values(object_type: ObjectType, data: Mapping[str, Any]) -> dict[str, Value]:
    """The values by the fields' own names; `Key` and computed fields are passed over.

    Composites may come nested or as paths. Raises Refusal for unknown names and wrong types.
    """
    values: dict[str, Value] = {}
    for path, value in _flattened(object_type, data):
        field = object_type.find(path)
        if field is None:
            raise UnknownField(object_type.name, path)
        if field.assignable:
            values[field.name] = _read(field, value)
    return values


def check_complete(object_type: ObjectType, values: Mapping[str, Value]) -> None:
    """Raises Refusal for a new record without a mandatory field."""
    missing = [
        field.name
        for field in object_type.fields.values()
        if field.mandatory and not values.get(field.name)
    ]
    if object_type.name == "AbEntry" and not missing:
        named = "CompanyName" if values["Type"] == "Company" else "LastName"
        missing = [] if values.get(named) else [named]
    if missing:
        raise Refusal(f"{object_type.name}: {missing[0]} is a mandatory field", -10010)


def computed(object_type: ObjectType, values: Mapping[str, Value]) -> dict[str, Value]:
    """The fields made from others: how a record is shown."""
    person = " ".join(str(values[part]) for part in ("FirstName", "LastName") if values.get(part))
    full = person or str(values.get("CompanyName") or "")
    titles = ("Objective", "Subject", "Name", "Activity", "Text", "AddressLine1")
    title = next((str(values[each]) for each in titles if values.get(each)), full)
    more: dict[str, Value] = {"DisplayValue": title}
    if "fullname" in object_type.fields:
        more["FullName"] = full
    return more


def _flattened(object_type: ObjectType, data: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in data.items():
        parts = object_type.parts_of(name)
        if parts and isinstance(value, Mapping):
            yield from ((f"{name}/{part}", inner) for part, inner in value.items())
        elif parts:
            yield parts[0].name, value
        elif isinstance(value, Mapping) and "Value" in value:
            yield name, value["Value"]
        else:
            yield name, value


def _read(field: Field, value: Any) -> Value:
    if value is None:
        return None
    read = _READ[field.kind](value)
    if read is None:
        raise Refusal(f"{field.name}: {value!r} has the wrong type", -1024)
    return read


def _text(value: Any) -> Value:
    return value if isinstance(value, str) else None


def _number(value: Any) -> Value:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _flag(value: Any) -> Value:
    return value if isinstance(value, bool) else None


def _instant(value: Any) -> Value:
    return written(value) if isinstance(value, str) else None


def _key(value: Any) -> Value:
    return parse_key(value) if isinstance(value, str) else None


def _list(value: Any) -> Value:
    return [str(each) for each in value] if isinstance(value, list) else None


def _user(value: Any) -> Value:
    if isinstance(value, Mapping):
        value = next((uid for name, uid in value.items() if name.lower() == "uid"), None)
    if not isinstance(value, str):
        return None
    key: Key | None = parse_key(value)
    return key.id if key is not None and key.kind == "User" else value


_READ: Mapping[Kind, Callable[[Any], Value]] = {
    Kind.TEXT: _text,
    Kind.NUMBER: _number,
    Kind.FLAG: _flag,
    Kind.INSTANT: _instant,
    Kind.KEY: _key,
    Kind.USER: _user,
    Kind.LIST: _list,
}
