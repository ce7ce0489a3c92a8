"""The body of a call that makes or alters an instance: its shape, before its meaning."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from daemon.errors import Fault
from daemon.instance_configuration import why_unstorable

MAXIMUM_NAME = 255
MAXIMUM_TAGS = 50

_MEANT = frozenset({"element", "name", "tags", "configuration", "providerData", "onFilterChange"})
_ANSWERED = frozenset(
    {
        "id",
        "token",
        "createdDate",
        "updatedDate",
        "elementId",
        "provisionInteractions",
        "valid",
        "disabled",
        "maxCacheSize",
        "cacheTimeToLive",
        "eventsEnabled",
        "traceLoggingEnabled",
        "cachingEnabled",
        "externalAuthentication",
        "declared",
        "user",
        "state",
        "stateReason",
        "stateSince",
    }
)
"""What an instance object holds besides; clients that read before they write send it back."""


class OnFilterChange(StrEnum):
    """What becomes of a cursor when its filter, id field, date field or zone changes.

    KEEP: polling goes on from it. REWIND: it goes back to the baseline. BASELINE: a new baseline is
    read.
    """

    KEEP = "keep"
    REWIND = "rewind"
    BASELINE = "baseline"


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceBody:
    """What a body says; None for what it does not mention."""

    element: str | None
    name: str | None
    tags: Sequence[str] | None
    configuration: Mapping[str, Any] | None = field(repr=False)
    code: str | None = field(repr=False)
    refresh_token: str | None = field(repr=False)
    on_filter_change: OnFilterChange | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alteration:
    """A body applied to an instance: `merge` keeps the configuration keys that it leaves out."""

    body: InstanceBody
    faults: Sequence[Fault]
    merge: bool


def parse_body(content: Mapping[str, Any]) -> tuple[InstanceBody, list[Fault]]:
    """The body, and everything that is wrong with its shape."""
    faults = [_unknown(key) for key in content if key not in _MEANT | _ANSWERED]
    provider_data = _mapping(content, "providerData", faults) or {}
    body = InstanceBody(
        element=_element(content, faults),
        name=_name(content, faults),
        tags=_tags(content, faults),
        configuration=_mapping(content, "configuration", faults),
        code=_provider_text(provider_data, "code", faults),
        refresh_token=_provider_text(provider_data, "refresh_token", faults),
        on_filter_change=_on_filter_change(content, faults),
    )
    return body, faults


def _unknown(key: str) -> Fault:
    near = difflib.get_close_matches(key, _MEANT, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return Fault(field=key[:60], message=f"is not a known key of an instance{hint}")


def _element(content: Mapping[str, Any], faults: list[Fault]) -> str | None:
    element = content.get("element")
    if element is None:
        return None
    if isinstance(element, dict):
        element = element.get("key") or element.get("id")
    if isinstance(element, bool) or not isinstance(element, str | int):
        faults.append(Fault(field="element", message="has to name an element by key or id"))
        return None
    return str(element)


def _name(content: Mapping[str, Any], faults: list[Fault]) -> str | None:
    name = content.get("name")
    if name is None:
        return None
    if not isinstance(name, str) or not name.strip() or len(name) > MAXIMUM_NAME:
        faults.append(
            Fault(field="name", message=f"has to be a text of 1 to {MAXIMUM_NAME} characters")
        )
    elif reason := why_unstorable(name):
        faults.append(Fault(field="name", message=reason))
    return str(name)


def _tags(content: Mapping[str, Any], faults: list[Fault]) -> Sequence[str] | None:
    """A list of texts; also one text, and the objects with a name that old clients send."""
    given = content.get("tags")
    if given is None:
        return None
    listed = given if isinstance(given, list) else [given]
    tags = [tag.get("name") if isinstance(tag, dict) else tag for tag in listed]
    if len(tags) > MAXIMUM_TAGS or not all(_is_tag(tag) for tag in tags):
        faults.append(
            Fault(
                field="tags",
                message=f"has to be a list of at most {MAXIMUM_TAGS} texts"
                f" of 1 to {MAXIMUM_NAME} characters",
            )
        )
        return ()
    return list(dict.fromkeys(str(tag) for tag in tags))


def _is_tag(tag: object) -> bool:
    return isinstance(tag, str) and 1 <= len(tag) <= MAXIMUM_NAME and not why_unstorable(tag)


def _on_filter_change(content: Mapping[str, Any], faults: list[Fault]) -> OnFilterChange | None:
    value = content.get("onFilterChange")
    if value is None:
        return None
    try:
        return OnFilterChange(value)
    except ValueError:
        choices = " or ".join(OnFilterChange)
        faults.append(Fault(field="onFilterChange", message=f"has to be {choices}"))
        return None


def _mapping(content: Mapping[str, Any], key: str, faults: list[Fault]) -> Mapping[str, Any] | None:
    value = content.get(key)
    if value is None or isinstance(value, dict):
        return value
    faults.append(Fault(field=key, message="has to be a JSON object"))
    return None


def _provider_text(data: Mapping[str, Any], key: str, faults: list[Fault]) -> str | None:
    value = data.get(key)
    if value is None or (isinstance(value, str) and value.strip()):
        return value
    faults.append(Fault(field=f"providerData.{key}", message="has to be a text that is not empty"))
    return None
