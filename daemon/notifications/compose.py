"""Composition: the changes of a page become notifications, ready to be stored byte for byte."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from daemon.instance import EventId, EventType, NotificationId
from daemon.notifications import cloudevents, openconnectors, standard
from daemon.notifications.batching import Batch, split_into_batches
from daemon.notifications.change import Change
from daemon.notifications.context import Context, NotificationFormat, RawMode, Telling, Told
from daemon.notifications.identifiers import event_id, notification_event_id
from daemon.notifications.records import can_carry

RENDERERS: Mapping[NotificationFormat, Callable[[Telling], bytes]] = {
    NotificationFormat.OPENCONNECTORS: openconnectors.render,
    NotificationFormat.CLOUDEVENTS: cloudevents.render,
    NotificationFormat.STANDARD: standard.render,
}

CONTENT_TYPES: Mapping[NotificationFormat, str] = {
    NotificationFormat.OPENCONNECTORS: openconnectors.CONTENT_TYPE,
    NotificationFormat.CLOUDEVENTS: cloudevents.CONTENT_TYPE,
    NotificationFormat.STANDARD: standard.CONTENT_TYPE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDraft:
    """One event as it will be stored."""

    event_id: EventId
    sequence: int
    object_id: str
    object_key: str
    type: EventType
    revision: int
    occurred_at: datetime
    changed: tuple[str, ...] | None = None
    backfill: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """One notification as it will be stored; `body` is what is signed and sent.

    `waits_for` is the unfinished notification of the same object that has to end first; `due_at`
    is when the first attempt may be made.
    """

    id: NotificationId
    event_id: EventId
    format: NotificationFormat
    body: bytes = field(repr=False)
    waits_for: NotificationId | None
    due_at: datetime
    events: tuple[EventDraft, ...]


def compose(
    context: Context,
    changes: Sequence[Change],
    *,
    first_sequence: int,
    predecessors: Mapping[str, NotificationId],
    ids: Iterator[NotificationId],
) -> list[Draft]:
    """Put the changes of one page into notifications, in order.

    Each object occurs at most once. Sequence numbers follow the order of the changes, from
    `first_sequence` on without a gap. `predecessors` names, by object id, the unfinished
    notifications to wait for. `ids` are ascending; at most one per change is taken.
    """
    told = [
        Told(change=change, sequence=sequence, event_id=_event_id(context, change))
        for sequence, change in enumerate(changes, first_sequence)
    ]
    batches = split_into_batches(changes, predecessors, context.format)
    return [draft for batch in batches for draft in _drafts(context, batch, told, ids)]


def _event_id(context: Context, change: Change) -> EventId:
    return event_id(context.instance_id, context.resource_id, change.object_id, change.revision)


def _drafts(
    context: Context, batch: Batch, page: Sequence[Told], ids: Iterator[NotificationId]
) -> Iterator[Draft]:
    """The batch as one notification, or as several where its body would be too large."""
    parts: list[Sequence[Told]] = [[page[position] for position in batch.positions]]
    while parts:
        notification_id = next(ids)
        telling = _telling(context, notification_id, parts.pop(0))
        body = _render(telling)
        while len(body) > context.max_body_bytes and len(telling.told) > 1:
            middle = len(telling.told) // 2
            parts.insert(0, telling.told[middle:])
            telling = _telling(context, notification_id, telling.told[:middle])
            body = _render(telling)
        yield _draft(telling, body, batch.waits_for)


def _telling(context: Context, notification_id: NotificationId, told: Sequence[Told]) -> Telling:
    return Telling(
        context=context,
        notification_id=notification_id,
        event_id=notification_event_id(notification_id, [one.event_id for one in told]),
        told=told,
    )


def _draft(telling: Telling, body: bytes, waits_for: NotificationId | None) -> Draft:
    context = telling.context
    if len(body) > context.max_body_bytes:
        thin = replace(context, raw_mode=RawMode.NONE, is_thin=True)
        body = _render(replace(telling, context=thin))
    return Draft(
        id=telling.notification_id,
        event_id=telling.event_id,
        format=context.format,
        body=body,
        waits_for=waits_for,
        due_at=context.created_at + timedelta(seconds=context.first_wait_seconds),
        events=tuple(_event_draft(one) for one in telling.told),
    )


def _render(telling: Telling) -> bytes:
    """The bytes; a record that JSON cannot carry is left out rather than holding up its page."""
    render = RENDERERS[telling.context.format]
    try:
        return render(telling)
    except TypeError:
        return render(_without_poison(telling))


def _without_poison(telling: Telling) -> Telling:
    context = telling.context
    mode = RawMode.EVENTS if context.raw_mode is RawMode.PAGE else context.raw_mode
    told = [
        one
        if one.change.raw is None or can_carry(one.change.raw)
        else replace(one, change=replace(one.change, raw=None, changed=None))
        for one in telling.told
    ]
    return replace(telling, context=replace(context, raw_mode=mode), told=told)


def _event_draft(told: Told) -> EventDraft:
    change = told.change
    return EventDraft(
        event_id=told.event_id,
        sequence=told.sequence,
        object_id=change.object_id,
        object_key=change.object_key,
        type=change.type,
        revision=change.revision,
        occurred_at=change.occurred_at,
        changed=change.changed,
        backfill=change.backfill,
    )
