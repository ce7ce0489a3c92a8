"""Typed reading: JSON objects into dataclasses, with every fault named."""

import types
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from daemon.sandbox.refusals import BadRequest

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")


def build(cls: type[T], given: object, where: str) -> T:
    """An instance of the dataclass from a JSON object; absent keys keep their defaults.

    Raises BadRequest with all that is wrong, each with its place.
    """
    values = read(cls, given, where)
    missing = [each.name for each in fields(cls) if _is_required(each) and each.name not in values]
    if missing:
        raise BadRequest("; ".join(f"{where}.{name}: missing" for name in missing))
    return cls(**values)


def read(cls: type[T], given: object, where: str) -> dict[str, Any]:
    """The values of a JSON object as the dataclass's fields want them.

    Lists become tuples, and one text may stand for a list of it. Raises BadRequest.
    """
    if not isinstance(given, Mapping):
        raise BadRequest(f"{where}: a JSON object is wanted")
    hints = get_type_hints(cls)
    wrong = [f"{where}.{name}: unknown" for name in given if name not in hints]
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name not in hints:
            continue
        listed = [value] if get_origin(hints[name]) is tuple and isinstance(value, str) else value
        if not _fits(listed, hints[name]):
            wrong.append(f"{where}.{name}: {value!r} is not {_in_words(hints[name])}")
        values[name] = tuple(listed) if isinstance(listed, list) else listed
    if wrong:
        raise BadRequest("; ".join(wrong))
    return values


def _is_required(field: "Field[Any]") -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _fits(value: object, hint: Any) -> bool:
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return any(_fits(value, each) for each in inner)
    if origin is Literal:
        return value in inner
    if origin is tuple:
        return isinstance(value, list) and all(_fits(each, inner[0]) for each in value)
    if origin is dict:
        return isinstance(value, dict) and all(_fits(each, inner[1]) for each in value.values())
    accepted = (int, float) if hint is float else hint
    return isinstance(value, accepted) and (hint is bool or not isinstance(value, bool))


def _in_words(hint: object) -> str:
    if get_origin(hint) is Literal:
        return "one of " + ", ".join(repr(each) for each in get_args(hint))
    return hint.__name__ if isinstance(hint, type) else str(hint)
