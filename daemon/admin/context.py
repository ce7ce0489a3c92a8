"""The context: everything the admin server works with, put together by whoever starts it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

from aiohttp import web

from daemon.address_guard import AddressGuard
from daemon.connectors.connector import Connector
from daemon.instance import InstanceId
from daemon.metrics import Metrics
from daemon.outbound import Outbound
from daemon.settings import DeliverySettings, PollingSettings
from daemon.store.accounts import Accounts
from daemon.store.database import Database
from daemon.store.encryption import Keyring
from daemon.store.idempotency import IdempotencyKeys
from daemon.store.instances import Instances
from daemon.store.sessions import Sessions

InstanceListener = Callable[[InstanceId], Awaitable[None]]
PollsListener = Callable[[InstanceId, Collection[str]], Awaitable[None]]
Wake = Callable[[InstanceId], None]
PollNow = Callable[[InstanceId, Collection[str]], None]
ReadinessCheck = Callable[[], Coroutine[Any, Any, str | None]]
"""Answers why the daemon is not ready in this respect, None if it is."""
SandboxDoor = Callable[[str, str, bytes], Awaitable[tuple[int, bytes]]]
"""Makes a call to the demo's sandbox: method, path with query, body; answers status and body."""


def _nobody_wakes(_instance_id: InstanceId) -> None:
    """Nothing sends here."""


def _nobody_polls(_instance_id: InstanceId, _names: Collection[str]) -> None:
    """Nothing polls here."""


class Rules(Protocol):
    """What an instance is checked by where no provider is called and no database asked."""

    @property
    def connectors(self) -> Mapping[str, Connector]: ...

    @property
    def guard(self) -> AddressGuard: ...

    @property
    def polling(self) -> PollingSettings: ...


@dataclass(slots=True, kw_only=True)
class LastReading:
    """How the configuration was read last: when, and how many faults kept it from being used."""

    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    faults: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminContext:
    """What handlers need.

    `on_created` reads the baseline of a new instance and starts polling it; what goes wrong with
    the provider then is for the resource's state, not for the caller. `on_changed` makes a change
    take effect: when it returns, no page is committed and no send begins under the old state.
    `on_polls_awaited` waits for the first polls of these resources under the new state.
    `on_endpoint_changed` is for what concerns sending alone, `wake` says that there is something to
    send, `poll_now` cuts waits short. `lease_owner` is the id under which this daemon holds its
    leases. `sandbox` exists in the demo.
    """

    database: Database
    keyring: Keyring
    accounts: Accounts
    instances: Instances
    idempotency: IdempotencyKeys
    connectors: Mapping[str, Connector]
    guard: AddressGuard
    outbound: Outbound
    polling: PollingSettings
    delivery: DeliverySettings
    lease_owner: UUID
    on_created: InstanceListener
    on_changed: InstanceListener
    on_polls_awaited: PollsListener
    on_endpoint_changed: InstanceListener
    wake: Wake = _nobody_wakes
    poll_now: PollNow = _nobody_polls
    readiness: Mapping[str, ReadinessCheck]
    metrics: Metrics
    started_at: datetime
    last_reading: LastReading = field(default_factory=LastReading)
    public_url: str | None = None
    sandbox: SandboxDoor | None = None

    @property
    def sessions(self) -> Sessions:
        """Who is signed in at the web page."""
        return Sessions(self.database)


CONTEXT = web.AppKey("context", AdminContext)
