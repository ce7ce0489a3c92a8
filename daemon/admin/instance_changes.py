"""Changes asked for by people: checked whole, consented to, stored at once, then made to work."""

from __future__ import annotations

from dataclasses import dataclass, field

import orjson
import structlog

from daemon.admin.context import AdminContext
from daemon.admin.field_checks import check_fields
from daemon.admin.filter_changes import apply_decision
from daemon.admin.instance_bodies import Alteration
from daemon.admin.instance_views import render_instance
from daemon.admin.instance_wishes import Wish, obtain_grant, wish_for_altered
from daemon.connectors.connector import UNSTORED, Account, Connector, Grant
from daemon.delivery.signing import new_webhook_secret
from daemon.errors import PollhookError
from daemon.instance import InstanceId, ResourceState
from daemon.store import instance_changes as rows
from daemon.store.accounts import User
from daemon.store.database import Connection
from daemon.store.first_account import new_secret
from daemon.store.idempotency import Claim
from daemon.store.instance_resources import list_resources, write_resources

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An instance to be made: for whom, at which provider, and under which idempotency claim."""

    user: User
    connector: Connector
    wish: Wish = field(repr=False)
    claim: Claim | None


async def create(context: AdminContext, order: Order) -> bytes:
    """Spend the consent, store the instance, read its baseline; the answer as it will be repeated.

    Raises CredentialsRefused and other ProviderErrors, having stored nothing.
    """
    grant = await _consent(order.connector, order.wish, UNSTORED)
    new = new_instance(context, order, grant)

    async def work(connection: Connection) -> tuple[InstanceId, bytes]:
        instance_id = await rows.create(connection, context.keyring, new)
        await write_resources(connection, instance_id, order.wish.resources)
        owned = await context.instances.get(order.user.organization_id, instance_id, connection)
        content = render_instance(owned, order.connector.element, webhook_secret=new.webhook_secret)
        answer = orjson.dumps(content)
        if order.claim is not None:
            await context.idempotency.finish(connection, order.claim, answer)
        return instance_id, answer

    instance_id, answer = await context.database.run_transaction(work)
    log.info("instance.created", instance=instance_id, element=new.element_key)
    await _begin(context, instance_id)
    return answer


async def alter(
    context: AdminContext, user: User, instance_id: InstanceId, alteration: Alteration
) -> None:
    """Check, spend the consent if there is one, store, and return when the old state is over.

    Everything is checked once more under the lock, so that of two alterations neither is lost.
    Resources that are new, or begin anew, have their baseline then.
    """

    async def wish(connection: Connection | None = None) -> tuple[Connector, Wish]:
        source = connection or context.database
        owned = await context.instances.get(user.organization_id, instance_id, connection)
        stored = await list_resources(source, instance_id)
        return wish_for_altered(context, owned, stored, alteration)

    grant = await _consent(*await wish(), instance_id)

    async def work(connection: Connection) -> None:
        await rows.lock(connection, user.organization_id, instance_id)
        _, wished = await wish(connection)
        await rows.alter(connection, context.keyring, instance_id, as_stored(wished, grant))
        await write_resources(connection, instance_id, wished.resources)
        decision = alteration.body.on_filter_change
        if decision is not None:
            for change in wished.filter_changes:
                await apply_decision(connection, change, decision)

    await context.database.run_transaction(work)
    log.info("instance.altered", instance=instance_id)
    await take_effect(context, instance_id)


async def switch(context: AdminContext, user: User, instance_id: InstanceId, *, on: bool) -> None:
    """Enable or disable; after a disabling no commit and no send begins."""

    async def work(connection: Connection) -> None:
        await rows.lock(connection, user.organization_id, instance_id)
        await rows.switch(connection, instance_id, on=on)

    await context.database.run_transaction(work)
    log.info("instance.enabled" if on else "instance.disabled", instance=instance_id)
    await take_effect(context, instance_id)


async def delete(context: AdminContext, user: User, instance_id: InstanceId) -> None:
    """Delete for good; what it left is cleared away in the background."""

    async def work(connection: Connection) -> None:
        await rows.lock(connection, user.organization_id, instance_id)
        await rows.delete(connection, instance_id)

    await context.database.run_transaction(work)
    log.info("instance.deleted", instance=instance_id)
    await context.on_changed(instance_id)


async def _consent(connector: Connector, wish: Wish, instance_id: InstanceId) -> Grant | None:
    """Spend the consent if there is one. Without, the fields that are named can be checked first;
    with, the instance is kept whatever comes, and its state says which ones are missing."""
    grant = await obtain_grant(connector, wish)
    if grant is None and wish.unchecked:
        account = Account(instance_id=instance_id, configuration=wish.values)
        await check_fields(connector, account, wish.unchecked)
    return grant


async def take_effect(context: AdminContext, instance_id: InstanceId) -> None:
    """End the old state, and read the baselines that are missing now, as far as that can be.

    One that could not be read before is left to its own next attempt.
    """
    await context.on_changed(instance_id)
    pending = [
        resource.name
        for resource in await list_resources(context.database, instance_id)
        if resource.state is ResourceState.BASELINE_PENDING and resource.failures == 0
    ]
    if pending:
        await context.on_polls_awaited(instance_id, pending)


async def _begin(context: AdminContext, instance_id: InstanceId) -> None:
    """Read the baseline. The consent is spent: from here on nothing refuses the instance."""
    try:
        await context.on_created(instance_id)
    except PollhookError as error:
        log.warning("instance.baseline_pending", instance=instance_id, reason=str(error))
    except Exception:
        log.exception("instance.baseline_failed", instance=instance_id)


def new_instance(context: AdminContext, order: Order, grant: Grant | None) -> rows.NewInstance:
    """What is to be stored of it, its token and webhook secret invented."""
    return rows.NewInstance(
        organization_id=order.user.organization_id,
        user_id=order.user.id,
        element_key=order.connector.element.key,
        name=order.wish.name,
        tags=order.wish.tags,
        configuration=order.wish.plain,
        secrets=order.wish.secrets,
        token=new_secret(),
        webhook_secret=new_webhook_secret(),
        grant=grant,
        lease_owner=context.lease_owner,
    )


def as_stored(wish: Wish, grant: Grant | None) -> rows.Alteration:
    """What is to be stored of an instance that is there already."""
    return rows.Alteration(
        name=wish.name,
        tags=wish.tags,
        configuration=wish.plain,
        secrets=wish.secrets,
        grant=grant,
        reauthorizes=wish.reauthorizes,
    )
