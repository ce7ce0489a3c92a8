"""Where settings come from: what each source gives for which key, and where that stands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_settings import EnvSettingsSource

from daemon.settings.config_file import Place, dotted, read_config_file
from daemon.settings.tree import Settings

PREFIX = "POLLHOOK_"
NOT_A_KEY = re.compile(
    r"CONFIG"  # names the file
    # what Kubernetes adds for a service named pollhook
    r"|SERVICE_HOST|SERVICE_PORT.*|PORT|PORT_\d+_.*"
)

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A value somebody gave, and where: a file with its lines, a variable, a credential."""

    value: Any = field(repr=False)
    source: str
    lines: Mapping[Place, int] = field(default_factory=dict, repr=False)


Layer = dict[Key, Given]


def leaves(model: type[BaseModel] = Settings, prefix: Key = ()) -> Iterator[tuple[Key, FieldInfo]]:
    """Every key of the tree that holds a value, in the order of the tree."""
    for name, info in model.model_fields.items():
        annotation = info.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield from leaves(annotation, (*prefix, name))
        else:
            yield (*prefix, name), info


KNOWN: Mapping[Key, FieldInfo] = dict(leaves())
SECTIONS = frozenset(key[:depth] for key in KNOWN for depth in range(1, len(key)))
FILE_KEYS: Mapping[Key, Key] = {
    key: (*key[:-1], key[-1].removesuffix("_file")) for key in KNOWN if key[-1].endswith("_file")
}
"""Keys that name the file of a secret, and what that secret itself is called."""


def from_state_directory(environ: Mapping[str, str]) -> Layer:
    folder = environ.get("STATE_DIRECTORY", "").partition(":")[0]
    return {("data_dir",): Given(value=folder, source="STATE_DIRECTORY")} if folder else {}


def from_file(path: Path) -> Layer:
    file = read_config_file(path)
    return {
        key: Given(value=value, source=str(path), lines=file.lines)
        for key, value in _flat(file.values)
    }


def from_credentials(environ: Mapping[str, str]) -> Layer:
    """systemd's LoadCredential=: a credential has the name of the secret, as `database.dsn`."""
    folder = environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        return {}
    paths = {key: Path(folder, dotted(secret)) for key, secret in FILE_KEYS.items()}
    return {
        key: Given(value=path, source=f"credential {path.name}")
        for key, path in paths.items()
        if path.exists()
    }


def from_environment(environ: Mapping[str, str]) -> Layer:
    names = {name.upper(): name for name in environ if environ[name]}
    layer = {
        key: Given(value=value, source=_variable(key, names))
        for key, value in _flat(_Environment(environ)())
    }
    for upper, name in names.items():
        rest = upper.removeprefix(PREFIX)
        key = tuple(rest.lower().split("__"))
        if (
            rest != upper
            and key not in KNOWN
            and key not in SECTIONS
            and not NOT_A_KEY.fullmatch(rest)
        ):
            layer[key] = Given(value=environ[name], source=name)
    return layer


class _Environment(EnvSettingsSource):
    """Variables of this mapping; a list may also be written as values separated by commas."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__(Settings)
        self.env_vars = {name.lower(): value for name, value in environ.items() if value}

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError:
            return [part.strip() for part in str(value).split(",")]


def _variable(key: Key, names: Mapping[str, str]) -> str:
    """The variable that gave a key: its own, or that of a section written as JSON."""
    candidates = (PREFIX + "__".join(key[:depth]).upper() for depth in range(len(key), 0, -1))
    own = PREFIX + "__".join(key).upper()
    return next((names[name] for name in candidates if name in names), own)


def _flat(values: Mapping[str, Any], prefix: Key = ()) -> Iterator[tuple[Key, Any]]:
    """The values of all keys; an empty one means the default, and is left out."""
    for name, value in values.items():
        key = (*prefix, name)
        if isinstance(value, Mapping) and key in SECTIONS:
            yield from _flat(value, key)
        elif value is not None:
            yield key, value
