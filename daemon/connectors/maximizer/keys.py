"""PURE: Maximizer's keys in both their forms, reduced to what stays the same: Id and Number."""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from daemon.connectors.maximizer.parsing import is_carried


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectKey:
    """`identity` is `Id<TAB>Number`, the same in every form, session and Compatibility (the kind in
    front of them is not); `text` is the key as calls take it and as people are told it."""

    identity: str
    text: str


def read_key(value: object) -> ObjectKey | None:
    """The key in a record's field: its text, or the object it is expanded to; None for neither."""
    if isinstance(value, str):
        return ObjectKey(identity=identity_of(value), text=value) if value else None
    if isinstance(value, Mapping):
        return _read_expanded({str(name).casefold(): part for name, part in value.items()})
    return None


@lru_cache(maxsize=4096)
def identity_of(text: str) -> str:
    """The identity in a key's text; a text that is no such key is its own identity."""
    try:
        parts = binascii.a2b_base64(text, strict_mode=True).decode().split("\t")
    except ValueError:
        return text
    if len(parts) < 2 or not parts[1]:
        return text
    identity = _join(parts[1], parts[2] if len(parts) > 2 else None)
    return identity if is_carried(identity) else text


def _read_expanded(parts: Mapping[str, Any]) -> ObjectKey | None:
    text = parts.get("value")
    identifier = parts.get("id") or parts.get("uid")
    if not isinstance(text, str) or not text:
        text = None
    if isinstance(identifier, str | int) and not isinstance(identifier, bool):
        identity = _join(str(identifier), parts.get("number"))
        return ObjectKey(identity=identity, text=text or identity)
    return ObjectKey(identity=identity_of(text), text=text) if text else None


def _join(identifier: str, number: object) -> str:
    """Kinds without numbers have number 0, as their expanded form may say."""
    text = "0" if number is None else str(number)
    return f"{identifier}\t{int(text) if text.isascii() and text.isdigit() else text}"
