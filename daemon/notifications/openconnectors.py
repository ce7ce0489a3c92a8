"""The original's envelope: what consumers of SAP Open Connectors (Cloud Elements) parse today."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from daemon.instance import EventType
from daemon.notifications.context import Context, RawMode, Telling, Told
from daemon.notifications.records import (
    encode,
    epoch_milliseconds,
    iso_seconds,
    record_of,
    without_nulls,
)

CONTENT_TYPE = "application/json"

# Constant in every notification on record from the original, whatever happened; kept because
# consumers parse them.
SEVERITY = "medium"
ACTION = "create"
USER = "notifications@cloud-elements.com"

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def render(telling: Telling) -> bytes:
    """The body of one notification, keys in the original's order, our additions behind them."""
    context = telling.context
    body = _encode(telling, _raw(context, telling.told, whole_page=False))
    if context.raw_mode is not RawMode.PAGE:
        return body
    whole = _encode(telling, _raw(context, telling.told, whole_page=True))
    return whole if len(whole) <= context.max_body_bytes else body


def java_date(instant: datetime) -> str:
    """`Mon Aug 20 15:30:07 UTC 2018`: Java's `Date.toString()`, which knows no locale."""
    utc = instant.astimezone(UTC)
    day, month = _DAYS[utc.weekday()], _MONTHS[utc.month - 1]
    return f"{day} {month} {utc.day:02d} {utc:%H:%M:%S} UTC {utc.year:04d}"


def event_entry(context: Context, told: Told) -> dict[str, Any]:
    """One entry of `events`: the original's seven keys, then ours, which old consumers ignore."""
    change = told.change
    entry: dict[str, Any] = {
        "date": iso_seconds(change.occurred_at),
        "elementKey": context.element_key,
        "pollDate": iso_seconds(context.poll_at),
        "eventType": change.type,
        "hubKey": context.hub_key,
        "objectId": change.object_key,
        "objectType": context.object_type,
        "sequence": told.sequence,
        "eventId": told.event_id,
        "backfill": change.backfill,
    }
    if change.type is EventType.UPDATED and change.changed is not None:
        entry["changed"] = change.changed
    if context.is_thin:
        entry["recordUrl"] = f"{context.hub_path}/{quote(change.object_key, safe='')}"
    return entry


def _encode(telling: Telling, raw: Mapping[str, Any]) -> bytes:
    context = telling.context
    return encode(
        {
            "severity": SEVERITY,
            "createdDate": java_date(context.created_at),
            "topic": f"instance-{context.instance_id}-{context.element_key}-events",
            "action": ACTION,
            "id": str(telling.notification_id),
            "message": {
                "elementKey": context.element_key,
                "accountId": context.account_id,
                "eventId": telling.event_id,
                "companyId": context.company_id,
                "instanceId": context.instance_id,
                "instance_id": context.instance_id,
                "instanceName": context.instance_name,
                "instanceTags": context.instance_tags,
                "raw": raw,
                "userId": context.user_id,
                "events": [event_entry(context, told) for told in telling.told],
            },
            "user": USER,
        }
    )


def _raw(context: Context, told: Sequence[Told], *, whole_page: bool) -> Mapping[str, Any]:
    """`raw`: the list of records under the resource's name, and when they were read."""
    records: list[Mapping[str, Any]] = []
    if whole_page:
        records = [
            without_nulls(record) if context.drop_nulls else record for record in context.page
        ]
    elif context.raw_mode is not RawMode.NONE:
        found = (record_of(context, one.change) for one in told)
        records = [record for record in found if record is not None]
    return {
        context.object_type: records,
        "pollDate": epoch_milliseconds(context.poll_at),
        "objectType": context.object_type,
    }
