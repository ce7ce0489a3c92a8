"""The configuration file: which one it is, what it says, and on which line each value stands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from daemon.errors import Fault, InvalidInput

SYSTEM_FILE = Path("/etc/pollhook/config.yaml")
LOCAL_FILE = Path("config.yaml")

Place = tuple[str | int, ...]
"""Keys and list positions from the root to a value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigFault(Fault):
    """A fault of one key, and where it stands: a file with a line, a variable or a credential."""

    source: str
    line: int | None = None

    def __str__(self) -> str:
        place = self.source if self.line is None else f"{self.source}, line {self.line}"
        return f"{place}: {self.field}: {self.message}"


class InvalidConfiguration(InvalidInput):
    """What is wrong with a configuration, in the order in which its file is read."""

    faults: tuple[ConfigFault, ...]

    def __init__(self, faults: Iterable[ConfigFault]) -> None:
        ordered = sorted(faults, key=lambda fault: (fault.source, fault.line or 0))
        super().__init__(ordered)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigFile:
    """What a file says. `lines` counts from 1 and has an entry for every value."""

    path: Path
    values: Mapping[str, Any] = field(repr=False)
    lines: Mapping[Place, int]


def find_config_file(named: Path | None, environ: Mapping[str, str]) -> Path | None:
    """The file named on the command line, else by `$POLLHOOK_CONFIG`, else the first that exists of
    `./config.yaml` and `/etc/pollhook/config.yaml`; None if there is none."""
    if named is not None:
        return named
    if variable := environ.get("POLLHOOK_CONFIG"):
        return Path(variable)
    return next((path for path in (LOCAL_FILE, SYSTEM_FILE) if path.exists()), None)


def read_config_file(path: Path) -> ConfigFile:
    """Read and parse a file. Raises InvalidInput naming the line where it is no mapping of keys."""
    try:
        root = yaml.compose(path.read_text("utf-8"), Loader=yaml.BaseLoader)
    except OSError as error:
        raise _refusal(path, f"cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise _refusal(path, "is not UTF-8 text") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise _refusal(path, *_syntax_fault(error)) from error
    return _Reading(path).read(root)


class _Reading:
    """One pass over the nodes of a file, collecting values, lines and faults."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: dict[Place, int] = {}
        self.faults: list[ConfigFault] = []

    def read(self, root: yaml.Node | None) -> ConfigFile:
        try:
            values = {} if root is None else self._value(root, ())
        except RecursionError as error:
            raise _refusal(self.path, "holds an alias of itself") from error
        if values is not None and not isinstance(values, dict):
            self._refuse(root, (), "has to consist of `key: value` lines")
        if self.faults:
            raise InvalidInput(self.faults)
        return ConfigFile(path=self.path, values=values or {}, lines=self.lines)

    def _value(self, node: yaml.Node, place: Place) -> Any:
        self.lines[place] = _line(node)
        if isinstance(node, yaml.MappingNode):
            return {
                key: self._value(child, (*place, key)) for key, child in self._items(node, place)
            }
        if isinstance(node, yaml.SequenceNode):
            return [self._value(child, (*place, i)) for i, child in enumerate(node.value)]
        if not node.tag.startswith("tag:yaml.org,2002:"):
            self._refuse(node, place, f"must not have the tag {node.tag}")
        plain = isinstance(node, yaml.ScalarNode) and node.style is None
        return _scalar(node.value) if plain else node.value

    def _items(self, node: yaml.MappingNode, place: Place) -> Iterator[tuple[str, yaml.Node]]:
        seen: set[str] = set()
        for key, child in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._refuse(key, place, "has a key that is not text")
            elif key.value in seen:
                self._refuse(key, (*place, key.value), "stands here a second time")
            else:
                seen.add(key.value)
                yield key.value, child

    def _refuse(self, node: yaml.Node | None, place: Place, message: str) -> None:
        self.faults.append(
            ConfigFault(
                source=str(self.path),
                line=_line(node),
                field=dotted(place) or "the file",
                message=message,
            )
        )


def dotted(place: Place) -> str:
    """A place as people write it: `delivery.retry_schedule_seconds[2]`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return text.removeprefix(".")


_NUMBERS: tuple[tuple[re.Pattern[str], type[int] | type[float]], ...] = (
    (re.compile(r"[-+]?(?:0|[1-9]\d*)"), int),
    (re.compile(r"[-+]?(?:\d+\.\d*|\.\d+|\d+)(?:[eE][-+]?\d+)?"), float),
)


def _scalar(text: str) -> str | int | float | bool | None:
    """A plain scalar by the core schema of YAML 1.2, in which `10:30`, `no` and dates are text."""
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return text.lower() == "true"
    for pattern, number in _NUMBERS:
        if pattern.fullmatch(text) and len(text) < 40:
            return number(text)
    return text


def _line(node: yaml.Node | None) -> int:
    return 1 if node is None else node.start_mark.line + 1


def _syntax_fault(error: yaml.YAMLError | RecursionError) -> tuple[str, int | None]:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    return f"is not valid YAML: {problem}", None if mark is None else mark.line + 1


def _refusal(path: Path, message: str, line: int | None = None) -> InvalidInput:
    return InvalidInput(
        [ConfigFault(source=str(path), line=line, field="the file", message=message)]
    )
