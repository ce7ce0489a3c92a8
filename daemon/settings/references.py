"""References: `${env:NAME}` and `${file:PATH}`, so that no secret has to stand in the file."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from daemon.settings.config_file import Place
from daemon.settings.values import expand_home

REFERENCE = re.compile(r"\$\{(env|file):([^{}]*)\}")


class Resolution:
    """One pass over the values of a file; `faults` are the references that lead nowhere."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.faults: list[tuple[Place, str]] = []
        self._environ = environ

    def resolve(self, value: Any, place: Place) -> Any:
        """The value with every reference in its texts replaced by what it leads to."""
        if isinstance(value, Mapping):
            return {key: self.resolve(inner, (*place, key)) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.resolve(inner, (*place, i)) for i, inner in enumerate(value)]
        if not isinstance(value, str):
            return value
        return REFERENCE.sub(lambda match: self._follow(match, place), value)

    def _follow(self, match: re.Match[str], place: Place) -> str:
        follow: Mapping[str, Callable[[str], str]] = {"env": self._variable, "file": _content}
        try:
            return follow[match[1]](match[2].strip())
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            self.faults.append((place, f"{match[0]}: {reason}"))
            return match[0]

    def _variable(self, name: str) -> str:
        value = self._environ.get(name)
        if not value:
            raise ValueError("there is no such environment variable")
        return value


def _content(path: str) -> str:
    return expand_home(Path(path)).read_text("utf-8").strip()
