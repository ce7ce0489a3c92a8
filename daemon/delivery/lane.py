"""The lane: what is in memory of one endpoint's notifications, in sending order."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from daemon.delivery.endpoint import EndpointConfiguration, EndpointStatus
from daemon.delivery.ready import DueNotification, ReadyNotification
from daemon.delivery.retry import Blame
from daemon.delivery.signing import Signer
from daemon.delivery.slots import Tier
from daemon.instance import EndpointState, InstanceId, NotificationId

SLOW_SECONDS = 1.0
"""An endpoint whose answers take longer on average is not trusted with all slots."""

SMOOTHING = 0.2
"""The weight of the latest answer in that average."""

AT_ONCE_AT_FIRST = 2
"""So many attempts at a time until the first is accepted: with one, a notification that hangs would
hold back all others."""


@dataclass(slots=True)
class BodyMemory:
    """The bytes of all bodies waiting in lanes; above the limit, what is new stays in the table."""

    limit_bytes: int
    used_bytes: int = 0

    @property
    def has_room(self) -> bool:
        return self.used_bytes < self.limit_bytes


class Lane:
    """One endpoint's sending order, bounded: the rest is `outside`, in the table.

    `outside_due_at` is when something outside may be due, None if nothing is there. `token` is the
    lease under which the lane was made; its memory dies with that lease. A new endpoint, as one
    after trouble, gets few attempts at a time, and twice as many after each accepted one.
    """

    def __init__(
        self, instance_id: InstanceId, token: int, memory: BodyMemory, *, max_in_flight: int
    ) -> None:
        self.instance_id = instance_id
        self.token = token
        self.configuration: EndpointConfiguration | None = None
        self.signer: Signer | None = None
        self.status = EndpointStatus()
        self.outside_due_at: datetime | None = None
        self.is_open = False
        self.is_closed = False
        self.is_refilling = False
        self.in_flight = 0
        self._memory = memory
        self._max_in_flight = max_in_flight
        self._allowance = AT_ONCE_AT_FIRST
        self._queue: list[tuple[datetime, NotificationId, ReadyNotification]] = []
        self._probed: set[NotificationId] = set()
        self._proven = False
        self._recovering = False
        self._average_seconds = 0.0

    @property
    def capacity(self) -> int:
        """How many notifications are kept in memory at most."""
        return 4 * self._max_in_flight

    @property
    def tier(self) -> Tier:
        """How far the endpoint is trusted with slots."""
        if self.status.state is EndpointState.FAILING:
            return Tier.FAILING
        if self.status.failures or self._average_seconds >= SLOW_SECONDS:
            return Tier.DOUBTFUL
        return Tier.WORKING if self._proven else Tier.NEW

    @property
    def is_trusted(self) -> bool:
        """Whether nothing was wrong lately: after trouble, once it has earned all its attempts."""
        return not self._recovering and not self.status.failures

    def open(self, configuration: EndpointConfiguration | None, status: EndpointStatus) -> None:
        """Begin with what is stored; without a configuration nothing may be sent."""
        self.configuration = configuration
        self.signer = None if configuration is None else Signer(configuration)
        self.status = status
        self._recovering = status.state is not EndpointState.HEALTHY
        self.is_open = True

    def close(self) -> None:
        """Forget everything; what is under way ends without this lane."""
        self.is_closed = True
        self.shed(None)

    def shed(self, outside_due_at: datetime | None) -> None:
        """Leave what waits in memory to the table."""
        self._memory.used_bytes -= sum(len(ready.body) for _, _, ready in self._queue)
        self._queue.clear()
        if outside_due_at is not None:
            self.note_outside(outside_due_at)

    def note_outside(self, due_at: datetime) -> None:
        """Something due then is in the table and not in memory."""
        if self.outside_due_at is None or due_at < self.outside_due_at:
            self.outside_due_at = due_at

    def hand_over(self, ready: Sequence[ReadyNotification], now: datetime) -> None:
        """Take what was just committed, unless older notifications or no room are in the way."""
        if ready and not self._accepts(ready, now):
            self.note_outside(min(one.due_at for one in ready))
            return
        for one in ready:
            self._push(one)

    def can_send(self, now: datetime) -> bool:
        """Whether an attempt may begin, as far as this endpoint is concerned."""
        if self.is_closed or self.configuration is None or not self._queue:
            return False
        match self.status.state:
            case EndpointState.HEALTHY:
                return self.in_flight < min(self._allowance, self._max_in_flight)
            case EndpointState.FAILING:
                return self._may_probe(now)
            case EndpointState.DISABLED:
                return False

    def take(self) -> ReadyNotification:
        """The next one in sending order, to be sent now."""
        _, _, ready = heapq.heappop(self._queue)
        self._memory.used_bytes -= len(ready.body)
        self.in_flight += 1
        if self.status.state is EndpointState.FAILING:
            self._probed.add(ready.id)
        return ready

    def finish(self, seconds: float | None, blame: Blame | None) -> None:
        """An attempt is over; one that was cut off has neither duration nor blame."""
        self.in_flight -= 1
        if seconds is not None:
            self._average_seconds += SMOOTHING * (seconds - self._average_seconds)
        if blame is Blame.NOBODY:
            self._proven = True
            self._allowance = min(2 * self._allowance, self._max_in_flight)
            self._recovering &= self._allowance < self._max_in_flight
        elif blame is Blame.ENDPOINT:
            self._allowance = max(AT_ONCE_AT_FIRST, self._allowance // 2)

    def turn(self, status: EndpointStatus, now: datetime) -> bool:
        """Take over the endpoint's new status; answers whether its state has changed."""
        turned = status.state is not self.status.state
        self.status = status
        if turned:
            self._recovering = True
            self._allowance = AT_ONCE_AT_FIRST
            self._probed = set(status.failed)
            self.shed(now)
        return turned

    def set_back(self, by: timedelta) -> None:
        """Our clock was set back: the next probe comes as soon as it would have."""
        if self.status.next_probe_at is not None:
            self.status = replace(self.status, next_probe_at=self.status.next_probe_at - by)

    def is_hungry(self, now: datetime) -> bool:
        """Whether more should be loaded from the table."""
        if self.outside_due_at is None or self.outside_due_at > now or self.is_refilling:
            return False
        if self.is_closed or self.configuration is None:
            return False
        match self.status.state:
            case EndpointState.HEALTHY:
                return len(self._queue) <= self._max_in_flight
            case EndpointState.FAILING:
                return not self._queue and self._may_probe(now)
            case EndpointState.DISABLED:
                return False

    def next_look_at(self) -> datetime | None:
        """When to look again although nothing happens: a retry or a probe comes due."""
        if self.status.state is EndpointState.FAILING:
            return self.status.next_probe_at
        return self.outside_due_at

    def begin_refill(self) -> int:
        """Load from the table now; answers how many. Until it is over, nothing is handed over."""
        self.is_refilling = True
        self.outside_due_at = None
        return 1 if self.status.state is EndpointState.FAILING else self.capacity

    def in_memory(self) -> Iterable[NotificationId]:
        """What a refill need not load again; while probing, also what was probed already."""
        yield from (notification_id for _, notification_id, _ in self._queue)
        yield from self._probed

    def end_refill(self, found: Sequence[DueNotification], limit: int, now: datetime) -> None:
        """Take what was loaded; fewer than the limit means that nothing else due is outside.

        With every notification probed once, the round of probes begins anew.
        """
        self.is_refilling = False
        if self.is_closed:
            return
        for due in found:
            if due.notification is None:
                self.note_outside(due.due_at)
            else:
                self._push(due.notification)
        loaded_all_due = len(found) < limit or found[-1].notification is None
        if loaded_all_due and not self._probed:
            return
        if loaded_all_due:
            self._probed.clear()
        self.note_outside(now)

    def abandon_refill(self, now: datetime) -> None:
        """Loading failed: try again."""
        self.is_refilling = False
        self.note_outside(now)

    def _accepts(self, ready: Sequence[ReadyNotification], now: datetime) -> bool:
        healthy = self.status.state is EndpointState.HEALTHY and self.configuration is not None
        alone = self.outside_due_at is None or self.outside_due_at > now
        fits = len(self._queue) + len(ready) <= self.capacity and self._memory.has_room
        due = all(one.due_at <= now for one in ready)
        return healthy and alone and fits and due and not self.is_refilling and not self.is_closed

    def _may_probe(self, now: datetime) -> bool:
        probe_at = self.status.next_probe_at
        return self.in_flight == 0 and (probe_at is None or now >= probe_at)

    def _push(self, ready: ReadyNotification) -> None:
        heapq.heappush(self._queue, (ready.due_at, ready.id, ready))
        self._memory.used_bytes += len(ready.body)
