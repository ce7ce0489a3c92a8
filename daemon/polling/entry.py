"""PURE: one JSON object of a configuration, read field by field while its faults are collected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from math import isfinite

from daemon.errors import Fault

_TRUE = frozenset({"true", "yes", "1"})
_FALSE = frozenset({"false", "no", "0"})
LONGEST_TEXT = 10_000
MOST_FIELDS = 100
_SHOWN = 60


class Entry:
    """Reads the fields of one object by name, in any casing, as natural values or as strings.

    A field that is missing, null or an empty string gives the default. What is wrong becomes a
    fault under `path`, and the default stands in for it. `names` are the fields that exist, each
    with the name it is known by; others are faults too. A value that is no object (`is_object`) is
    one fault, and then reads as empty.
    """

    def __init__(
        self, value: object, *, path: str, names: Mapping[str, str], faults: list[Fault]
    ) -> None:
        self.path = path
        self._faults = faults
        self._given: dict[str, object] = {}
        self.is_object = isinstance(value, Mapping)
        if not isinstance(value, Mapping):
            faults.append(Fault(field=path, message=f"must be an object, not {_shown(value)}"))
            return
        if len(value) > MOST_FIELDS:
            faults.append(Fault(field=path, message=f"has more than {MOST_FIELDS} fields"))
            return
        self._spellings = {written.lower(): name for written, name in names.items()}
        for written, field in value.items():
            self._take(str(written), field)

    def __contains__(self, name: str) -> bool:
        return self._given.get(name) is not None

    def names_any(self, names: Iterable[str]) -> bool:
        """Whether any of these fields has a value."""
        return any(name in self and not self.is_blank(name) for name in names)

    def is_blank(self, name: str) -> bool:
        """Whether the field is there, but null or empty."""
        value = self._given.get(name)
        is_empty = value is None or (isinstance(value, str) and not value.strip())
        return is_empty and name in self._given

    def fault(self, name: str, message: str) -> None:
        """Notes what is wrong with a field."""
        self._faults.append(Fault(field=f"{self.path}.{name}", message=message))

    def child(self, name: str, names: Mapping[str, str]) -> Entry:
        """The object in a field; an empty one if it is missing."""
        value = self._given.get(name)
        return Entry(
            {} if value is None else value,
            path=f"{self.path}.{name}",
            names=names,
            faults=self._faults,
        )

    def text(self, name: str, default: str = "") -> str:
        """A string without the spaces around it."""
        value = self._given.get(name)
        if isinstance(value, str) and len(value) <= LONGEST_TEXT:
            return value.strip() or default
        if value is not None:
            limit = f"a text of at most {LONGEST_TEXT} characters"
            self.fault(name, f"must be {limit}, not {_shown(value)}")
        return default

    def names(self, name: str) -> tuple[str, ...]:
        """A list of texts, or one text with commas; sorted, each once."""
        value = self._given.get(name)
        items = value.split(",") if isinstance(value, str) else value
        if items is None:
            return ()
        if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
            self.fault(name, f"must be a list of texts, not {_shown(value)}")
            return ()
        return tuple(sorted({item.strip() for item in items if item.strip()}))

    def boolean(self, name: str, *, default: bool) -> bool:
        """`true` or `false`."""
        value = self._given.get(name)
        if name not in self or self.is_blank(name):
            return default
        if isinstance(value, bool):
            return value
        word = value.strip().lower() if isinstance(value, str) else ""
        if word not in _TRUE | _FALSE:
            self.fault(name, f"must be true or false, not {_shown(value)}")
            return default
        return word in _TRUE

    def number(self, name: str, *, default: float, least: float, most: float) -> float:
        """A number within bounds, both included."""
        value = self._given.get(name)
        if name not in self or self.is_blank(name):
            return default
        number = _number(value)
        if number is None:
            self.fault(name, f"must be a number, not {_shown(value)}")
            return default
        if not least <= number <= most:
            self.fault(name, f"must be from {least:g} to {most:g}, not {_shown(value)}")
            return default
        return number

    def integer(self, name: str, *, default: int, least: int, most: int) -> int:
        """A whole number within bounds, both included."""
        number = self.number(name, default=default, least=least, most=most)
        if number != int(number):
            self.fault(name, f"must be a whole number, not {number:g}")
            return default
        return int(number)

    def _take(self, written: str, value: object) -> None:
        name = self._spellings.get(written.strip().lower())
        if name is None:
            self.fault(written[:_SHOWN], _unknown(written, self._spellings))
        elif name in self._given:
            self.fault(name, "is given twice, in different casings")
        else:
            self._given[name] = value


def _unknown(written: str, spellings: Mapping[str, str]) -> str:
    near = get_close_matches(written[:_SHOWN].lower(), spellings, n=1)
    if near:
        return f"is no known field; did you mean '{spellings[near[0]]}'?"
    return f"is no known field; known are {', '.join(dict.fromkeys(spellings.values()))}"


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if isfinite(number) else None


def _shown(value: object) -> str:
    if isinstance(value, str):
        return f"'{value[:_SHOWN]}'"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return f"{value:g}" if abs(value) < 1e15 else "a huge number"
    return "a list" if isinstance(value, list | tuple) else "an object"
