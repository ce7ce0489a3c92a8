"""The board: every lane, and which of them can send, want loading, or wait for their time."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from daemon.delivery.lane import Lane
from daemon.delivery.slots import Slots, Tier
from daemon.instance import InstanceId

LOOKED_AT_ONCE = 8
"""How many lanes of a tier are passed over in search of one that may have another slot."""


class Board:
    """Keeps lanes in turn: each that can send or is hungry stands in its queue exactly once.

    After anything that happens to a lane, `review` puts it where it belongs.
    """

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self._lanes: dict[InstanceId, Lane] = {}
        self._sending: dict[Tier, deque[Lane]] = {tier: deque() for tier in Tier}
        self._listed: set[Lane] = set()
        self._unopened: dict[InstanceId, Lane] = {}
        self._hungry: dict[InstanceId, Lane] = {}
        self._alarms: list[tuple[datetime, InstanceId]] = []
        self._alarm_at: dict[InstanceId, datetime] = {}

    def __iter__(self) -> Iterator[Lane]:
        return iter(tuple(self._lanes.values()))

    def find(self, instance_id: InstanceId) -> Lane | None:
        """The lane of this instance, if there is one."""
        return self._lanes.get(instance_id)

    def add(self, lane: Lane) -> None:
        """A new lane, to be opened before it can do anything."""
        self._lanes[lane.instance_id] = lane
        self._unopened[lane.instance_id] = lane

    def drop(self, lane: Lane) -> None:
        """Forget a lane and its memory."""
        lane.close()
        for lanes in (self._lanes, self._unopened, self._hungry):
            if lanes.get(lane.instance_id) is lane:
                del lanes[lane.instance_id]

    def review(self, lane: Lane, now: datetime) -> None:
        """Put a lane where it belongs: to those that can send, that are hungry, or that wait."""
        if lane.is_closed or not lane.is_open:
            return
        if lane not in self._listed and lane.can_send(now):
            self._listed.add(lane)
            self._sending[lane.tier].append(lane)
        if lane.is_hungry(now):
            self._hungry[lane.instance_id] = lane
        look_at = lane.next_look_at()
        if look_at is not None and look_at > now:
            self._set_alarm(lane.instance_id, look_at)

    def next_to_send(self, now: datetime) -> Lane | None:
        """The lane whose turn it is, if a slot is free for it."""
        left = self._slots.left
        if not left:
            return None
        for tier, queue in self._sending.items():
            if not queue or not self._slots.is_free(tier):
                continue
            for _ in range(min(len(queue), LOOKED_AT_ONCE)):
                lane = queue[0]
                if lane.in_flight >= left and not lane.is_closed:
                    queue.rotate(-1)
                    continue
                queue.popleft()
                self._listed.discard(lane)
                if lane.tier is tier and lane.can_send(now):
                    return lane
                self.review(lane, now)
        return None

    def take_unopened(self, limit: int) -> list[Lane]:
        """Some lanes that have to be opened before anything else."""
        return [self._unopened.pop(key) for key in list(self._unopened)[:limit]]

    def put_back_unopened(self, lanes: Iterable[Lane]) -> None:
        """Those of them that could not be opened are to be opened later."""
        for lane in lanes:
            if not lane.is_open and not lane.is_closed:
                self._unopened[lane.instance_id] = lane

    def take_hungry(self, limit: int) -> list[Lane]:
        """Some lanes that want loading, those first that have waited longest."""
        lanes = [self._hungry.pop(key) for key in list(self._hungry)[:limit]]
        return [lane for lane in lanes if not lane.is_closed]

    def has_work(self, *, loading: bool) -> bool:
        """Whether any lane wants to be opened or, where that is possible now, loaded."""
        return bool(self._unopened or (loading and self._hungry))

    def next_alarm_at(self) -> datetime | None:
        """When the next retry or probe comes due, None if nothing waits for its time."""
        return self._alarms[0][0] if self._alarms else None

    def ring_alarms(self, now: datetime) -> None:
        """Look again at the lanes whose time has come."""
        while self._alarms and self._alarms[0][0] <= now:
            at, instance_id = heapq.heappop(self._alarms)
            if self._alarm_at.get(instance_id) == at:
                del self._alarm_at[instance_id]
            lane = self._lanes.get(instance_id)
            if lane is not None:
                self.review(lane, now)

    def set_back(self, by: timedelta, now: datetime) -> None:
        """Our clock was set back: no probe waits for the time that it had shown."""
        for lane in self:
            lane.set_back(by)
            self.review(lane, now)

    def _set_alarm(self, instance_id: InstanceId, at: datetime) -> None:
        earlier = self._alarm_at.get(instance_id)
        if earlier is None or at < earlier:
            self._alarm_at[instance_id] = at
            heapq.heappush(self._alarms, (at, instance_id))
