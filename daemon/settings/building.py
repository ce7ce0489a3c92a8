"""Building the settings tree from what was given: whole, or what is left without its faults."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from daemon.settings.config_file import Place
from daemon.settings.sources import Layer
from daemon.settings.tree import Settings

DECLARED = ("instances",)


def build(given: Layer) -> Settings:
    """The tree with these values. Raises pydantic's ValidationError with everything wrong."""
    return Settings(**_nested(given))


def build_rest(given: Layer) -> tuple[Settings, Sequence[int]]:
    """The tree without what is wrong, so that the rest can be checked: defaults take the place of
    keys at fault, declared instances at fault are left out. Answers the positions of the others.
    """
    left, positions = dict(given), list(_positions(given))
    while True:
        try:
            return build(_with_entries(left, positions)), positions
        except ValidationError as error:
            wrong = {details["loc"] for details in error.errors()}
        entries = {place[1] for place in wrong if place[:1] == DECLARED and len(place) > 1}
        keys = {key for key in left if any(_overlap(key, place) for place in wrong)}
        positions = [each for number, each in enumerate(positions) if number not in entries]
        left = {key: left[key] for key in left if key not in keys or (key == DECLARED and entries)}
        if not (entries or keys):
            left, positions = {}, []


def _positions(given: Layer) -> Collection[int]:
    declared = given.get(DECLARED)
    is_list = declared is not None and isinstance(declared.value, list)
    return range(len(declared.value)) if declared is not None and is_list else ()


def _with_entries(left: Layer, positions: Sequence[int]) -> Layer:
    declared = left.get(DECLARED)
    if declared is None or not isinstance(declared.value, list):
        return left
    entries = [declared.value[position] for position in positions]
    return {**left, DECLARED: replace(declared, value=entries)}


def _overlap(key: Place, place: Place) -> bool:
    """Whether one of them is the other or a part of it."""
    shared = min(len(key), len(place))
    return key[:shared] == place[:shared]


def _nested(given: Layer) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key in sorted(given, key=len):
        branch = tree
        for name in key[:-1]:
            branch = branch.setdefault(name, {})
            if not isinstance(branch, dict):
                break  # the section itself was given a value, which validation refuses
        else:
            branch[key[-1]] = given[key].value
    return tree
