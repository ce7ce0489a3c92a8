"""Loading the settings: the sources merged, every fault found at once, the tree validated."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from daemon.settings.building import DECLARED, build, build_rest
from daemon.settings.config_file import (
    ConfigFault,
    InvalidConfiguration,
    Place,
    dotted,
    find_config_file,
)
from daemon.settings.faults import describe
from daemon.settings.references import Resolution
from daemon.settings.sources import (
    FILE_KEYS,
    KNOWN,
    SECTIONS,
    Given,
    Key,
    Layer,
    from_credentials,
    from_environment,
    from_file,
    from_state_directory,
)
from daemon.settings.tree import Settings
from daemon.settings.values import expand_home


class InvalidSettings(InvalidConfiguration):
    """`rest` are the settings without what is at fault, for who looks for faults of other kinds."""

    def __init__(self, faults: Iterable[ConfigFault], rest: Settings) -> None:
        super().__init__(faults)
        self.rest = rest


def load_settings(named: Path | None, environ: Mapping[str, str]) -> Settings:
    """Read all sources: the environment wins over systemd's credentials, these over the file, the
    file over the defaults. `named` is the file asked for on the command line.

    Raises InvalidSettings with every fault at once.
    """
    path = find_config_file(named, environ)
    layers = (
        from_state_directory(environ),
        {} if path is None else from_file(path),
        from_credentials(environ),
        from_environment(environ),
    )
    given = _merge(layers)
    faults = [
        *_check_keys(given),
        *_check_pairs(layers),
        *_read_secret_files(given),
        *_resolve_references(given, environ),
        *_same_names(given),
    ]
    return _validate(given, faults, path)


def _merge(layers: tuple[Layer, ...]) -> Layer:
    """The later layer wins; a secret and the file of that secret replace each other."""
    merged: Layer = {}
    for layer in layers:
        for file_key, key in FILE_KEYS.items():
            if file_key in layer or key in layer:
                merged.pop(file_key, None)
                merged.pop(key, None)
        merged.update(layer)
    return merged


def _check_keys(given: Layer) -> Iterator[ConfigFault]:
    names = [dotted(key) for key in (*KNOWN, *SECTIONS)]
    for key in [key for key in given if key not in KNOWN and key not in SECTIONS]:
        near = _nearest(key, names)
        hint = f"; did you mean {near}?" if near else ""
        yield _fault(given, key, f"is not a known key{hint}")
        del given[key]


def _nearest(key: Key, names: Sequence[str]) -> str | None:
    """The known key that this one begins, or that its full name or its last part is like."""
    name = dotted(key)
    begun = [known for known in names if known.startswith(name)]
    last = {known.rpartition(".")[2]: known for known in reversed(names)}
    whole = difflib.get_close_matches(name, names, n=1, cutoff=0.8)
    part = difflib.get_close_matches(key[-1], last, n=1, cutoff=0.75)
    return next(iter([*begun, *whole, *(last[word] for word in part)]), None)


def _check_pairs(layers: tuple[Layer, ...]) -> Iterator[ConfigFault]:
    for layer in layers:
        for file_key, key in FILE_KEYS.items():
            if file_key in layer and key in layer:
                yield _fault(layer, file_key, f"stands beside {dotted(key)}; give one of the two")


def _read_secret_files(given: Layer) -> Iterator[ConfigFault]:
    for file_key, key in FILE_KEYS.items():
        if key not in KNOWN or file_key not in given or key in given:
            continue
        path = Path(str(given[file_key].value))
        try:
            text = expand_home(path).read_text("utf-8").strip()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            yield _fault(given, file_key, f"{path} cannot be read: {reason}")
        else:
            given[key] = Given(value=text, source=str(path))


def _resolve_references(given: Layer, environ: Mapping[str, str]) -> Iterator[ConfigFault]:
    declared = given.get(DECLARED)
    if declared is None:
        return
    resolution = Resolution(environ)
    given[DECLARED] = replace(declared, value=resolution.resolve(declared.value, DECLARED))
    for place, message in resolution.faults:
        yield _fault(given, place, message)


def _same_names(given: Layer) -> Iterator[ConfigFault]:
    """The name is what a declared instance goes by from one reading to the next."""
    declared = given.get(DECLARED)
    entries = declared.value if declared is not None else ()
    seen: dict[str, int] = {}
    for position, entry in enumerate(entries if isinstance(entries, list) else ()):
        name = entry.get("name") if isinstance(entry, Mapping) else None
        if isinstance(name, str) and seen.setdefault(name, position) != position:
            first = dotted((*DECLARED, seen[name]))
            yield _fault(given, (*DECLARED, position, "name"), f"is the name of {first}, too")


def _validate(given: Layer, faults: list[ConfigFault], path: Path | None) -> Settings:
    try:
        settings = build(given)
    except ValidationError as error:
        faults += [_explain(given, details) for details in error.errors(include_url=False)]
    else:
        if not faults:
            return settings.read_from(path, partial(_fault, given))
    rest, positions = build_rest(given)
    raise InvalidSettings(faults, rest.read_from(path, partial(_fault_of_rest, given, positions)))


def _explain(given: Layer, error: ErrorDetails) -> ConfigFault:
    place = error["loc"]
    secret = place in FILE_KEYS.values() or place[:1] == DECLARED
    return _fault(given, place, describe(error, secret=secret))


def _fault(given: Layer, place: Place, message: str) -> ConfigFault:
    """A fault at the key that was given for this place, or else at the one nearest to it."""
    key = max(given, key=lambda key: _common(key, place), default=())
    if not _common(key, place):
        return ConfigFault(source="default", field=dotted(place), message=message)
    origin = given[key]
    stands = place if place[: len(key)] == key else key
    lines = (origin.lines.get(stands[:depth]) for depth in range(len(stands), 0, -1))
    line = next((line for line in lines if line is not None), None)
    return ConfigFault(source=origin.source, line=line, field=dotted(place), message=message)


def _fault_of_rest(
    given: Layer, positions: Sequence[int], place: Place, message: str
) -> ConfigFault:
    """A fault in the settings without those at fault, which have fewer declared instances."""
    if place[:1] == DECLARED and len(place) > 1:
        place = (*DECLARED, positions[int(place[1])], *place[2:])
    return _fault(given, place, message)


def _common(key: Key, place: Place) -> int:
    """How many leading parts two places share."""
    return next(
        (i for i, (a, b) in enumerate(zip(key, place, strict=False)) if a != b),
        min(len(key), len(place)),
    )
