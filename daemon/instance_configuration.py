"""PURE: an instance's configuration as given by a person, made typed values or a list of faults."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson

from daemon import configuration_keys as keys
from daemon.connectors.connector import ConfigurationKey, Element
from daemon.delivery.retry import read_schedule
from daemon.errors import Fault
from daemon.polling.zones import UnknownZone, parse_zone

MASK = "********"
"""What stands for a secret in every answer; sent back, it means the secret that is stored."""

MAXIMUM_INTERVAL_MINUTES = 1_000_000_000
MAXIMUM_TEXT = 65_536
MAXIMUM_HEADERS = 50
MAXIMUM_DEPTH = 20
LARGEST_INTEGER = 2**53 - 1

_STORABLE = re.compile(r"[^\x00\ud800-\udfff]*")
_UNSTORABLE = "holds a character that cannot be stored (NUL or half of a surrogate pair)"
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e]{0,4000}")
_OUR_HEADERS = frozenset(
    {"host", "content-length", "content-type", "transfer-encoding", "connection", "user-agent"}
)
_OUR_PREFIXES = ("elements-webhook-", "webhook-", "elements-replay")


class Refused(ValueError):
    """One value is not what its key needs; the text is the sentence of the fault."""


def parse_configuration(
    given: Mapping[str, Any], element: Element, *, minimum_interval_seconds: float
) -> tuple[Mapping[str, Any], list[Fault]]:
    """The values in their natural types, and everything that is wrong with them by themselves.

    Nulls and empty texts count as not given. `event.poller.configuration` is left as it is.
    """
    known = keys.keys_of(element)
    values: dict[str, Any] = {}
    faults: list[Fault] = []
    for key, value in given.items():
        if value is None or value == "":
            continue
        try:
            values[key] = _parse_value(key, value, known, minimum_interval_seconds)
        except Refused as refused:
            faults.append(Fault(field=key, message=str(refused)))
    return values, faults + list(_contradictions(values, faults))


def enabled(values: Mapping[str, Any]) -> bool:
    """Whether changes are to be polled for and told."""
    return values.get(keys.ENABLED) is True


def restore_masked(given: Mapping[str, Any], stored: Mapping[str, Any]) -> Mapping[str, Any]:
    """The configuration with each mask replaced by the secret it stands for, if any."""
    return {
        key: stored[key] if value == MASK and key in stored else value
        for key, value in given.items()
    }


def property_value(value: object) -> str:
    """A value as the text that `propertyValue` carries."""
    if isinstance(value, str):
        return value
    return orjson.dumps(value).decode()


def why_unstorable(value: object, depth: int = 0) -> str | None:
    """Why PostgreSQL could not keep a JSON value, or None if it can."""
    if isinstance(value, str):
        return None if _STORABLE.fullmatch(value) else _UNSTORABLE
    if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
        return "holds a number of more than 53 bits"
    if not isinstance(value, dict | list):
        return None
    if depth == MAXIMUM_DEPTH:
        return f"is nested more than {MAXIMUM_DEPTH} levels deep"
    inner = [*value.keys(), *value.values()] if isinstance(value, dict) else value
    reasons = (why_unstorable(item, depth + 1) for item in inner)
    return next((reason for reason in reasons if reason), None)


def _parse_value(
    key: str, value: object, known: Mapping[str, ConfigurationKey], floor_seconds: float
) -> Any:
    if reason := why_unstorable(value):
        raise Refused(reason)
    if key not in known:
        return _parse_unknown(key, value, known)
    if value == MASK:
        raise Refused("is the mask of a secret, and there is no secret stored to keep")
    if key == keys.REFRESH_INTERVAL:
        return _interval(value, floor_seconds)
    if parse := _PARSERS.get(key):
        return parse(value)
    if key in keys.CHOICES:
        return _choice(value, keys.CHOICES[key])
    return _boolean(value) if known[key].type == "BOOLEAN" else _text(value)


def _parse_unknown(key: str, value: object, known: Mapping[str, ConfigurationKey]) -> Any:
    if keys.is_without_effect(key):
        return value if isinstance(value, str | int | float) else property_value(value)
    near = difflib.get_close_matches(key, known, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise Refused(f"is not a known configuration key{hint}")


def _text(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Refused("has to be a text")
    text = str(value)
    if len(text) > MAXIMUM_TEXT:
        raise Refused(f"is longer than {MAXIMUM_TEXT} characters")
    return text


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return value.strip().lower() == "true"
    raise Refused("has to be true or false")


def _choice(value: object, choices: tuple[str, ...]) -> str:
    text = _text(value).strip().lower()
    if text not in choices:
        raise Refused(f"has to be {' or '.join(choices)}")
    return text


def _interval(value: object, floor_seconds: float) -> float:
    minutes = _number(value)
    if minutes * 60 < floor_seconds:
        raise Refused(
            f"is below the floor of {floor_seconds:g} s between polls"
            f" ({floor_seconds / 60:.4g} minutes; polling.minimum_interval_seconds)"
        )
    if minutes > MAXIMUM_INTERVAL_MINUTES:
        raise Refused(f"is above {MAXIMUM_INTERVAL_MINUTES} minutes")
    return minutes


def _number(value: object) -> float:
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Refused("has to be a number of minutes")
    return int(value) if value == int(value) else float(value)


def _zone(value: object) -> str:
    text = _text(value).strip()
    try:
        parse_zone(text)
    except UnknownZone as error:
        raise Refused(str(error)) from error
    return text


def _address(value: object) -> str:
    text = _text(value).strip()
    if not re.match(r"https?://[^/\s]", text, re.IGNORECASE):
        raise Refused("has to be an http or https address")
    return text


def _user_name(value: object) -> str:
    text = _text(value)
    if ":" in text:  # RFC 7617: the rest would be taken for the password
        raise Refused("may not hold a colon")
    return text


def _headers(value: object) -> Mapping[str, str]:
    content = _decoded(value)
    if not isinstance(content, dict) or len(content) > MAXIMUM_HEADERS:
        raise Refused(f"has to be a JSON object of at most {MAXIMUM_HEADERS} headers")
    for name, text in content.items():
        _check_header(name, text)
    if len({name.lower() for name in content}) < len(content):
        raise Refused("names a header twice: upper and lower case are the same")
    return content


def _check_header(name: str, value: object) -> None:
    if not _HEADER_NAME.fullmatch(name):
        raise Refused(f"has a name that no header can have: {name[:60]!r}")
    if name.lower() in _OUR_HEADERS or name.lower().startswith(_OUR_PREFIXES):
        raise Refused(f"may not replace the header {name}, which each notification has already")
    if not isinstance(value, str) or not _HEADER_VALUE.fullmatch(value):
        raise Refused(f"has a value for {name} that is not one line of printable ASCII text")


def _schedule(value: object) -> list[float]:
    is_plain = isinstance(value, str) and not value.strip().startswith("[")
    try:
        return read_schedule(_decoded(f"[{value}]" if is_plain else value))
    except ValueError as error:
        raise Refused(str(error)) from error


def _unchanged(value: object) -> object:
    """Read where the element's resources are known, as JSON or its text."""
    return value


def _decoded(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        content: object = orjson.loads(value)
    except ValueError as error:
        raise Refused(f"is a text that is not JSON ({error})") from error
    if reason := why_unstorable(content):
        raise Refused(reason)
    return content


_PARSERS: Mapping[str, Callable[[object], Any]] = {
    keys.CALLBACK_URL: _address,
    keys.CALLBACK_HEADERS: _headers,
    keys.BASIC_USERNAME: _user_name,
    keys.TIMEZONE: _zone,
    keys.RETRY_SCHEDULE: _schedule,
    keys.POLLER_CONFIGURATION: _unchanged,
}


def _contradictions(values: Mapping[str, Any], faults: list[Fault]) -> Iterator[Fault]:
    refused = {fault.field for fault in faults}
    if enabled(values) and not {keys.CALLBACK_URL} & (values.keys() | refused):
        yield Fault(field=keys.CALLBACK_URL, message=f"is needed because {keys.ENABLED} is true")
    if keys.BASIC_PASSWORD in values and keys.BASIC_USERNAME not in values:
        yield Fault(
            field=keys.BASIC_USERNAME, message=f"is needed because {keys.BASIC_PASSWORD} is given"
        )
