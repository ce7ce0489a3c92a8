"""PURE: what an answer of the Octopus API says: success judged by `Code` alone, rows, page keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from daemon.connectors.connector import Record
from daemon.connectors.maximizer.parsing import parse_fast, parse_patiently
from daemon.connectors.maximizer.records import DistortedError, RecordReader
from daemon.errors import (
    MalformedAnswer,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
    RequestRefused,
    TokenRejected,
)
from daemon.logs import excerpt

# What a refusal means is told by its words alone: `Code` is -1 for nearly everything, a bad token
# included. The first words found decide.
_WORDS: Sequence[tuple[str, type[ProviderError]]] = (
    ("token", TokenRejected),
    ("too many requests", RateLimited),
    ("rate limit", RateLimited),
    ("timed out", ProviderUnavailable),
    ("timeout", ProviderUnavailable),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The records of one page, and every page key found where the next one may stand.

    `page_key_places` names where each of these stood.
    """

    records: Sequence[Record]
    page_keys: Sequence[str]
    page_key_places: Sequence[str] = ()


def read_rows(body: bytes, object_name: str, reader: RecordReader) -> Rows:
    """The rows of a Read. Raises MalformedAnswer, TokenRejected, RequestRefused and others."""
    content = parse_fast(body)
    if content is not None:
        rows = find_data(check(content), object_name)
        try:
            return _rows(reader.read(rows), content, object_name)
        except DistortedError:
            pass
    content = check(parse_patiently(body))
    return _rows(reader.read_patiently(find_data(content, object_name)), content, object_name)


def read_written(body: bytes, object_name: str, reader: RecordReader) -> Record:
    """The object in the answer to a Create or Update. Raises as `read_rows`."""
    section = _section(check(parse_patiently(body)), object_name)
    data = find_member(section, "Data")
    records = reader.read_patiently(data if isinstance(data, list) else [data])
    if len(records) != 1 or records[0].identity is None:
        raise MalformedAnswer(f"The provider's answer does not name the {object_name} it wrote")
    return records[0]


def check_body(body: bytes) -> None:
    """Whether a call without a result succeeded. Raises as `read_rows`."""
    check(parse_patiently(body))


def check(content: Any) -> Mapping[str, Any]:
    """The content of a successful answer. Raises MalformedAnswer, TokenRejected and others."""
    if not isinstance(content, dict):
        raise MalformedAnswer("The provider's answer is not a JSON object")
    code = find_member(content, "Code")
    if isinstance(code, bool) or not isinstance(code, int):
        raise MalformedAnswer("The provider's answer has no Code that tells whether it succeeded")
    if code < 0:
        raise _refusal(code, _messages(content))
    return content


def find_data(content: Mapping[str, Any], object_name: str) -> Sequence[Any]:
    """The rows about one object as they came. Raises MalformedAnswer and others."""
    rows = find_member(_section(content, object_name), "Data")
    if not isinstance(rows, list):
        raise MalformedAnswer("The provider's answer has no list of rows")
    return rows


def find_page_keys(content: Mapping[str, Any], object_name: str) -> Mapping[str, str]:
    """Keys by where they stood: in every place where the next page's may be, the likeliest first.

    No documentation says where that is.
    """
    places = {**_places(object_name, _section(content, object_name)), **_places("", content)}
    return {
        f"{place}{name}": key
        for name in ("NextPageKey", "PageKey")
        for place, part in places.items()
        if isinstance(key := find_member(part, name), str) and key
    }


def find_member(part: Mapping[str, Any], name: str) -> Any:
    """A member in whatever casing it is answered: the service echoes that of the request."""
    if name in part:
        return part[name]
    wanted = name.casefold()
    return next((value for key, value in part.items() if key.casefold() == wanted), None)


def _rows(records: Sequence[Record], content: Mapping[str, Any], object_name: str) -> Rows:
    keys = find_page_keys(content, object_name)
    return Rows(records=records, page_keys=list(keys.values()), page_key_places=list(keys))


def _refusal(code: int, messages: Sequence[str]) -> ProviderError:
    words = excerpt("; ".join(messages)) or f"Code {code} without a message"
    lowered = words.casefold()
    kind = next((kind for word, kind in _WORDS if word in lowered), RequestRefused)
    return kind(f"The provider refused: {words}", status=200, provider_message=words)


def _messages(content: Mapping[str, Any]) -> Sequence[str]:
    """The texts of `Msg`, whose items are texts or objects with a message and a code."""
    told = find_member(content, "Msg")
    return [_message(item) for item in (told if isinstance(told, list) else [told]) if item]


def _message(item: Any) -> str:
    if not isinstance(item, dict):
        return str(item)
    text, code = find_member(item, "Message"), find_member(item, "ErrorCode")
    return f"{text or 'no message'}{f' ({code})' if code is not None else ''}"


def _section(content: Mapping[str, Any], object_name: str) -> Mapping[str, Any]:
    """The part about one object. An answer without it is a fault, never an empty page."""
    section = find_member(content, object_name)
    if not isinstance(section, dict):
        raise MalformedAnswer(f"The provider's answer says nothing about {object_name}")
    code = find_member(section, "Code")
    if isinstance(code, int) and code < 0:
        raise _refusal(code, _messages(section))
    return section


def _places(name: str, part: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    here = f"{name}." if name else ""
    places = {here: part}
    order = find_member(part, "OrderBy")
    if isinstance(order, dict):
        places[f"{here}OrderBy."] = order
    return places
