"""Batching: which changes of a page travel together, and which have to wait for an earlier one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from daemon.instance import NotificationId
from daemon.notifications.change import Change
from daemon.notifications.context import NotificationFormat

MAX_EVENTS = 10
"""How many events one notification may hold, as the original has it for polling."""

EVENTS_PER_NOTIFICATION: Mapping[NotificationFormat, int] = {
    NotificationFormat.OPENCONNECTORS: MAX_EVENTS,
    NotificationFormat.CLOUDEVENTS: MAX_EVENTS,
    NotificationFormat.STANDARD: 1,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The positions in the page's changes that make up one notification, in order."""

    positions: Sequence[int]
    waits_for: NotificationId | None = None


def split_into_batches(
    changes: Sequence[Change],
    predecessors: Mapping[str, NotificationId],
    notification_format: NotificationFormat,
) -> list[Batch]:
    """Free changes together, up to what the format holds; one with a predecessor on its own.

    Batching blocked ones together would spread one failing object to nearly everything within a
    few hundred notifications. The batches come in the order of their first changes.
    """
    free = [index for index, change in enumerate(changes) if change.object_id not in predecessors]
    size = EVENTS_PER_NOTIFICATION[notification_format]
    batches = [Batch(positions=free[start : start + size]) for start in range(0, len(free), size)]
    batches += [
        Batch(positions=(index,), waits_for=predecessors[change.object_id])
        for index, change in enumerate(changes)
        if change.object_id in predecessors
    ]
    return sorted(batches, key=lambda batch: batch.positions[0])
