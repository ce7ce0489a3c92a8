"""The shipment: a page with one change, composed as a poll composes it."""

from __future__ import annotations

from collections.abc import Sequence
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
