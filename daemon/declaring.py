"""Declaring: what the configuration file says about instances made true, all of it or nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import structlog

from daemon.admin.context import AdminContext
from daemon.admin.filter_changes import apply_decision
from daemon.admin.instance_bodies import Alteration, OnFilterChange
from daemon.admin.instance_changes import Order, as_stored, new_instance
from daemon.admin.instance_wishes import Wish, wish_for_altered
from daemon.connectors.connector import Grant
from daemon.declarations import Declaration
from daemon.errors import InvalidInput
from daemon.instance import InstanceId, InstanceState, ResourceState
from daemon.store import declared_instances as declared
from daemon.store import instance_changes as rows
from daemon.store.accounts import User
from daemon.store.database import Connection
from daemon.store.declared_instances import DeclaredRow
from daemon.store.instance_resources import ConfiguredResource, list_resources, write_resources
from daemon.store.instances import OwnedInstance

log = structlog.get_logger(__name__)


async def declare(
    context: AdminContext, declarations: Sequence[Declaration]
) -> Collection[InstanceId]:
    """Make, alter and switch instances until they are as declared; answers those that changed.

    One that is declared no longer is disabled. New ones belong to the first user. No provider is
    called: credentials are tried by the first poll. Raises InvalidInput, having changed nothing.
    """
    if not declarations and not await declared.list_declared(context.database):
        return ()

    async def work(connection: Connection) -> _Round:
        await declared.lock(connection)
        owner = await context.accounts.get_first(connection)
        stored = await declared.list_declared(connection)
        done = _Round(context=context, connection=connection, owner=owner)
        # In the order of ids, in which everybody locks.
        for name in sorted(stored, key=lambda name: stored[name].id):
            await done.settle(stored[name], name, {each.name: each for each in declarations})
        for declaration in declarations:
            if declaration.name not in stored:
                await done.create(declaration)
        return done

    done = await context.database.run_transaction(work)
    for event, instance_id, name in done.told:
        log.info(event, instance=instance_id, declared=name)
    return dict.fromkeys(instance_id for _, instance_id, _ in done.told)


@dataclass(kw_only=True)
class _Round:
    """One transaction that makes the declarations true, and what it did."""

    context: AdminContext
    connection: Connection
    owner: User
    told: list[tuple[str, InstanceId, str]] = field(default_factory=list)

    async def create(self, declaration: Declaration) -> None:
        wish, keyring = declaration.wish, self.context.keyring
        order = Order(user=self.owner, connector=declaration.connector, wish=wish, claim=None)
        new = new_instance(self.context, order, _seed_grant(wish))
        instance_id = await rows.create(self.connection, keyring, new)
        await write_resources(self.connection, instance_id, wish.resources)
        await declared.mark(self.connection, instance_id, declaration.name, declaration.seed)
        self.told.append(("instance.created", instance_id, declaration.name))
        if not declaration.enabled:
            await rows.switch(self.connection, instance_id, on=False)

    async def settle(
        self, row: DeclaredRow, name: str, declarations: Mapping[str, Declaration]
    ) -> None:
        """An instance that is there already: altered if need be, and on or off as is declared."""
        declaration = declarations.get(name)
        if declaration is not None:
            await self._alter(row, declaration)
        enabled = declaration is not None and declaration.enabled
        if enabled != (row.state is not InstanceState.DISABLED):
            await rows.lock(self.connection, row.organization_id, row.id)
            await rows.switch(self.connection, row.id, on=enabled)
            event = "instance.enabled" if enabled else "instance.disabled"
            self.told.append((event, row.id, name))

    async def _alter(self, row: DeclaredRow, declaration: Declaration) -> None:
        owned = await self.context.instances.get(row.organization_id, row.id, self.connection)
        resources = await list_resources(self.connection, row.id)
        is_sown = declaration.seed in (None, row.seed)
        body = declaration.keeping(owned.secrets) if is_sown else declaration.body
        alteration = Alteration(body=body, faults=(), merge=False)
        try:
            _, wish = wish_for_altered(self.context, owned, resources, alteration)
        except InvalidInput as error:
            raise declaration.refused(error) from error
        if is_sown and _is_as_wished(owned, resources, wish):
            return
        await rows.lock(self.connection, row.organization_id, row.id)
        stored = as_stored(wish, None if is_sown else _seed_grant(wish))
        await rows.alter(self.connection, self.context.keyring, row.id, stored)
        await write_resources(self.connection, row.id, wish.resources)
        for change in wish.filter_changes:
            decision = body.on_filter_change or OnFilterChange.KEEP
            await apply_decision(self.connection, change, decision)
        await declared.mark(self.connection, row.id, declaration.name, declaration.seed)
        self.told.append(("instance.altered", row.id, declaration.name))


def _seed_grant(wish: Wish) -> Grant | None:
    """A grant that is to be renewed before it is used, since the file has only its second half."""
    if wish.refresh_token is None:
        return None
    return Grant(access_token="", refresh_token=wish.refresh_token, refresh_at=datetime.now(UTC))


def _is_as_wished(
    owned: OwnedInstance, resources: Sequence[ConfiguredResource], wish: Wish
) -> bool:
    instance = owned.instance
    polled: dict[str, Any] = {
        resource.name: resource.configuration
        for resource in resources
        if resource.state is not ResourceState.STOPPED
    }
    return (
        instance.name == wish.name
        and instance.tags == tuple(wish.tags)
        and instance.configuration == wish.plain
        and owned.secrets == wish.secrets
        and list(polled.items()) == list(wish.resources.items())
    )
