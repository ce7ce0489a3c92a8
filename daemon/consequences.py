"""The consequences of what people change: what is in memory follows before they are answered."""

from __future__ import annotations

from collections.abc import Collection

from daemon.delivery.dispatcher import Dispatcher
from daemon.instance import InstanceId, ResourceKey
from daemon.polling.schedule import Schedule
from daemon.polling.supervisor import Supervisor

BASELINE_WAIT_SECONDS = 60.0
"""How long `POST /instances` waits for the baseline before it answers that it is pending."""


class Consequences:
    """What polling and delivery do about a change that was just committed."""

    def __init__(self, supervisor: Supervisor, dispatcher: Dispatcher, schedule: Schedule) -> None:
        self._supervisor = supervisor
        self._dispatcher = dispatcher
        self._schedule = schedule

    async def created(self, instance_id: InstanceId) -> None:
        """A new instance is polled; its baseline is waited for."""
        await self._supervisor.refresh(instance_id)
        await self._supervisor.first_polls(instance_id, BASELINE_WAIT_SECONDS)
        await self._schedule.flush()

    async def polls_awaited(self, instance_id: InstanceId, names: Collection[str]) -> None:
        """These resources have to begin anew; that is waited for."""
        await self._supervisor.first_polls(instance_id, BASELINE_WAIT_SECONDS, names)
        await self._schedule.flush()

    async def changed(self, instance_id: InstanceId) -> None:
        """Nothing is polled or sent any more under what was known of the instance."""
        await self._dispatcher.forget(instance_id)
        self._schedule.forget(instance_id)
        await self._supervisor.refresh(instance_id)
        self._dispatcher.look()

    async def endpoint_changed(self, instance_id: InstanceId) -> None:
        """Nothing is sent any more under what was known of the endpoint."""
        await self._dispatcher.forget(instance_id)
        self._dispatcher.look()

    def poll_now(self, instance_id: InstanceId, names: Collection[str]) -> None:
        """Poll these resources at once instead of when they are due."""
        for name in names:
            self._supervisor.poll_now(ResourceKey(instance_id=instance_id, name=name))
