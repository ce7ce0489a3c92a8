"""The refilling: lanes are opened and loaded from the table, many at a time."""

from __future__ import annotations

import contextlib
from collections import Counter, OrderedDict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import structlog

from daemon.delivery.board import Board
from daemon.delivery.endpoint import EndpointConfiguration, EndpointStatus
from daemon.delivery.lane import BodyMemory, Lane
from daemon.delivery.means import DeliveryMeans
from daemon.delivery.ready import DueNotification, ReadyNotification
from daemon.delivery.settling import Result
from daemon.errors import DatabaseUnavailable, InstanceDisabled, NotFound, PollhookError
from daemon.instance import InstanceId, NotificationId
from daemon.store import deliveries
from daemon.store.deliveries import UNFINISHED_STATES, Settled
from daemon.store.endpoint_statuses import load_statuses

log = structlog.get_logger(__name__)

LANES_LOADED_AT_ONCE = 8
"""How many lanes are loaded by one query: what it brings has to fit into memory."""

LANES_OPENED_AT_ONCE = 32

BODY_MEMORY_BYTES = 32 * 1024 * 1024

LOADED_REMEMBERED = 16_384
"""How many loaded notifications are remembered, many more than are sent within a moment."""

LOOK_EVERY = timedelta(seconds=1)
"""How often to look for leases that are new or were fenced."""

SURVEY_EVERY = timedelta(seconds=15)
"""How often all lanes are compared with leases and table, in case a wake was lost on the way."""


class Refiller:
    """Keeps the board in step with the table. `busy` are notifications under way or unsettled."""

    def __init__(self, means: DeliveryMeans, board: Board, busy: set[NotificationId]) -> None:
        self._means = means
        self._board = board
        self._busy = busy
        self._memory = BodyMemory(limit_bytes=BODY_MEMORY_BYTES)
        self._loaded: OrderedDict[NotificationId, None] = OrderedDict()
        self._fenced: dict[InstanceId, int] = {}
        self._withheld: Counter[InstanceId] = Counter()
        self._asked: set[InstanceId] = set()
        self._held: frozenset[InstanceId] = frozenset()
        self._survey_at = self.next_look_at = means.now()

    def lane(self, instance_id: InstanceId) -> Lane | None:
        """The lane of an instance, made if need be; None if the instance is not ours to send for.

        A lane made under an earlier lease is forgotten first. A lease that was found fenced is not
        used again: it takes a moment until a new one is known.
        """
        token = self._means.leases.token(instance_id)
        lane = self._board.find(instance_id)
        if lane is not None and token != lane.token:
            self._board.drop(lane)
            lane = None
        if token is None or self._fenced.get(instance_id) != token:
            self._fenced.pop(instance_id, None)
        if token is None or instance_id in self._fenced or self._withheld[instance_id]:
            return None
        return self._add(instance_id, token) if lane is None else lane

    def hand_over(self, lane: Lane, ready: Sequence[ReadyNotification]) -> None:
        """What a commit has brought; a refill between that commit and this call may know it."""
        fresh = [one for one in ready if one.id not in self._loaded]
        lane.hand_over(fresh, self._means.now())

    @contextlib.contextmanager
    def withheld(self, instance_id: InstanceId) -> Iterator[None]:
        """Forget an instance's lane and make no new one inside; look for its work afterwards."""
        lane = self._board.find(instance_id)
        if lane is not None:
            self._board.drop(lane)
        self._withheld[instance_id] += 1
        try:
            yield
        finally:
            self._withheld -= Counter([instance_id])
            self._asked.add(instance_id)

    def take_settled(self, results: Sequence[Result], settled: Settled) -> None:
        """What was just recorded: unfinished ones are outside memory now, freed ones may go."""
        for result in results:
            self._busy.discard(result.settlement.notification_id)
            fenced = result.instance_id not in settled.held
            if fenced:
                self._fence(result.instance_id, result.token)
            if fenced or result.settlement.state in UNFINISHED_STATES:
                self._note_outside(result.instance_id, result.settlement.due_at)
        for due in settled.freed:
            self._take_freed(due)
        now = self._means.now()
        for instance_id in {result.instance_id for result in results}:
            lane = self._board.find(instance_id)
            if lane is not None:
                self._board.review(lane, now)

    def survey_now(self) -> None:
        """Compare all lanes with leases and table with the next round."""
        self._survey_at = self.next_look_at = self._means.now()

    def has_work(self) -> bool:
        """Whether another round would find something to do at once."""
        return bool(self._asked) or self._board.has_work(loading=self._memory.has_room)

    async def run_once(self) -> None:
        """One round: find lanes with something to send, open them, load those that want it.

        Raises DatabaseUnavailable; then the rest is done by the next round.
        """
        now = self._means.now()
        self._compare_leases(now)
        await self._survey(now)
        await self._open(now)
        self._board.ring_alarms(now)
        await self._load(now)

    def _fence(self, instance_id: InstanceId, token: int) -> None:
        """This lease no longer holds: forget what is in memory under it."""
        if self._means.leases.token(instance_id) == token:
            self._fenced[instance_id] = token
        lane = self._board.find(instance_id)
        if lane is not None and lane.token == token:
            self._board.drop(lane)

    def _note_outside(self, instance_id: InstanceId, due_at: datetime) -> None:
        lane = self.lane(instance_id)
        if lane is not None:
            lane.note_outside(due_at)

    def _take_freed(self, due: DueNotification) -> None:
        lane = self.lane(due.instance_id)
        if lane is not None and due.notification is not None:
            self.hand_over(lane, [due.notification])
        elif lane is not None:
            lane.note_outside(due.due_at)

    def _add(self, instance_id: InstanceId, token: int) -> Lane:
        limit = self._means.settings.max_in_flight_per_endpoint
        lane = Lane(instance_id, token, self._memory, max_in_flight=limit)
        lane.note_outside(self._means.now())
        self._board.add(lane)
        return lane

    def _compare_leases(self, now: datetime) -> None:
        """Ask about instances that are newly ours or were fenced, now and then about all."""
        ahead = self.next_look_at - now - LOOK_EVERY
        if ahead > LOOK_EVERY:
            self._board.set_back(ahead, now)
            self.survey_now()
        if now < self.next_look_at:
            return
        held = self._means.leases.held()
        self._asked |= (held - self._held) | (held & self._fenced.keys())
        if held != self._held or now >= self._survey_at:
            for lane in self._board:
                self.lane(lane.instance_id)
        if now >= self._survey_at:
            self._asked |= held
            self._survey_at = now + SURVEY_EVERY
        self._held = held
        self.next_look_at = now + LOOK_EVERY

    async def _survey(self, now: datetime) -> None:
        asked = frozenset(self._asked)
        if not asked:
            return
        due = await deliveries.next_due(self._means.database, asked)
        self._asked -= asked
        for instance_id, due_at in due.items():
            lane = self.lane(instance_id)
            if lane is not None:
                lane.note_outside(due_at)
                self._board.review(lane, now)

    async def _open(self, now: datetime) -> None:
        lanes = self._board.take_unopened(LANES_OPENED_AT_ONCE)
        if not lanes:
            return
        try:
            keys = [lane.instance_id for lane in lanes]
            statuses = await load_statuses(self._means.database, keys)
            for lane in lanes:
                configuration = await self._configuration(lane.instance_id)
                lane.open(configuration, statuses.get(lane.instance_id, EndpointStatus()))
                self._board.review(lane, now)
        finally:
            self._board.put_back_unopened(lanes)

    async def _configuration(self, instance_id: InstanceId) -> EndpointConfiguration | None:
        """Where to send; None if there is nowhere to, until a person changes that."""
        try:
            return await self._means.endpoint_source(instance_id)
        except DatabaseUnavailable:
            raise
        except (InstanceDisabled, NotFound):
            return None
        except PollhookError as error:
            log.error("delivery.endpoint_unknown", instance=instance_id, reason=str(error))
            return None

    async def _load(self, now: datetime) -> None:
        lanes = self._board.take_hungry(LANES_LOADED_AT_ONCE if self._memory.has_room else 0)
        by_limit: dict[int, list[Lane]] = {}
        for lane in lanes:
            by_limit.setdefault(lane.begin_refill(), []).append(lane)
        try:
            for limit, group in by_limit.items():
                await self._refill(group, limit, now)
        finally:
            for lane in lanes:
                if lane.is_refilling:
                    lane.abandon_refill(now)
                self._board.review(lane, now)

    async def _refill(self, lanes: Sequence[Lane], limit: int, now: datetime) -> None:
        in_memory = {notification_id for lane in lanes for notification_id in lane.in_memory()}
        found = await deliveries.take_due(
            self._means.database,
            [lane.instance_id for lane in lanes],
            now=now,
            besides=in_memory.union(self._busy),
            limit=limit,
        )
        by_instance: dict[InstanceId, list[DueNotification]] = {}
        for due in found:
            self._remember(due)
            by_instance.setdefault(due.instance_id, []).append(due)
        for lane in lanes:
            lane.end_refill(by_instance.get(lane.instance_id, []), limit, now)

    def _remember(self, due: DueNotification) -> None:
        if due.notification is None:
            return
        self._loaded[due.id] = None
        if len(self._loaded) > LOADED_REMEMBERED:
            self._loaded.popitem(last=False)
