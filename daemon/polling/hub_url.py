"""PURE: the `url` of a polled resource: a hub path and its query, raw or percent-encoded."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from urllib.parse import quote, unquote, unquote_plus

from daemon.connectors import ceql
from daemon.errors import PollhookError
from daemon.polling import macros
from daemon.polling.macros import Macro

_PATH = re.compile(r"(?:/elements/api-v2)?/?hubs/(?P<hub>[^/]+)/(?P<resource>[\w.\-]+)/?")
_NEXT_PARAMETER = re.compile(r"&(?=[A-Za-z_][\w.\-]*=)")
_NEVER_IN_ENCODED = re.compile(r"[\s<>{}\"]")
_STRAY_END = re.compile(r"(?:\}|%7D)(?:'|%27)?\Z", re.IGNORECASE)
_BRACES = re.compile(r"(?P<opening>\{|%7B)|\}|%7D", re.IGNORECASE)
_PARAMETERS = ("where", "fields", "page", "pageSize")
_LONGEST = 10_000
_HARMLESS_BESIDE_MACRO = re.compile(r"[T ]?[0:.]*(?:Z|[+-]00:?00)?")
_LOWER_BOUNDS = (ceql.Operator.GREATER, ceql.Operator.GREATER_OR_EQUAL)

_Decode = Callable[[str], str]


class HubUrlError(PollhookError):
    """A poller URL cannot be used: refuse the configuration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HubUrl:
    """What a poller URL asks for; `page_size` is as written.

    Macros in `where` are opaque parts of templates, each alone on the right of `>` or `>=`.
    """

    resource: str
    where: ceql.Expression | None = None
    fields: tuple[str, ...] | None = None
    page_size: str | None = None


def parse_hub_url(text: str, hub: str) -> HubUrl:
    """Reads a poller URL such as `/hubs/crm/contacts?where=LastModifyDate>'${date:...}'`.

    It is tried as written and percent-decoded, then without the stray `}'` that shipped
    configurations have at the end. Raises HubUrlError with the reason of the first reading.
    """
    if len(text) > _LONGEST:
        raise HubUrlError(f"the url is longer than {_LONGEST} characters")
    failures: list[PollhookError] = []
    for spelling in _spellings(text.strip()):
        path, _, query = spelling.partition("?")
        for decode in _decodings(query):
            try:
                return _read(_resource(path, hub), query, decode)
            except PollhookError as error:
                failures.append(error)
    raise HubUrlError(str(failures[0])) from failures[0]


def write_hub_url(url: HubUrl, hub: str) -> str:
    """The percent-encoded spelling that `parse_hub_url` reads back to the same."""
    given = {
        "where": ceql.render(url.where) if url.where else None,
        "fields": ",".join(url.fields) if url.fields else None,
        "pageSize": url.page_size,
    }
    query = "&".join(f"{name}={quote(text, safe='')}" for name, text in given.items() if text)
    return f"/hubs/{hub}/{url.resource}" + (f"?{query}" if query else "")


def _spellings(text: str) -> Iterator[str]:
    yield text
    closings = [brace["opening"] is None for brace in _BRACES.finditer(text)]
    if _STRAY_END.search(text) and sum(closings) > len(closings) / 2:
        trimmed = _STRAY_END.sub("", text)
        yield from (trimmed, trimmed + "'")


def _decodings(query: str) -> list[_Decode]:
    decoded: list[_Decode] = [partial(unquote, errors="strict"), unquote_plus]
    is_raw = _NEVER_IN_ENCODED.search(query) is not None
    return [str, *decoded] if is_raw or not query else decoded


def _read(resource: str, query: str, decode: _Decode) -> HubUrl:
    given = _parameters(query, decode)
    if given.get("page", "1") != "1":
        raise HubUrlError("the url asks for one page, but polling reads them all: leave 'page' out")
    fields = tuple(name.strip() for name in given.get("fields", "").split(",") if name.strip())
    return HubUrl(
        resource=resource,
        where=_where(given["where"]) if "where" in given else None,
        fields=fields or None,
        page_size=given.get("pageSize"),
    )


def _resource(path: str, hub: str) -> str:
    found = _PATH.fullmatch(unquote(path))
    if found is None or found["hub"] != hub:
        raise HubUrlError(
            f"the url must be a path of this element's hub, such as /hubs/{hub}/contacts"
        )
    return found["resource"]


def _parameters(query: str, decode: _Decode) -> Mapping[str, str]:
    names = {name.lower(): name for name in _PARAMETERS}
    given: dict[str, str] = {}
    for parameter in filter(None, _NEXT_PARAMETER.split(query)):
        written, _, text = parameter.partition("=")
        name = names.get(written.strip().lower())
        if name is None:
            near = get_close_matches(written[:40].lower(), names, n=1)
            hint = (
                f"did you mean '{names[near[0]]}'?" if near else f"known: {', '.join(_PARAMETERS)}"
            )
            raise HubUrlError(f"the url has the unknown parameter '{written[:40]}' ({hint})")
        if name in given:
            raise HubUrlError(f"the url has the parameter '{name}' twice")
        given[name] = _decoded(text, decode).strip()
    return {name: text for name, text in given.items() if text}


def _decoded(text: str, decode: _Decode) -> str:
    try:
        return decode(text)
    except UnicodeDecodeError:
        raise HubUrlError("the url is not percent-encoded UTF-8") from None


def _where(text: str) -> ceql.Expression:
    expression = ceql.parse(macros.parse(text))
    has_macro = False
    for leaf in ceql.leaves(expression):
        if isinstance(leaf, ceql.Comparison):
            if isinstance(leaf.value, ceql.Template):
                _check_lower_bound(leaf, leaf.value)
                has_macro = True
        elif _has_template(leaf):
            raise HubUrlError(
                f"the url has a macro in IN or LIKE on '{leaf.field}': it stands after > or >="
            )
    if has_macro and not _is_bounded(expression):
        raise HubUrlError(
            "the url has a macro on one side of an OR only, so that each poll would read everything"
        )
    return expression


def _is_bounded(expression: ceql.Expression) -> bool:
    """Whether only records above some macro's instant meet the condition."""
    if isinstance(expression, ceql.And):
        return any(_is_bounded(condition) for condition in expression.conditions)
    if isinstance(expression, ceql.Or):
        return all(_is_bounded(condition) for condition in expression.conditions)
    return isinstance(expression, ceql.Comparison) and isinstance(expression.value, ceql.Template)


def _check_lower_bound(comparison: ceql.Comparison, value: ceql.Template) -> None:
    if comparison.operator not in _LOWER_BOUNDS:
        raise HubUrlError(
            f"the url has a macro after {comparison.operator} on '{comparison.field}': "
            "it is the start of the poll window and stands after > or >="
        )
    macro, *rest = value.parts
    beside = "".join(part for part in rest if isinstance(part, str))
    alone = isinstance(macro, Macro) and not any(isinstance(part, Macro) for part in rest)
    if not alone or not _HARMLESS_BESIDE_MACRO.fullmatch(beside):
        raise HubUrlError(
            f"the url has text beside the macro in the value of '{comparison.field}', "
            "which could hide changes: put it into the date pattern, in quotes"
        )


def _has_template(leaf: ceql.In | ceql.Like | ceql.IsNull) -> bool:
    values = leaf.values if isinstance(leaf, ceql.In) else (getattr(leaf, "pattern", None),)
    return any(isinstance(value, ceql.Template) for value in values)
