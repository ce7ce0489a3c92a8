"""Changes and contexts that the tests of this folder speak of."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from daemon.instance import EventType, InstanceId, NotificationId, ResourceId
from daemon.notifications.change import Change
from daemon.notifications.context import Context

OCCURRED_AT = datetime(2018, 8, 20, 15, 29, 6, tzinfo=UTC)
POLL_AT = datetime(2018, 8, 20, 15, 29, 34, 827000, tzinfo=UTC)
CREATED_AT = datetime(2018, 8, 20, 15, 30, 7, 999000, tzinfo=UTC)


def make_context(**changed: Any) -> Context:
    fields: dict[str, Any] = {
        "instance_id": InstanceId(7950647),
        "instance_name": "<name>",
        "instance_tags": ["<tag>"],
        "element_key": "netsuiteerpv2",
        "hub_key": "erp",
        "account_id": 874,
        "company_id": 291,
        "user_id": 2749,
        "resource_id": ResourceId(12),
        "object_type": "invoices",
        "id_field": "internalId",
        "poll_at": POLL_AT,
        "created_at": CREATED_AT,
    }
    return Context(**(fields | changed))


def make_change(object_id: str = "14682", **changed: Any) -> Change:
    fields: dict[str, Any] = {
        "object_id": object_id,
        "object_key": object_id,
        "type": EventType.CREATED,
        "revision": 1,
        "occurred_at": OCCURRED_AT,
        "raw": {
            "internalId": object_id,
            "lastModifiedDate": "2018-08-20T15:29:06Z",
            "createdDate": "2018-08-20T15:29:06Z",
        },
    }
    return Change(**(fields | changed))


def numbers(first: int = 1496771) -> Iterator[NotificationId]:
    return map(NotificationId, itertools.count(first))
