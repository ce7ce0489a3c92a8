"""Questions to a hub: the query of a GET understood, and the tokens that lead to further pages."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from daemon.admin.messages import check_members, refuse, whole_number
from daemon.connectors import ceql
from daemon.connectors.connector import Query

LARGEST_PAGE = 1000
FURTHEST_ROW = 10_000
"""How far pages reach by number; what lies behind, and better everything, is read by token."""
MOST_FIELDS = 200
_PARAMETERS = ("where", "fields", "page", "pageSize", "nextPage")


@dataclass(frozen=True, slots=True, kw_only=True)
class HubQuestion:
    """One page of a hub resource: `take` rows behind `skip` others, or on from the query's key.

    `signature` stands for what is listed: a token is good for that alone.
    """

    query: Query
    skip: int
    take: int
    signature: str

    def token(self, page_key: str | None) -> str | None:
        """What `nextPage` takes to go on at this key of the provider's."""
        if page_key is None:
            return None
        return base64.urlsafe_b64encode(orjson.dumps([self.signature, page_key])).decode()


def parse_question(resource: str, given: Mapping[str, str], page_size: int) -> HubQuestion:
    """The question that the parameters of a query ask. Raises InvalidInput."""
    check_members(given, _PARAMETERS)
    where = given.get("where", "").strip()
    size = whole_number(given, "pageSize", default=page_size, maximum=LARGEST_PAGE)
    number = whole_number(given, "page", default=1, maximum=FURTHEST_ROW)
    if number * size > FURTHEST_ROW:
        raise refuse("page", f"reaches beyond {FURTHEST_ROW} rows: go on by nextPage")
    signature = _signature(resource, where)
    token = given.get("nextPage", "")
    if token and number != 1:
        raise refuse("page", "cannot be given together with nextPage")
    query = Query(
        resource=resource,
        where=parse_where(where),
        fields=parse_fields(given),
        page_key=_page_key(token, signature) if token else None,
    )
    return HubQuestion(query=query, skip=(number - 1) * size, take=size, signature=signature)


def parse_where(text: str) -> ceql.Expression | None:
    """The condition, None for an empty one. Raises InvalidInput."""
    if not text:
        return None
    try:
        return ceql.parse(text)
    except ceql.CeqlError as error:
        raise refuse("where", str(error)) from error


def parse_fields(given: Mapping[str, str]) -> tuple[str, ...] | None:
    """The names in `fields`, None for those that are read by default. Raises InvalidInput."""
    names = tuple(name.strip() for name in given.get("fields", "").split(",") if name.strip())
    if len(names) > MOST_FIELDS:
        raise refuse("fields", f"names more than {MOST_FIELDS} fields")
    return names or None


def _signature(resource: str, where: str) -> str:
    return hashlib.blake2b(f"{resource}\n{where}".encode(), digest_size=8).hexdigest()


def _page_key(token: str, signature: str) -> str:
    try:
        content = orjson.loads(base64.b64decode(token.encode(), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        content = None
    match content:
        case [str(given), str(page_key)] if given == signature:
            return page_key
    raise refuse("nextPage", "is not a token that a page of this resource and where has given")
