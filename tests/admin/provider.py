"""A provider small enough to be seen through: it knows some codes and polls like Maximizer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from daemon.connectors.connector import (
    Account,
    ConfigurationKey,
    Element,
    Grant,
    Page,
    Query,
    Record,
    ResourceSpec,
)
from daemon.connectors.facts import FieldFacts, PagingFacts
from daemon.errors import CredentialsRefused, Fault, InvalidInput, ProviderError

PATTERN = "yyyy-MM-dd'T'HH:mm:ssXXX"


def resource(name: str, *, default: bool = True, refusal: str | None = None) -> ResourceSpec:
    return ResourceSpec(
        name=name,
        id_field="Key",
        updated_field="LastModifyDate",
        updated_format=PATTERN,
        created_field="CreationDate",
        default=default,
        refusal=refusal,
    )


ELEMENT = Element(
    key="maximizer",
    id=5127,
    name="Maximizer",
    hub="crm",
    description="A CRM",
    authentication="oauth2",
    configuration=(
        ConfigurationKey(key="oauth.api.key", name="Client id", secret=True, required=True),
        ConfigurationKey(key="oauth.api.secret", name="Client secret", secret=True, required=True),
        ConfigurationKey(key="oauth.callback.url", name="Callback URL", required=True),
        ConfigurationKey(key="maximizer.alias", name="Alias"),
        ConfigurationKey(key="maximizer.datacenter", name="Data centre", default_value="caw"),
        ConfigurationKey(
            key="maximizer.personal.access.token", name="Personal access token", secret=True
        ),
    ),
    resources={
        spec.name: spec
        for spec in (
            resource("contacts"),
            resource("companies"),
            resource("addressbook-entries"),
            resource("opportunities"),
            resource("leads", default=False),
            resource("notes", default=False, refusal="notes have no date of change"),
        )
    },
)


@dataclass
class Provider:
    """A Connector whose answers tests choose; `exchanged` are the consents spent."""

    element: Element = ELEMENT
    codes: dict[str, Grant] = field(default_factory=dict)
    trouble: ProviderError | None = None
    exchanged: list[str] = field(default_factory=list)
    schema: Mapping[str, FieldFacts] = field(
        default_factory=lambda: dict.fromkeys(
            ("Key", "LastModifyDate", "CreationDate", "Type", "Number", "Other"), FieldFacts()
        )
    )

    def authorize_url(self, configuration: Mapping[str, Any], state: str) -> str:
        if "maximizer.alias" not in configuration:
            raise InvalidInput([Fault(field="maximizer.alias", message="is needed")])
        return f"https://provider.example/{configuration['maximizer.alias']}?state={state}"

    def check_configuration(self, configuration: Mapping[str, Any]) -> None:
        if "maximizer.personal.access.token" in configuration:
            return
        needed = ("oauth.api.key", "oauth.api.secret", "oauth.callback.url")
        missing = [key for key in needed if key not in configuration]
        if missing:
            raise InvalidInput(Fault(field=key, message="is needed") for key in missing)

    def budget_key(self, configuration: Mapping[str, Any]) -> str:
        return str(configuration.get("maximizer.alias"))

    def calls_left(self, configuration: Mapping[str, Any], *, background: bool = False) -> int:
        return 17

    async def exchange(self, configuration: Mapping[str, Any], code: str) -> Grant:
        return self._spend(code)

    async def refresh(self, configuration: Mapping[str, Any], refresh_token: str) -> Grant:
        return self._spend(refresh_token)

    async def verify(self, configuration: Mapping[str, Any]) -> None:
        if configuration.get("maximizer.personal.access.token") == "revoked":
            raise CredentialsRefused(
                "The provider does not accept the access token", provider_message="revoked"
            )

    @property
    def calls_per_hour(self) -> float:
        return 10_800

    def api_address(self, configuration: Mapping[str, Any]) -> str:
        return "https://provider.example/api"

    async def discover(self, configuration: Mapping[str, Any]) -> str | None:
        return None

    async def describe(self, account: Account, resource: str) -> Mapping[str, FieldFacts]:
        return self.schema

    async def examine_paging(self, account: Account, query: Query) -> PagingFacts:
        raise NotImplementedError

    async def read(self, account: Account, query: Query) -> Page:
        raise NotImplementedError

    async def read_one(
        self, account: Account, resource: str, key: str, *, like: Query | None = None
    ) -> Record | None:
        raise NotImplementedError

    async def create(self, account: Account, resource: str, fields: Mapping[str, Any]) -> Record:
        raise NotImplementedError

    async def update(
        self, account: Account, resource: str, key: str, fields: Mapping[str, Any]
    ) -> Record:
        raise NotImplementedError

    async def delete(self, account: Account, resource: str, key: str) -> None:
        raise NotImplementedError

    def _spend(self, consent: str) -> Grant:
        self.exchanged.append(consent)
        if self.trouble is not None:
            raise self.trouble
        try:
            return self.codes.pop(consent)
        except KeyError:
            raise CredentialsRefused(
                "The provider refused the credentials",
                status=400,
                provider_message="invalid_grant: the code is unknown",
            ) from None
