"""Folding: names of a request in any casing."""

from collections.abc import Mapping
from typing import Any

from daemon.sandbox.refusals import Refusal


def folded(given: Any, what: str) -> dict[str, Any]:
    """An object of the request with its names in lower case; null is an empty one.

    Raises Refusal, naming `what`, if it is no object.
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise Refusal(f"{what}: an object is wanted")
    return {name.lower(): value for name, value in given.items()}
