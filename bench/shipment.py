"""The shipment: a page of changes, composed as a poll composes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import orjson

from bench.records import make_template
from daemon.instance import EventType, InstanceId, NotificationId, ResourceId
from daemon.notifications.change import Change
from daemon.notifications.compose import Draft, compose
from daemon.notifications.context import Context


def drafts_of(
    instance_id: InstanceId, resource_id: ResourceId, sequence: int, ids: Sequence[NotificationId]
) -> list[Draft]:
    """One changed object that nothing else waits for."""
    now = datetime.now(UTC)
    change = Change(
        object_id=f"trickle {sequence}",
        object_key=f"trickle {sequence}",
        type=EventType.CREATED,
        revision=1,
        occurred_at=now,
        raw=orjson.loads(make_template(0, sequence).row(1, now)),
        changed=None,
    )
    context = context_of(instance_id, resource_id, now)
    return compose(context, [change], first_sequence=sequence, predecessors={}, ids=iter(ids))


def page_of(
    context: Context,
    object_ids: Sequence[str],
    first_sequence: int,
    predecessors: Mapping[str, NotificationId],
    ids: Sequence[NotificationId],
) -> list[Draft]:
    """A page on which these objects were updated, some of which have unfinished notifications."""
    changes = [
        Change(
            object_id=object_id,
            object_key=object_id,
            type=EventType.UPDATED,
            revision=first_sequence,
            occurred_at=context.poll_at,
            raw={"Key": object_id},
            changed=None,
        )
        for object_id in object_ids
    ]
    return compose(
        context,
        changes,
        first_sequence=first_sequence,
        predecessors=predecessors,
        ids=iter(ids),
    )


def context_of(instance_id: InstanceId, resource_id: ResourceId, now: datetime) -> Context:
    """What a notification of a benchmark says besides its changes."""
    return Context(
        instance_id=instance_id,
        instance_name="bench",
        instance_tags=(),
        element_key="maximizer",
        hub_key="crm",
        account_id=1,
        company_id=1,
        user_id=1,
        resource_id=resource_id,
        object_type="contacts",
        id_field="Key",
        poll_at=now,
        created_at=now,
    )
