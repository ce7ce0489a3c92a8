"""The schemas of tenants: read when first needed, remembered for an hour, and what they narrow."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType

import structlog

from daemon.connectors.connector import UNSTORED, Account, Query
from daemon.connectors.facts import FieldFacts
from daemon.connectors.maximizer.octopus import Call, Line, Octopus
from daemon.connectors.maximizer.paging import told_key
from daemon.connectors.maximizer.reader import OctopusReader, Question
from daemon.connectors.maximizer.resources import KEY, Resource, Scope
from daemon.connectors.maximizer.schema import SchemaPage, read_schema, schema_body
from daemon.errors import MalformedAnswer, RequestRefused

log = structlog.get_logger(__name__)

REMEMBERED_FOR = timedelta(hours=1)
MOST_REMEMBERED = 10_000
MOST_PAGES = 100

Facts = Mapping[str, FieldFacts]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Remembered:
    """What was read, and what it means for questions: fields to leave out, keys to sort by."""

    facts: Facts
    read_at: datetime
    missing: frozenset[str]
    sorts_by_key: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """Whose schema is meant; `account_key` is what shares a rate budget."""

    account: Account
    account_key: str
    line: Line


class Schemas:
    """Reads schemas through Octopus."""

    def __init__(
        self, octopus: Octopus, reader: OctopusReader, now: Callable[[], datetime]
    ) -> None:
        self._octopus = octopus
        self._reader = reader
        self._now = now
        self._remembered: OrderedDict[tuple[int, str, str], _Remembered] = OrderedDict()

    async def describe(self, tenant: Tenant, resource: Resource) -> Facts:
        """The fields of a resource's records. Raises ProviderError; see Connector."""
        place = _place(tenant.account, tenant.account_key, resource)
        known = self._remembered.get(place)
        if known is not None and abs(self._now() - known.read_at) < REMEMBERED_FOR:
            return known.facts
        facts = await self._read(tenant.line, resource.object_name)
        missing = _absent(resource.scope, facts)
        if missing and await self._has(tenant, resource, missing):
            raise MalformedAnswer(
                f"The schema of {resource.object_name} leaves out fields that its records have"
            )
        if tenant.account.instance_id != UNSTORED:
            self._remember(place, facts, missing)
        return facts

    def narrowed(self, account: Account, account_key: str, resource: Resource) -> Resource:
        """The resource as this tenant has it, as far as its schema was read."""
        known = self._remembered.get(_place(account, account_key, resource))
        if known is None or (known.sorts_by_key and not known.missing):
            return resource
        scope = {name: parts for name, parts in resource.scope.items() if name not in known.missing}
        return replace(resource, scope=MappingProxyType(scope), sorts_by_key=known.sorts_by_key)

    async def _read(self, line: Line, object_name: str) -> Facts:
        facts: dict[str, FieldFacts] = {}
        page_key: str | None = None
        for _ in range(MOST_PAGES):
            page = await self._page(line, object_name, page_key)
            facts |= page.facts
            page_key = told_key(page_key, page.page_keys) if page.facts else None
            if page_key is None:
                break
        if not facts:
            raise MalformedAnswer(f"The provider tells no schema of {object_name}")
        return MappingProxyType(facts)

    async def _page(self, line: Line, object_name: str, page_key: str | None) -> SchemaPage:
        call = Call(method="Read", body=schema_body(object_name, page_key), repeatable=True)
        return await self._octopus.ask(
            line, call, lambda answer: read_schema(answer.body, object_name)
        )

    async def _has(self, tenant: Tenant, resource: Resource, missing: frozenset[str]) -> bool:
        """Whether records come with these fields, although the schema does not list them."""
        query = Query(resource=resource.name, fields=sorted(missing), page_size=1)
        question = Question.of(tenant.line, tenant.account_key, resource, query)
        try:
            page = await self._reader.read(question)
        except RequestRefused:
            return False
        return bool(page.records)

    def _remember(self, place: tuple[int, str, str], facts: Facts, missing: frozenset[str]) -> None:
        key = next(
            (fact for name, fact in facts.items() if name.casefold() == KEY.casefold()), None
        )
        self._remembered[place] = _Remembered(
            facts=facts,
            read_at=self._now(),
            missing=missing,
            sorts_by_key=key is None or key.sortable,
        )
        self._remembered.move_to_end(place)
        if len(self._remembered) > MOST_REMEMBERED:
            self._remembered.popitem(last=False)
        if missing:
            log.info("provider.fields_left_out", object=place[2], fields=sorted(missing))


def _place(account: Account, account_key: str, resource: Resource) -> tuple[int, str, str]:
    return account.instance_id, account_key, resource.object_name


def _absent(scope: Scope, facts: Facts) -> frozenset[str]:
    """The fields of a scope that a schema does not list, neither themselves nor parts of them."""
    paths = [path.casefold() for path in facts]
    known = {path.partition("/")[0] for path in paths}
    return frozenset(name for name in scope if name != KEY and name.casefold() not in known)
