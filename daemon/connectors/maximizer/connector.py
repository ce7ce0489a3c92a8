"""Maximizer as a connector: everything the product asks of it, put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from daemon.connectors.budget import Budgets, Priority
from daemon.connectors.connector import (
    UNSTORED,
    Account,
    Element,
    Grant,
    Page,
    Query,
    Record,
    Tokens,
    TokenSource,
)
from daemon.connectors.facts import FieldFacts, PagingFacts
from daemon.connectors.maximizer.addresses import Addresses
from daemon.connectors.maximizer.answers import check_body, read_written
from daemon.connectors.maximizer.authorization import MaximizerAuthorization
from daemon.connectors.maximizer.discovery import Discovery
from daemon.connectors.maximizer.element import ELEMENT
from daemon.connectors.maximizer.examination import examine_paging
from daemon.connectors.maximizer.octopus import Call, Line, Octopus
from daemon.connectors.maximizer.questions import create_body, delete_body, update_body
from daemon.connectors.maximizer.reader import OctopusReader, Question
from daemon.connectors.maximizer.records import RecordReader
from daemon.connectors.maximizer.resources import RESOURCES, Resource
from daemon.connectors.maximizer.schemas import Schemas, Tenant
from daemon.errors import CredentialsRefused, NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class MaximizerParts:
    """What a connector is made of; `tokens` gives each account's."""

    addresses: Addresses
    authorization: MaximizerAuthorization
    discovery: Discovery
    octopus: Octopus
    budgets: Budgets
    tokens: TokenSource
    now: Callable[[], datetime]


class MaximizerConnector:
    """See Connector."""

    element: Element = ELEMENT

    def __init__(self, parts: MaximizerParts) -> None:
        self._parts = parts
        self._reader = OctopusReader(parts.octopus, parts.now)
        self._schemas = Schemas(parts.octopus, self._reader, parts.now)

    def authorize_url(self, configuration: Mapping[str, Any], state: str) -> str:
        return self._parts.authorization.authorize_url(configuration, state)

    def check_configuration(self, configuration: Mapping[str, Any]) -> None:
        self._parts.authorization.check(configuration)

    def budget_key(self, configuration: Mapping[str, Any]) -> str:
        return self._parts.addresses.account_key(configuration)

    def calls_left(self, configuration: Mapping[str, Any], *, background: bool = False) -> int:
        budget = self._parts.budgets.of(self.budget_key(configuration))
        return budget.remaining_for(Priority.BACKGROUND if background else Priority.LIVE)

    @property
    def calls_per_hour(self) -> float:
        return self._parts.budgets.calls_per_hour

    def api_address(self, configuration: Mapping[str, Any]) -> str:
        return self._parts.addresses.api(configuration).url

    async def discover(self, configuration: Mapping[str, Any]) -> str | None:
        return await self._parts.discovery.find_api(configuration)

    async def exchange(self, configuration: Mapping[str, Any], code: str) -> Grant:
        return await self._parts.authorization.exchange(configuration, code)

    async def refresh(self, configuration: Mapping[str, Any], refresh_token: str) -> Grant:
        return await self._parts.authorization.refresh(configuration, refresh_token)

    async def verify(self, configuration: Mapping[str, Any]) -> None:
        token = self._parts.authorization.fixed_token(configuration)
        if token is not None:
            line = self._line(configuration, _Untried(token))
            call = Call(method="TokenValid", body=b"{}", repeatable=True)
            await self._parts.octopus.ask(line, call, lambda answer: check_body(answer.body))

    async def read(self, account: Account, query: Query) -> Page:
        return await self._reader.read(self._question(account, query))

    async def read_one(
        self, account: Account, resource: str, key: str, *, like: Query | None = None
    ) -> Record | None:
        asked = like or Query(resource=resource)
        return await self._reader.read_one(self._question(account, asked), key)

    async def describe(self, account: Account, resource: str) -> Mapping[str, FieldFacts]:
        tenant = Tenant(
            account=account,
            account_key=self.budget_key(account.configuration),
            line=self._line_of(account),
        )
        return await self._schemas.describe(tenant, _resource(resource))

    async def examine_paging(self, account: Account, query: Query) -> PagingFacts:
        return await examine_paging(self._reader, self._question(account, query))

    async def create(self, account: Account, resource: str, fields: Mapping[str, Any]) -> Record:
        target = _resource(resource)
        return await self._write(account, target, "Create", create_body(target, fields))

    async def update(
        self, account: Account, resource: str, key: str, fields: Mapping[str, Any]
    ) -> Record:
        target = _resource(resource)
        return await self._write(account, target, "Update", update_body(target, key, fields))

    async def delete(self, account: Account, resource: str, key: str) -> None:
        call = Call(method="Delete", body=delete_body(_resource(resource), key))
        line = self._line_of(account)
        await self._parts.octopus.ask(line, call, lambda answer: check_body(answer.body))

    async def _write(
        self, account: Account, resource: Resource, method: str, body: bytes
    ) -> Record:
        reader = RecordReader(resource.scope)
        return await self._parts.octopus.ask(
            self._line_of(account),
            Call(method=method, body=body),
            lambda answer: read_written(answer.body, resource.object_name, reader),
        )

    def _question(self, account: Account, query: Query) -> Question:
        key = self.budget_key(account.configuration)
        resource = self._schemas.narrowed(account, key, _resource(query.resource))
        return Question.of(self._line_of(account), key, resource, query)

    def _line_of(self, account: Account) -> Line:
        configuration = account.configuration
        fixed = self._parts.authorization.fixed_token(configuration)
        if fixed is not None and account.instance_id == UNSTORED:
            return self._line(configuration, _Untried(fixed))
        return self._line(configuration, self._parts.tokens(account))

    def _line(self, configuration: Mapping[str, Any], tokens: Tokens) -> Line:
        return Line(
            api=self._parts.addresses.api(configuration),
            tokens=tokens,
            budget=self._parts.budgets.of(self.budget_key(configuration)),
        )


class _Untried:
    """A token that a person has just given: rejected, it is the person's mistake."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def current(self) -> tuple[str, int]:
        return self._token, 0

    async def renew(self, _generation: int, /) -> tuple[str, int]:
        raise CredentialsRefused("The provider does not accept the access token")

    def accept(self, _generation: int, /) -> None:
        return None


def _resource(name: str) -> Resource:
    resource = RESOURCES.get(name)
    if resource is None:
        raise NotFound(f"There is no resource {name}")
    return resource
