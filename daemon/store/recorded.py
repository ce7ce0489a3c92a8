"""The recorded: events, notifications and attempts as people look them up."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from daemon.instance import (
    EventId,
    EventType,
    InstanceId,
    NotificationId,
    NotificationState,
    OrganizationId,
)
from daemon.notifications.context import NotificationFormat


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Whose events: an organization's, or those of one instance of it."""

    organization_id: OrganizationId
    instance_id: InstanceId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A place in the order of events: by the time they were written, then by id."""

    created_at: datetime
    event_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Which events. `states` are those of their notifications, `since` and `until` frame the time
    they were written; None lets everything through."""

    object_type: str | None = None
    object_key: str | None = None
    types: Collection[EventType] | None = None
    states: Collection[NotificationState] | None = None
    since: datetime | None = None
    until: datetime | None = None

    def passes(self, event: RecordedEvent) -> bool:
        """The same for an event that was found by its number."""
        return (
            (self.object_key is None or event.object_key == self.object_key)
            and (self.types is None or event.type in self.types)
            and (self.states is None or event.state in self.states)
            and (self.since is None or event.created_at >= self.since)
            and (self.until is None or event.created_at < self.until)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedEvent:
    """One event, and how the notification that tells it is doing."""

    event_id: EventId
    instance_id: InstanceId
    element_key: str
    object_type: str
    sequence: int
    object_key: str
    type: EventType
    revision: int
    occurred_at: datetime
    changed: Sequence[str] | None
    backfill: bool
    created_at: datetime
    notification_id: NotificationId
    notification_event_id: EventId
    state: NotificationState
    replay: bool
    attempts: int
    due_at: datetime
    finished_at: datetime | None
    page_read_at: datetime

    @property
    def place(self) -> Place:
        return Place(created_at=self.created_at, event_id=self.event_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedNotification:
    """One notification as stored; `body` is what was and will be sent."""

    id: NotificationId
    instance_id: InstanceId
    event_id: EventId
    object_type: str
    format: NotificationFormat
    state: NotificationState
    parent_id: NotificationId | None
    waits_for: NotificationId | None
    replay: bool
    due_at: datetime
    attempts: int
    events: int
    body: bytes = field(repr=False)
    created_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedAttempt:
    """One attempt as it ended; one that was not `spent` was the endpoint's trouble."""

    notification_id: NotificationId
    number: int
    started_at: datetime
    duration_seconds: float
    outcome: str
    status: int | None
    spent: bool
    answer: str | None
