"""Changes of one polled resource by people: stored under the lease, then made to work."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog

from daemon.admin.context import AdminContext
from daemon.admin.instance_changes import take_effect
from daemon.errors import Conflict, InstanceDisabled
from daemon.instance import InstanceState, ResourceKey, ResourceState
from daemon.store import instance_changes
from daemon.store.accounts import User
from daemon.store.database import Connection
from daemon.store.instance_resources import ConfiguredResource, get_resource, raise_version

log = structlog.get_logger(__name__)

Change = Callable[[Connection, ConfiguredResource], Awaitable[None]]
"""Checks the resource as it is, and writes the change. Runs again after a deadlock."""


async def change_resource(
    context: AdminContext, user: User, key: ResourceKey, change: Change
) -> None:
    """Apply a change; when this returns, nothing is committed any more that began before it.

    Raises NotFound, and Conflict for a resource that the configuration no longer names.
    """

    async def work(connection: Connection) -> None:
        await instance_changes.lock(connection, user.organization_id, key.instance_id)
        resource = await get_resource(connection, key.instance_id, key.name)
        if resource.state is ResourceState.STOPPED:
            raise Conflict(f"The configuration of the instance no longer names {key.name}.")
        await raise_version(connection, resource.id)
        await change(connection, resource)

    await context.database.run_transaction(work)
    await take_effect(context, key.instance_id)


async def check_polled(
    context: AdminContext, user: User, key: ResourceKey, *, paused: bool = False
) -> None:
    """Raises InstanceDisabled or Conflict if the resource is not polled in its present state.

    With `paused` it may be paused.
    """
    owned = await context.instances.get(user.organization_id, key.instance_id)
    if owned.instance.state is InstanceState.DISABLED:
        raise InstanceDisabled(f"Instance {key.instance_id} is disabled.")
    if not owned.instance.polls:
        raise Conflict(f"Instance {key.instance_id} needs new credentials before it is polled.")
    resource = await get_resource(context.database, key.instance_id, key.name)
    if resource.state is ResourceState.PAUSED and not paused:
        raise Conflict(f"{key.name} is paused: resume it first.")
