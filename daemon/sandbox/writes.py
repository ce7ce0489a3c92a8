"""Writes: the methods Create, Update and Delete."""

from collections.abc import Mapping
from typing import Any

from daemon.sandbox.catalogue import find_object
from daemon.sandbox.field_values import read_values
from daemon.sandbox.folding import folded
from daemon.sandbox.keys import Key, parse_key
from daemon.sandbox.objects import ObjectType
from daemon.sandbox.records import Record
from daemon.sandbox.refusals import Refusal
from daemon.sandbox.service import Service


class Writes:
    """Changes records on behalf of clients of the API."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def answer(self, method: str, object_name: str, given: Any) -> dict[str, Any]:
        """What Create, Update or Delete answers as `Data`: what was sent, with the key.

        Raises Refusal for an unknown object, key or field, and for wrong or missing values.
        """
        object_type = find_object(object_name)
        if object_type is None:
            raise Refusal(f"The object '{object_name}' is not supported")
        data = folded(given, object_type.name).get("data")
        if not isinstance(data, Mapping):
            raise Refusal(f"{object_type.name}: Data must be an object")
        sent = {name: value for name, value in data.items() if name.lower() != "key"}
        record = self._change(method, object_type, sent, folded(data, "Data").get("key"))
        return {"Key": record.key.text(), **sent}

    def _change(
        self, method: str, object_type: ObjectType, sent: Mapping[str, Any], key: Any
    ) -> Record:
        editor = self._service.editor
        if method == "create":
            return editor.create(object_type, read_values(object_type, sent))
        record = self._find(object_type, key)
        if method == "update":
            editor.edit(record, read_values(object_type, sent))
        else:
            editor.delete(record)
        return record

    def _find(self, object_type: ObjectType, given: Any) -> Record:
        key = _key(given)
        record = self._service.store.find(object_type.name, key) if key is not None else None
        if record is None:
            raise Refusal("The given key is of a type not supported by the target object.")
        return record


def _key(given: Any) -> Key | None:
    """A key as text or as an object with `Value` or with `Id` and `Number`."""
    if isinstance(given, Mapping):
        parts = folded(given, "Key")
        if "id" in parts:
            return Key(kind="", id=str(parts["id"]), number=parts.get("number", 0))
        given = parts.get("value")
    return parse_key(given) if isinstance(given, str) else None
