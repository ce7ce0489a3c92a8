"""What a provider must offer to be polled: the Connector protocol and the nouns it speaks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from daemon.connectors.ceql import Expression
from daemon.connectors.facts import FieldFacts, PagingFacts
from daemon.instance import InstanceId


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationKey:
    """One entry of an element's `configuration[]`: what an instance may or must name."""

    key: str
    name: str
    type: str = "TEXTFIELD_1000"
    required: bool = False
    secret: bool = False
    default_value: str | None = None
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceSpec:
    """One hub resource of an element: where its records come from and how they are dated.

    `default` says whether it is polled when an instance names no resources. `refusal` is the reason
    in words why it cannot be polled at all, None if it can. `fields` are read by default;
    `projection` is raised whenever what is compared of a field changes its form.
    """

    name: str
    id_field: str
    updated_field: str | None
    updated_format: str
    created_field: str | None
    default: bool = False
    refusal: str | None = None
    fields: tuple[str, ...] = ()
    projection: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """What `GET /elements` tells about a provider."""

    key: str
    id: int
    name: str
    hub: str
    description: str
    authentication: str
    configuration: tuple[ConfigurationKey, ...]
    resources: Mapping[str, ResourceSpec]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, weakref_slot=True)
class Account:
    """One instance's way to its provider: resolved settings, and the secrets it was given.

    `configuration` has every key of the instance, secrets included; never log or answer it. Tokens
    are remembered for as long as the object lives, so make a new one after any change by a person.
    """

    instance_id: InstanceId
    configuration: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One sort key."""

    name: str
    descending: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One page of a hub resource to be read. `where` has no macros left, only literals.

    Without `order`, the resource's modification date and key are it. `fields` replaces the fields
    that are read by default, `also` adds to what is read, not to what is compared. `id_field` (a
    dotted path) says what identifies a record where that is not the resource's own id field.
    `background` work leaves a reserve of the rate budget to live polling. `likeness` is that of a
    page read before: if the answer is the same again, byte for byte, the page comes `alike`,
    without its records.
    """

    resource: str
    where: Expression | None = None
    order: Sequence[Order] = ()
    page_size: int = 100
    page_key: str | None = None
    fields: Sequence[str] | None = None
    also: Sequence[str] = ()
    id_field: str | None = None
    background: bool = False
    likeness: object = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One object as read.

    `identity` is what makes it the same object for ever, `key` its text for people and `objectId`;
    both None if the record carries no usable id. `raw` is what is told, `content` what is compared:
    without nulls and display-only fields, keys by identity. `poison` says in words what had to be
    left out of `raw` because it cannot be carried.
    """

    identity: str | None
    key: str | None
    raw: Mapping[str, Any]
    content: Mapping[str, Any]
    poison: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What one call returned. `next_key` is None on the last page.

    `provider_time` is the provider's `Date` at the moment of asking (its header less the duration
    of the call), or our clock where it sends none. `complete` is true when fewer rows came than
    were asked for, so that nothing lies behind. `clock_skew` is how far the provider's clock was
    ahead of ours, None where it does not tell its time. `likeness` is what the connector knows the
    page again by, of use to nobody else; None if it cannot.
    """

    records: Sequence[Record]
    next_key: str | None
    complete: bool
    provider_time: datetime
    clock_skew: timedelta | None = None
    likeness: object = None
    alike: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Tokens as a provider gave them. `refresh_at` is when to renew unasked, `expires_at` when the
    access token ends; None if unknown."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    refresh_at: datetime | None = None
    expires_at: datetime | None = None


class Tokens(Protocol):
    """The access token of one instance, kept fresh: what a connector needs for a call."""

    async def current(self) -> tuple[str, int]:
        """The token to use and its generation. Raises CredentialsRefused, ProviderUnavailable."""

    async def renew(self, generation: int, /) -> tuple[str, int]:
        """A token of a newer generation than the one that was rejected.

        Raises CredentialsRefused, ProviderUnavailable, RateLimited, and TokenRejected if that one
        is fresh and was never accepted: yet another would fare no better.
        """

    def accept(self, generation: int, /) -> None:
        """The provider answered a call made with this generation's token."""


class Connector(Protocol):
    """One provider. Adding an element means writing one of these and registering it."""

    element: Element

    def authorize_url(self, configuration: Mapping[str, Any], state: str) -> str:
        """Where a person is sent for consent. Raises InvalidInput if a part of it is missing."""

    def check_configuration(self, configuration: Mapping[str, Any]) -> None:
        """All that can be said without a call. Raises InvalidInput naming every key."""

    def budget_key(self, configuration: Mapping[str, Any]) -> str:
        """What shares one rate budget: the resolved API address and the account."""

    def calls_left(self, configuration: Mapping[str, Any], *, background: bool = False) -> int:
        """Calls that this rate budget allows at once; in the background it keeps a reserve."""

    def api_address(self, configuration: Mapping[str, Any]) -> str:
        """Where the API is called."""

    @property
    def calls_per_hour(self) -> float:
        """Calls that one account's rate budget allows in an hour."""

    async def exchange(self, configuration: Mapping[str, Any], code: str) -> Grant:
        """The tokens for a grant code. Raises CredentialsRefused, ProviderUnavailable."""

    async def refresh(self, configuration: Mapping[str, Any], refresh_token: str) -> Grant:
        """The next tokens. Raises CredentialsRefused, ProviderUnavailable."""

    async def verify(self, configuration: Mapping[str, Any]) -> None:
        """Ask the provider whether it accepts the token that a person put into the configuration,
        if there is one; before an instance is stored. Raises CredentialsRefused and others."""

    async def read(self, account: Account, query: Query) -> Page:
        """One page. Raises the ProviderError that fits; an error is never an empty page."""

    async def read_one(
        self, account: Account, resource: str, key: str, *, like: Query | None = None
    ) -> Record | None:
        """One object by its key, None if the provider does not show it.

        `like` is the query it was seen by: its fields, id field and priority count, nothing else.
        """

    async def describe(self, account: Account, resource: str) -> Mapping[str, FieldFacts]:
        """The fields that records of a resource have in this tenant, by path (`Phone1/Number`).

        Raises ProviderError; also where the tenant tells no schema, or not the whole of it.
        """

    async def examine_paging(self, account: Account, query: Query) -> PagingFacts:
        """Try out how the pages of a query come: for people, not for polls."""

    async def discover(self, configuration: Mapping[str, Any]) -> str | None:
        """The address of the API as the provider itself tells it, None if it does not."""

    async def create(self, account: Account, resource: str, fields: Mapping[str, Any]) -> Record:
        """The object as the provider stored it. Raises RequestRefused and others."""

    async def update(
        self, account: Account, resource: str, key: str, fields: Mapping[str, Any]
    ) -> Record:
        """What the provider answers: at least the fields that were sent, and the key."""

    async def delete(self, account: Account, resource: str, key: str) -> None:
        """Remove the object. Raises RequestRefused if the provider does not."""


UNSTORED = InstanceId(0)
"""The id in the account of an instance that is still to be stored: nothing is remembered of it."""

TokenSource = Callable[[Account], Tokens]
