"""PURE: the body of an answer, read in spite of what no JSON library carries, and cleaned of it.

One record with half a surrogate pair, a NaN or a number of thirty digits must not cost its page.
"""

from __future__ import annotations

import json
from typing import Any

import orjson

from daemon.errors import MalformedAnswer

LARGEST_INTEGER = 2**64 - 1
SMALLEST_INTEGER = -(2**63)
DISTORTED_FROM = 2.0**63
LONGEST_INTEGER = len(str(LARGEST_INTEGER)) + 1
NUL_ESCAPE = b"\\u0000"


class Uncarried:
    """Stands where a value was that cannot be carried on."""

    __slots__ = ()


UNCARRIED = Uncarried()


def parse_fast(body: bytes) -> Any | None:
    """The JSON of a body that holds nothing suspicious; None if it has to be read patiently.

    Larger integers have become floats, which `is_distorted` tells.
    """
    if NUL_ESCAPE in body:
        return None
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def parse_patiently(body: bytes) -> Any:
    """The JSON of any body. Raises MalformedAnswer.

    UNCARRIED stands for numbers that cannot be carried, lone surrogates for bytes that are not
    UTF-8; `clean` takes both out.
    """
    text = body.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    try:
        return json.loads(
            text,
            strict=False,
            parse_int=_integer,
            parse_float=_number,
            parse_constant=lambda _: UNCARRIED,
        )
    except (ValueError, RecursionError) as error:
        raise MalformedAnswer("The provider's answer is not JSON, or was cut short") from error


def is_distorted(number: float) -> bool:
    """Whether a float may have been an integer too large for the fast library."""
    return abs(number) >= DISTORTED_FROM


def clean(value: Any) -> Any:
    """The value without what cannot be carried; UNCARRIED if nothing is left of it."""
    if isinstance(value, str):
        return value if is_carried(value) else UNCARRIED
    if isinstance(value, dict):
        kept = {name: clean(inner) for name, inner in value.items() if is_carried(name)}
        return {name: inner for name, inner in kept.items() if inner is not UNCARRIED}
    if isinstance(value, list):
        return [inner for inner in map(clean, value) if inner is not UNCARRIED]
    return value


def is_carried(text: str) -> bool:
    """Whether PostgreSQL and every JSON library take it: no NUL, no half of a surrogate pair."""
    if "\x00" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _integer(text: str) -> int | Uncarried:
    if len(text) > LONGEST_INTEGER:
        return UNCARRIED
    number = int(text)
    return number if SMALLEST_INTEGER <= number <= LARGEST_INTEGER else UNCARRIED


def _number(text: str) -> float | Uncarried:
    number = float(text)
    return UNCARRIED if number in (float("inf"), float("-inf")) else number
