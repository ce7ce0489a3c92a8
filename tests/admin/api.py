"""A caller of the admin server, and the bodies it sends."""

from __future__ import annotations

import io
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from aiohttp.test_utils import TestClient
from yarl import URL

from daemon.instance import InstanceId
from daemon.store.first_account import Credentials

Listener = Callable[[InstanceId], Awaitable[None]]


@dataclass
class Heard:
    """What the admin server told the rest of the daemon, and what that does then."""

    created: list[InstanceId] = field(default_factory=list)
    changed: list[InstanceId] = field(default_factory=list)
    awaited: list[tuple[InstanceId, tuple[str, ...]]] = field(default_factory=list)
    endpoints_changed: list[InstanceId] = field(default_factory=list)
    on_created: Listener | None = None

    async def hear_created(self, instance_id: InstanceId) -> None:
        self.created.append(instance_id)
        if self.on_created is not None:
            await self.on_created(instance_id)

    async def hear_changed(self, instance_id: InstanceId) -> None:
        self.changed.append(instance_id)

    async def hear_endpoint_changed(self, instance_id: InstanceId) -> None:
        self.endpoints_changed.append(instance_id)

    async def hear_polls_awaited(self, instance_id: InstanceId, names: Collection[str]) -> None:
        assert self.changed[-1] == instance_id, "polls are awaited after the change took effect"
        self.awaited.append((instance_id, tuple(names)))


@dataclass(frozen=True)
class Reply:
    """An answer, read."""

    status: int
    headers: Mapping[str, str]
    text: str
    json: Any

    @property
    def faults(self) -> dict[str, str]:
        return {fault["field"]: fault["message"] for fault in self.json["faults"]}


@dataclass(frozen=True)
class Api:
    """A caller; `authorization` is what it sends unless told otherwise."""

    client: TestClient[Any, Any]
    authorization: str | None

    def acting_for(self, credentials: Credentials, token: str) -> Api:
        return replace(self, authorization=f"User {credentials.user_secret}, Element {token}")

    async def call(
        self,
        method: str,
        path: str | URL,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        sent = {"Authorization": self.authorization} if self.authorization else {}
        arguments: dict[str, Any] = {"headers": {**sent, **(headers or {})}}
        if isinstance(body, bytes):
            arguments["data"] = io.BytesIO(body)
        elif body is not None:
            arguments["json"] = body
        async with self.client.request(method, path, **arguments) as response:
            text = await response.text()
            is_json = response.content_type == "application/json"
            return Reply(
                status=response.status,
                headers=dict(response.headers),
                text=text,
                json=await response.json() if is_json else None,
            )

    async def get(self, path: str | URL, **options: Any) -> Reply:
        return await self.call("GET", path, **options)


def platform(credentials: Credentials) -> str:
    return f"User {credentials.user_secret}, Organization {credentials.organization_secret}"


def body_of(name: str = "First", code: str = "code-0", **configuration: Any) -> dict[str, Any]:
    """A body without events, as the original's page has it."""
    return {
        "element": {"key": "maximizer"},
        "providerData": {"code": code},
        "configuration": {
            "oauth.callback.url": "https://our.example/callback",
            "oauth.api.key": "client-id",
            "oauth.api.secret": "client-secret",
            **configuration,
        },
        "tags": ["Docs"],
        "name": name,
    }


def polling_body_of(
    name: str = "Polls", code: str = "code-0", **configuration: Any
) -> dict[str, Any]:
    """The body with events, verbatim but for its placeholders."""
    pattern = "yyyy-MM-dd'T'HH:mm:ssXXX"

    def entry(resource: str) -> dict[str, Any]:
        return {
            "url": f"/hubs/crm/{resource}?where=LastModifyDate>'${{date:{pattern}}}'",
            "idField": "Key",
            "datesConfiguration": {
                "updatedDateField": "LastModifyDate",
                "updatedDateFormat": pattern,
            },
        }

    return body_of(
        name,
        code,
        **{
            "event.notification.enabled": True,
            "event.notification.callback.url": "http://mycoolapp.com",
            "event.poller.refresh_interval": "15",
            "event.poller.configuration": {
                "contacts": entry("contacts"),
                "companies": entry("companies"),
                "addressbook-entries": {},
                "opportunities": {},
            },
            **configuration,
        },
    )
