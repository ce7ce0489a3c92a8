"""The context of a page: what a notification says about its instance, its resource and the poll."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from daemon.instance import EventId, InstanceId, NotificationId, ResourceId
from daemon.notifications.change import Change

MAX_BODY_BYTES = 262_144


class NotificationFormat(StrEnum):
    """In which form an instance wants to be told (`event.notification.format`)."""

    OPENCONNECTORS = "openconnectors"
    CLOUDEVENTS = "cloudevents"
    STANDARD = "standard"


class RawMode(StrEnum):
    """Which records travel along (`event.notification.raw`).

    EVENTS: those that the notification's events refer to. PAGE: the whole page as read, unless the
    body would outgrow the byte cap. NONE: no records.
    """

    EVENTS = "events"
    PAGE = "page"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Everything a notification tells besides its changes.

    `object_type` is the resource's key in the configuration, `id_field` its (dotted) id field.
    `poll_at` is when the poll began, `created_at` when the page is put into words; the first
    attempt is due `first_wait_seconds` later. `page` is needed for RawMode.PAGE only. `drop_nulls`
    is `filter.response.nulls`. A body above `max_body_bytes` is split, a single event's goes
    without its record (`is_thin`), and with the link below `hub_path` that fetches it.
    """

    instance_id: InstanceId
    instance_name: str
    instance_tags: Sequence[str]
    element_key: str
    hub_key: str
    account_id: int
    company_id: int
    user_id: int
    resource_id: ResourceId
    object_type: str
    id_field: str
    poll_at: datetime
    created_at: datetime
    format: NotificationFormat = NotificationFormat.OPENCONNECTORS
    raw_mode: RawMode = RawMode.EVENTS
    drop_nulls: bool = True
    page: Sequence[Mapping[str, Any]] = field(default=(), repr=False)
    max_body_bytes: int = MAX_BODY_BYTES
    first_wait_seconds: float = 0.0
    hub_path: str = ""
    is_thin: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One change with the number and the name it goes by."""

    change: Change
    sequence: int
    event_id: EventId


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """One notification before it becomes bytes: its ids, and one to ten changes in order."""

    context: Context
    notification_id: NotificationId
    event_id: EventId
    told: Sequence[Told]
