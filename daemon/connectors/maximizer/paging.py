"""PURE: page keys, which are row offsets in base64, and what a page says of the one behind it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence

from daemon.errors import MalformedAnswer


def page_key(offset: int) -> str:
    """The key of the page that begins so many rows on."""
    return base64.b64encode(str(offset).encode()).decode()


def offset_of(key: str | None) -> int | None:
    """How many rows on a page begins; None if its key does not say."""
    if key is None:
        return 0
    try:
        text = base64.b64decode(key, validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return None
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def told_key(asked_key: str | None, told: Sequence[str]) -> str | None:
    """The next page's key among those told (one may echo the question's); None if there is none.

    Raises MalformedAnswer if it leads back: following it would never end.
    """
    if not told:
        return None
    here = offset_of(asked_key)
    for key in told:
        there = offset_of(key)
        forward = here is None or there is None or there > here
        if key != asked_key and forward:
            return key
    raise MalformedAnswer("The provider's key of the next page leads back to this one")


def computed_key(asked_key: str | None, rows: int) -> str | None:
    """The key of the page behind so many rows; None if this page's own key says no offset."""
    here = offset_of(asked_key)
    return None if here is None else page_key(here + rows)
