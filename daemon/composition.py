"""Composition: every part of the daemon made and wired, none of it running yet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from daemon import __version__
from daemon.address_guard import AddressGuard
from daemon.admin.context import AdminContext, ReadinessCheck
from daemon.connectors.connector import Connector
from daemon.connectors.registry import open_connectors
from daemon.consequences import Consequences
from daemon.delivery.dispatcher import Dispatcher
from daemon.delivery.means import DeliveryMeans
from daemon.housekeeping import Housekeeping
from daemon.instance import PollTarget
from daemon.leases import Leases
from daemon.metrics import Metrics
from daemon.neighbours import Neighbours
from daemon.outbound import Outbound
from daemon.polling.cadence import Cadence
from daemon.polling.means import PollingMeans
from daemon.polling.schedule import Schedule
from daemon.polling.signals import Signals
from daemon.polling.supervisor import Supervisor
from daemon.settings import Settings
from daemon.store.accounts import Accounts
from daemon.store.credentials import Credentials
from daemon.store.database import Database
from daemon.store.encryption import Keyring, open_keyring
from daemon.store.idempotency import IdempotencyKeys
from daemon.store.instances import Instances
from daemon.store.private_file import make_folder
from daemon.store.room import why_full


@dataclass(slots=True, kw_only=True)
class Startup:
    """How far the daemon is: what readiness is asked about."""

    database_reached: bool = False
    configured: bool = False
    working: bool = False
    draining: bool = False

    async def why_not_started(self) -> str | None:
        """The reason why the work has not begun, None if it has."""
        if not self.database_reached:
            return "The database has not been reached yet."
        return None if self.working else "The daemon is starting."

    async def why_not_configured(self) -> str | None:
        """The reason why what the configuration declares does not hold yet, None if it does."""
        return None if self.configured else "The declared instances have not been made yet."

    async def why_draining(self) -> str | None:
        """The reason why no new work is begun, None if it is."""
        return "The daemon is stopping." if self.draining else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Foundation:
    """What every other part stands on. The database is connected later."""

    settings: Settings
    startup: Startup
    metrics: Metrics
    database: Database
    keyring: Keyring
    instances: Instances
    leases: Leases
    schedule: Schedule
    guard: AddressGuard
    outbound: Outbound


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The parts that run, and the admin context that shows them."""

    foundation: Foundation
    supervisor: Supervisor
    dispatcher: Dispatcher
    housekeeping: Housekeeping
    neighbours: Neighbours
    admin: AdminContext


@asynccontextmanager
async def assemble(settings: Settings) -> AsyncIterator[Parts]:
    """Make every part. Raises InvalidInput for an unreadable key file."""
    foundation = _foundation(settings)
    async with (
        foundation.outbound,
        open_connectors(
            settings.connectors,
            foundation.outbound,
            foundation.guard,
            Credentials(foundation.database, foundation.keyring),
            foundation.metrics,
        ) as connectors,
    ):
        dispatcher = _dispatcher(foundation)
        supervisor = _supervisor(foundation, connectors, dispatcher)
        neighbours = Neighbours(foundation.database, foundation.leases)
        after = Consequences(supervisor, dispatcher, foundation.schedule, neighbours)
        neighbours.on_told = after.told
        admin = _admin(foundation, connectors, after)
        housekeeping = Housekeeping(
            database=foundation.database,
            idempotency=admin.idempotency,
            metrics=foundation.metrics,
            retention=timedelta(days=settings.retention.events_days),
            folder=settings.data_dir if settings.database.dsn is None else None,
        )
        yield Parts(
            foundation=foundation,
            supervisor=supervisor,
            dispatcher=dispatcher,
            housekeeping=housekeeping,
            neighbours=neighbours,
            admin=admin,
        )


def _foundation(settings: Settings) -> Foundation:
    make_folder(settings.data_dir)
    database, guard = Database(), AddressGuard(settings.security.allowed_private_networks)
    keyring = open_keyring(settings.security.encryption_keys_file)
    leases = Leases(
        database,
        seconds=settings.lease.seconds,
        renew_seconds=settings.lease.renew_seconds,
        alone=settings.database.dsn is None,
    )
    return Foundation(
        settings=settings,
        startup=Startup(),
        metrics=Metrics(version=__version__),
        database=database,
        keyring=keyring,
        instances=Instances(database, keyring),
        leases=leases,
        schedule=Schedule(database, leases),
        guard=guard,
        outbound=Outbound(guard),
    )


def _dispatcher(foundation: Foundation) -> Dispatcher:
    return Dispatcher(
        DeliveryMeans(
            database=foundation.database,
            outbound=foundation.outbound,
            leases=foundation.leases,
            endpoint_source=foundation.instances.endpoint_configuration,
            settings=foundation.settings.delivery,
            metrics=foundation.metrics,
            grace_seconds=foundation.settings.shutdown_grace_seconds,
        )
    )


def _supervisor(
    foundation: Foundation, connectors: Mapping[str, Connector], dispatcher: Dispatcher
) -> Supervisor:
    polling = foundation.settings.polling
    concurrency = asyncio.Semaphore(polling.max_concurrent)

    async def poll(target: PollTarget, signals: Signals) -> None:
        await Cadence(means, target, concurrency).run(signals)

    supervisor = Supervisor(foundation.database, foundation.leases, poll)
    means = PollingMeans(
        database=foundation.database,
        leases=foundation.leases,
        connectors=connectors,
        accounts=foundation.instances.get_account,
        schedule=foundation.schedule,
        wake=dispatcher.wake,
        settings=polling,
        delivery=foundation.settings.delivery,
        metrics=foundation.metrics,
        on_needs_reauth=supervisor.wake,
    )

    def on_leases_changed() -> None:
        supervisor.wake()
        dispatcher.look()

    foundation.leases.on_change = on_leases_changed
    return supervisor


def _admin(
    foundation: Foundation, connectors: Mapping[str, Connector], after: Consequences
) -> AdminContext:
    database, keyring = foundation.database, foundation.keyring
    return AdminContext(
        database=database,
        keyring=keyring,
        accounts=Accounts(database, keyring),
        instances=foundation.instances,
        idempotency=IdempotencyKeys(database, keyring),
        connectors=connectors,
        guard=foundation.guard,
        outbound=foundation.outbound,
        polling=foundation.settings.polling,
        delivery=foundation.settings.delivery,
        lease_owner=foundation.leases.owner,
        on_created=after.created,
        on_changed=after.changed,
        on_polls_awaited=after.polls_awaited,
        on_endpoint_changed=after.endpoint_changed,
        wake=after.to_send,
        poll_now=after.poll_now,
        readiness=_readiness(foundation),
        metrics=foundation.metrics,
        started_at=datetime.now(UTC),
        public_url=foundation.settings.admin.public_url,
    )


def _readiness(foundation: Foundation) -> Mapping[str, ReadinessCheck]:
    startup, folder = foundation.startup, foundation.settings.data_dir

    async def why_no_room() -> str | None:
        return why_full(folder)

    checks = {
        "configuration": startup.why_not_configured,
        "started": startup.why_not_started,
        "draining": startup.why_draining,
    }
    own = foundation.settings.database.dsn is None
    return {**checks, "room": why_no_room} if own else checks
