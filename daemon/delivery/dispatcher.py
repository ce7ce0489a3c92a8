"""The dispatcher: loads, prepares, sends and settles notifications, each lane in its turn."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import datetime

import structlog

from daemon.delivery.board import Board
from daemon.delivery.lane import Lane
from daemon.delivery.means import DeliveryMeans
from daemon.delivery.ready import ReadyNotification
from daemon.delivery.refilling import Refiller
from daemon.delivery.reporting import Reporter
from daemon.delivery.sender import Sender
from daemon.delivery.sending import Sending, take_next
from daemon.delivery.settlement import Outcome, cancelled
from daemon.delivery.settling import Result, Settler
from daemon.delivery.slots import Slots
from daemon.errors import DatabaseUnavailable
from daemon.instance import InstanceId, NotificationId
from daemon.store.deliveries import Settled

log = structlog.get_logger(__name__)

OUTAGE_PAUSE_SECONDS = 1.0
UNSETTLED_PER_SLOT = 4
"""So many outcomes may wait to be recorded: a kill makes their attempts once more."""
SETTLING_GRACE_SECONDS = 5.0


class Dispatcher:
    """Sends what the outbox holds, for the instances whose leases are ours.

    The table is the truth; memory holds a bounded part of each lane. `wake` and `forget` may be
    called at any time from the same event loop, `run` once.
    """

    def __init__(self, means: DeliveryMeans) -> None:
        self._means = means
        self._policy = means.policy()
        self._slots = Slots(means.settings.max_in_flight)
        self._board = Board(self._slots)
        self._busy: set[NotificationId] = set()
        self._refiller = Refiller(means, self._board, self._busy)
        self._sender = Sender(means.outbound, means.settings, means.now)
        self._settler = Settler(means.database, self._on_settled)
        self._reporter = Reporter(means.metrics)
        self._nudge = asyncio.Event()
        self._rests_until = means.now()
        self._tasks: asyncio.TaskGroup | None = None
        self._senders: set[asyncio.Task[None]] = set()
        self._stopping = False

    async def run(self, stop: asyncio.Event) -> None:
        """Send until told to stop, then wait for what is under way and record it.

        What the grace period cuts off is no failed attempt: it is sent again after the restart.
        """
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            loading = tasks.create_task(self._keep_loading(), name="load deliveries")
            settling = tasks.create_task(self._settler.run(), name="settle deliveries")
            try:
                await stop.wait()
            finally:
                self._stopping = True
            loading.cancel()
            await self._drain(settling)

    def wake(self, instance_id: InstanceId, ready: Sequence[ReadyNotification] = ()) -> None:
        """Something was committed for this instance: `ready`, or whatever is in the table."""
        lane = None if self._stopping else self._refiller.lane(instance_id)
        if lane is None:
            return
        if ready:
            self._refiller.hand_over(lane, ready)
        else:
            lane.note_outside(self._means.now())
        self._proceed(lane)

    async def forget(self, instance_id: InstanceId) -> None:
        """Drop an instance's memory: no attempt begins under what was known of it until now.

        Attempts under way end as they may; their outcomes count only if their lease still holds.
        The next ones wait for the fencing token that the change has raised.
        """
        with self._refiller.withheld(instance_id), contextlib.suppress(DatabaseUnavailable):
            await self._means.leases.run_once()
        self._nudge.set()

    def look(self) -> None:
        """Compare all lanes with leases and table now, as after the set of leases has changed."""
        self._refiller.survey_now()
        self._nudge.set()

    async def _keep_loading(self) -> None:
        while True:
            self._nudge.clear()
            database_away = False
            try:
                await self._refiller.run_once()
            except DatabaseUnavailable as error:
                database_away = True
                log.debug("delivery.loading_waits", reason=str(error))
            self._begin_attempts()
            pause = OUTAGE_PAUSE_SECONDS if database_away else self._seconds_until_work()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._nudge.wait()

    def _seconds_until_work(self) -> float:
        look_at, alarm_at = self._refiller.next_look_at, self._board.next_alarm_at()
        self._rests_until = look_at if alarm_at is None else min(look_at, alarm_at)
        if self._refiller.has_work():
            return 0.0
        return max(0.0, (self._rests_until - self._means.now()).total_seconds())

    def _nudge_loading(self) -> None:
        """Let the loading go on if it would rest although there is something to do."""
        alarm_at = self._board.next_alarm_at()
        if self._refiller.has_work() or (alarm_at is not None and alarm_at < self._rests_until):
            self._nudge.set()

    def _proceed(self, lane: Lane) -> None:
        """Something has happened to a lane: begin what can begin, load what is wanted."""
        self._board.review(lane, self._means.now())
        self._begin_attempts()
        self._nudge_loading()

    def _begin_attempts(self) -> None:
        """Begin what may begin, each attempt in a task that goes on with others in its slot."""
        while self._tasks is not None and (sending := self._next()) is not None:
            name = f"send {sending.lane.instance_id}/{sending.begun.ready.id} and others"
            task = self._tasks.create_task(self._keep_sending(sending), name=name)
            self._senders.add(task)
            task.add_done_callback(self._senders.discard)

    async def _keep_sending(self, sending: Sending | None) -> None:
        while sending is not None:
            await self._attempt(sending)
            self._board.review(sending.lane, self._means.now())
            sending = self._next()
            self._begin_attempts()
            self._nudge_loading()

    def _next(self) -> Sending | None:
        """The next attempt to be made now, its slot taken."""
        now = self._means.now()
        while self._may_begin():
            lane = self._board.next_to_send(now)
            if lane is None:
                return None
            is_ours = self._refiller.lane(lane.instance_id) is lane
            if is_ours and (sending := self._begin(lane, now)) is not None:
                return sending
        return None

    def _may_begin(self) -> bool:
        """Outcomes that cannot be recorded must not pile up."""
        room = self._settler.waiting < UNSETTLED_PER_SLOT * self._means.settings.max_in_flight
        return room and not self._stopping and not self._settler.is_stalled

    def _begin(self, lane: Lane, now: datetime) -> Sending | None:
        sending = take_next(lane)
        if sending is not None:
            self._slots.take(sending.tier)
            self._busy.add(sending.begun.ready.id)
            self._board.review(lane, now)
        return sending

    async def _attempt(self, sending: Sending) -> None:
        """One attempt; if a stop cuts it off, that is recorded and counts for nothing."""
        if not self._may_still_send(sending.lane):
            self._give_back(sending)
            return
        began_at = self._means.now()
        try:
            outcome = await self._sender.send(
                sending.signer, sending.begun.ready, may_repeat=sending.may_repeat
            )
        except asyncio.CancelledError:
            self._conclude(sending, cancelled(began_at, self._means.now()))
            raise
        self._conclude(sending, outcome)

    def _may_still_send(self, lane: Lane) -> bool:
        """Asked right before the call: lease and configuration may have gone since the decision."""
        return not lane.is_closed and self._means.leases.token(lane.instance_id) == lane.token

    def _give_back(self, sending: Sending) -> None:
        self._slots.release(sending.tier)
        sending.lane.finish(None, None)
        sending.lane.note_outside(sending.begun.ready.due_at)
        self._busy.discard(sending.begun.ready.id)

    def _conclude(self, sending: Sending, outcome: Outcome) -> None:
        lane = sending.lane
        self._slots.release(sending.tier)
        lane.finish(outcome.duration_seconds, outcome.blame)
        conclusion = sending.conclude(outcome, self._policy, self._means.chance())
        changed = conclusion.endpoint != lane.status and not lane.is_closed
        if conclusion.endpoint.warned > lane.status.warned:
            self._reporter.endpoint_warned(lane.instance_id, conclusion.endpoint)
        if lane.turn(conclusion.endpoint, self._means.now()):
            self._reporter.endpoint_turned(lane.instance_id, conclusion.endpoint)
        self._reporter.attempted(conclusion.settlement, sending.begun.ready)
        self._settler.add(
            Result(
                settlement=conclusion.settlement,
                token=lane.token,
                endpoint=conclusion.endpoint if changed else None,
                refunded=conclusion.refunded,
            )
        )

    def _on_settled(self, results: Sequence[Result], settled: Settled) -> None:
        self._refiller.take_settled(results, settled)
        self._begin_attempts()
        self._nudge_loading()

    async def _drain(self, settling: asyncio.Task[None]) -> None:
        """Wait for attempts under way as long as the grace lasts, then record what there is."""
        log.info("delivery.draining", attempts=len(self._senders), unsettled=self._settler.waiting)
        if self._senders:
            await asyncio.wait(self._senders, timeout=self._means.grace_seconds)
        for sender in tuple(self._senders):
            sender.cancel()
        if self._senders:
            await asyncio.wait(self._senders)
        self._settler.finish()
        await asyncio.wait([settling], timeout=SETTLING_GRACE_SECONDS)
        settling.cancel()
