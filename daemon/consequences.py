"""The consequences of what people change: what is in memory follows before they are answered."""

from __future__ import annotations

from collections.abc import Collection

from daemon.delivery.dispatcher import Dispatcher
from daemon.instance import InstanceId, ResourceKey
from daemon.neighbours import Neighbours
from daemon.polling.schedule import Schedule
from daemon.polling.supervisor import Supervisor

BASELINE_WAIT_SECONDS = 60.0
"""How long `POST /instances` waits for the baseline before it answers that it is pending."""


class Consequences:
    """What polling and delivery do about a change that was just committed, here or, if another
    daemon holds the instance, there."""

    def __init__(
        self,
        supervisor: Supervisor,
        dispatcher: Dispatcher,
        schedule: Schedule,
        neighbours: Neighbours,
    ) -> None:
        self._supervisor = supervisor
        self._dispatcher = dispatcher
        self._schedule = schedule
        self._neighbours = neighbours

    async def created(self, instance_id: InstanceId) -> None:
        """A new instance is polled; its baseline is waited for."""
        await self._supervisor.refresh(instance_id)
        await self._supervisor.first_polls(instance_id, BASELINE_WAIT_SECONDS)
        await self._schedule.flush()

    async def polls_awaited(self, instance_id: InstanceId, names: Collection[str]) -> None:
        """These resources have to begin anew; that is waited for."""
        if not self._neighbours.is_ours(instance_id):
            await self._neighbours.wait_for_polls(instance_id, names, BASELINE_WAIT_SECONDS)
            return
        await self._supervisor.first_polls(instance_id, BASELINE_WAIT_SECONDS, names)
        await self._schedule.flush()

    async def changed(self, instance_id: InstanceId) -> None:
        """Nothing is polled or sent any more under what was known of the instance."""
        await self._dispatcher.forget(instance_id)
        self._schedule.forget(instance_id)
        await self._supervisor.refresh(instance_id)
        self._dispatcher.look()
        self._neighbours.tell(instance_id)

    async def endpoint_changed(self, instance_id: InstanceId) -> None:
        """Nothing is sent any more under what was known of the endpoint."""
        await self._dispatcher.forget(instance_id)
        self._dispatcher.look()
        self._neighbours.tell(instance_id)

    def to_send(self, instance_id: InstanceId) -> None:
        """There is something in the table to be sent."""
        self._dispatcher.wake(instance_id)
        self._neighbours.tell(instance_id)

    def poll_now(self, instance_id: InstanceId, names: Collection[str]) -> None:
        """Poll these resources at once instead of when they are due."""
        for name in names:
            self._supervisor.poll_now(ResourceKey(instance_id=instance_id, name=name))
            self._neighbours.tell(instance_id, name)

    async def told(self, instance_id: InstanceId, name: str | None) -> None:
        """Another daemon was asked to change something about an instance of ours."""
        if name is not None:
            self._supervisor.poll_now(ResourceKey(instance_id=instance_id, name=name))
            return
        await self._dispatcher.forget(instance_id)
        self._dispatcher.look()
        self._supervisor.wake()
