"""The nouns everything else speaks of: instances, resources, their states and what may follow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NewType

OrganizationId = NewType("OrganizationId", int)
UserId = NewType("UserId", int)
InstanceId = NewType("InstanceId", int)
ResourceId = NewType("ResourceId", int)
NotificationId = NewType("NotificationId", int)
EventId = NewType("EventId", str)


class InstanceState(StrEnum):
    """How an instance is doing, as an operator would say it.

    ACTIVE: polled and delivered. DEGRADED: failing, still trying. NEEDS_REAUTH: the provider
    refuses the credentials, polling is stopped until there are new ones. DISABLED: switched off by
    a person.
    """

    ACTIVE = "active"
    DEGRADED = "degraded"
    NEEDS_REAUTH = "needs_reauth"
    DISABLED = "disabled"


INSTANCE_TRANSITIONS: Mapping[InstanceState, frozenset[InstanceState]] = {
    InstanceState.ACTIVE: frozenset(
        {InstanceState.DEGRADED, InstanceState.NEEDS_REAUTH, InstanceState.DISABLED}
    ),
    InstanceState.DEGRADED: frozenset(
        {InstanceState.ACTIVE, InstanceState.NEEDS_REAUTH, InstanceState.DISABLED}
    ),
    InstanceState.NEEDS_REAUTH: frozenset({InstanceState.ACTIVE, InstanceState.DISABLED}),
    InstanceState.DISABLED: frozenset({InstanceState.ACTIVE}),
}
"""Which state may follow which; the store applies a change only along these."""


class ResourceState(StrEnum):
    """How one polled resource is doing.

    BASELINE_PENDING: nothing was read yet. ACTIVE: polled. DEGRADED: the last polls failed.
    PAUSED: stopped by a person. STOPPED: no longer in the configuration, its cursor kept.
    """

    BASELINE_PENDING = "baseline_pending"
    ACTIVE = "active"
    DEGRADED = "degraded"
    PAUSED = "paused"
    STOPPED = "stopped"


class EventType(StrEnum):
    """What happened to an object."""

    CREATED = "CREATED"
    UPDATED = "UPDATED"
    DELETED = "DELETED"


class NotificationState(StrEnum):
    """Where a notification is on its way.

    PENDING: never tried. RETRYING: failed so far, due again. DELIVERED, DEAD (attempts spent),
    CANCELLED (its instance was deleted) and SPLIT (replaced by one per event) are final.
    """

    PENDING = "pending"
    RETRYING = "retrying"
    DELIVERED = "delivered"
    DEAD = "dead"
    CANCELLED = "cancelled"
    SPLIT = "split"


class EndpointState(StrEnum):
    """How a callback address is doing.

    HEALTHY: sent to in parallel. FAILING: one probe at a time, no attempts spent. DISABLED: not
    sent to until a person enables it; the backlog is kept.
    """

    HEALTHY = "healthy"
    FAILING = "failing"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceKey:
    """Names a polling task: one resource of one instance, written `42/contacts`."""

    instance_id: InstanceId
    name: str

    def __str__(self) -> str:
        return f"{self.instance_id}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """A connected account: who owns it, what it is called and how it is configured.

    `configuration` holds the keys that are not secret, as given; secrets stay in the store.
    """

    id: InstanceId
    organization_id: OrganizationId
    user_id: UserId
    element_key: str
    name: str
    tags: tuple[str, ...]
    state: InstanceState
    state_reason: str | None
    state_since: datetime
    configuration: Mapping[str, Any]
    created_at: datetime
    updated_at: datetime

    @property
    def polls(self) -> bool:
        """Whether its resources are to be polled at all in this state."""
        return self.state in (InstanceState.ACTIVE, InstanceState.DEGRADED)


@dataclass(frozen=True, slots=True, kw_only=True)
class PollTarget:
    """One wished polling task: a resource of an instance, and the version of its configuration.

    `polling` is the resource's entry of `event.poller.configuration` in canonical form.
    """

    instance: Instance
    resource_id: ResourceId
    name: str
    state: ResourceState
    version: int
    polling: Mapping[str, Any]

    @property
    def key(self) -> ResourceKey:
        return ResourceKey(instance_id=self.instance.id, name=self.name)
