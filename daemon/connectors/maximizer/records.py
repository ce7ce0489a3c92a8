"""PURE: rows of an answer made into records: native names, identity, content, poison isolated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from daemon.connectors.connector import Record
from daemon.connectors.maximizer.keys import ObjectKey, identity_of, read_key
from daemon.connectors.maximizer.parsing import clean, is_distorted
from daemon.connectors.maximizer.resources import KEY, UNCOMPARED


class DistortedError(Exception):
    """A number is not what the provider sent: the page has to be read patiently."""


class RecordReader:
    """Makes the rows of one question into records.

    `names` are the fields that were asked for, as Maximizer spells them; answers may echo another
    casing. `id_field` is a dotted path, by default the key. `besides` are no part of the content.
    """

    def __init__(
        self,
        names: Iterable[str],
        id_field: str | None = None,
        besides: frozenset[str] = frozenset(),
    ) -> None:
        self._names = frozenset(names)
        self._uncompared = UNCOMPARED | besides
        self._native = {name.casefold(): name for name in self._names}
        self._keys = tuple(name for name in self._names if name.endswith(KEY))
        self._id_path = _path(id_field or KEY)
        self._id_is_key = self._id_path == (KEY.casefold(),)

    def read(self, rows: Sequence[Any]) -> Sequence[Record]:
        """Records of a page that was parsed fast. Raises DistortedError."""
        return [self._record(self._renamed(row)) for row in rows]

    def read_patiently(self, rows: Sequence[Any]) -> Sequence[Record]:
        """Records of a page that was parsed patiently, each without what cannot be carried."""
        return [self._cleaned(row) for row in rows]

    def _cleaned(self, row: Any) -> Record:
        if not isinstance(row, dict):
            return _no_record()
        kept = self._renamed(clean(row))
        lost = [name for name, value in self._renamed(row).items() if kept.get(name) != value]
        names = ", ".join(lost)[:200].encode("utf-8", "replace").decode()
        poison = f"has values that cannot be carried: {names}" if lost else None
        return self._record(kept, poison, exact=True)

    def _record(self, row: Any, poison: str | None = None, *, exact: bool = False) -> Record:
        if not isinstance(row, dict):
            return _no_record()
        key = self._identify(row)
        if key is None:
            poison = poison or "has no usable id"
        return Record(
            identity=None if key is None else key.identity,
            key=None if key is None else key.text,
            raw=row,
            content=self._content(row, exact=exact),
            poison=poison,
        )

    def _renamed(self, row: Any) -> Any:
        """The row with the names that were asked for, in whatever casing they came back."""
        if not isinstance(row, dict) or row.keys() <= self._names:
            return row
        return {self._native.get(name.casefold(), name): value for name, value in row.items()}

    def _identify(self, row: Mapping[str, Any]) -> ObjectKey | None:
        if self._id_is_key:
            return read_key(row.get(KEY))
        value = _value_at(row, self._id_path)
        if isinstance(value, bool) or not isinstance(value, str | int | float) or value == "":
            return None
        return ObjectKey(identity=str(value), text=str(value))

    def _content(self, row: Mapping[str, Any], *, exact: bool) -> Mapping[str, Any]:
        content = {
            name: value if type(value) is str else _compared(value, exact)
            for name, value in row.items()
            if value is not None and name not in self._uncompared
        }
        for name in self._keys:
            if name in content:
                content[name] = _compared_key(content[name])
        return content


def _no_record() -> Record:
    return Record(identity=None, key=None, raw={}, content={}, poison="is not an object")


def _compared(value: Any, exact: bool) -> Any:
    """A value as it is compared: composites without their empty and display-only parts.

    Raises DistortedError for numbers that cannot be trusted, unless they are exact.
    """
    kind = type(value)
    if kind is dict:
        return {
            name: inner if type(inner) is str else _compared(inner, exact)
            for name, inner in value.items()
            if inner is not None and name != "DisplayValue"
        }
    if kind is list:
        return [_compared(inner, exact) for inner in value]
    if kind is float and not exact and is_distorted(value):
        raise DistortedError
    return value


def _compared_key(value: Any) -> Any:
    """Keys by identity: their text may change between sessions and versions of the service."""
    if isinstance(value, str):
        return identity_of(value)
    key = read_key(value)
    return value if key is None else key.identity


def _path(field: str) -> tuple[str, ...]:
    return tuple(field.replace("/", ".").casefold().split("."))


def _value_at(row: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    """What a path leads to: the one field that is named by all of it, else through composites."""
    value = _member(row, "/".join(path))
    if value is not None:
        return value
    value = row
    for part in path:
        value = _member(value, part) if isinstance(value, Mapping) else None
    return value


def _member(row: Mapping[str, Any], wanted: str) -> Any:
    return next((value for name, value in row.items() if name.casefold() == wanted), None)
