"""The composition root: opens things in order, names the root tasks, closes in reverse."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import structlog

from daemon import __version__
from daemon.admin.authentication import invitation
from daemon.admin.context import SandboxDoor
from daemon.admin.server import create_application
from daemon.admin.site import serve
from daemon.composition import Foundation, Parts, assemble
from daemon.declarations import Declaration, read_declarations
from daemon.declaring import declare
from daemon.errors import DatabaseUnavailable, PollhookError
from daemon.logs import RepeatGate
from daemon.memory import collect_rarely
from daemon.reloading import Reloading
from daemon.settings import Settings
from daemon.signals import handled
from daemon.store.database import IDLE_IN_TRANSACTION_SECONDS
from daemon.store.embedded import EmbeddedPostgres
from daemon.store.migrations import check_server, migrate
from daemon.systemd import Notifier

log = structlog.get_logger(__name__)

DATABASE_RETRY_SECONDS = 1.0
START_EXTENSION_SECONDS = 30.0
RECORDING_SECONDS = 10.0
"""What the database has after the grace period to record what came of the work."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """Everything runs: under which base URL, where a new first account's secrets were told, and the
    address that signs in at the page once, if there is somebody to be told."""

    url: str
    account_file: Path | None
    sign_in_url: str | None = field(repr=False)


OnReady = Callable[[Ready], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the daemon is asked by those who run it, and how it tells them."""

    stop: asyncio.Event
    notifier: Notifier


async def run(
    settings: Settings,
    *,
    stop: asyncio.Event | None = None,
    on_ready: OnReady | None = None,
    sandbox: SandboxDoor | None = None,
) -> None:
    """Run the daemon until `stop` is set or SIGTERM or SIGINT comes.

    Raises PollhookError for what keeps it from starting, and for an embedded database that died.
    """
    stop = stop or asyncio.Event()
    notifier = Notifier.from_environment(os.environ)
    around = Surroundings(stop=stop, notifier=notifier)
    async with AsyncExitStack() as stack:
        parts = await stack.enter_async_context(assemble(settings))
        base = parts.foundation
        declarations = read_declarations(parts.admin, settings)
        reloading = Reloading(parts.admin, settings, notifier)
        stack.enter_context(handled(stop, reloading.ask))
        application = create_application(replace(parts.admin, sandbox=sandbox))
        url = await stack.enter_async_context(
            serve(application, settings.admin.host, settings.admin.port)
        )
        log.info("daemon.starting", version=__version__, url=url)
        server = await stack.enter_async_context(_database(base, around))
        if stop.is_set():
            return
        prepare = partial(_prepare, parts, url, declarations, invites=on_ready is not None)
        ready = await _patiently(base, around, prepare)
        if ready is None:
            return
        announce = partial(_announce, ready, notifier, on_ready)
        await _work(parts, server, around, reloading, announce)
    log.info("daemon.stopped")


async def _prepare(
    parts: Parts, url: str, declarations: Sequence[Declaration], *, invites: bool
) -> Ready:
    """Bring the database to where the work can begin."""
    base = parts.foundation
    await check_server(base.database)
    for migration in await migrate(base.database):
        log.info("database.migrated", number=migration.number, name=migration.name)
    await parts.admin.accounts.check_keyring()
    account = await parts.admin.accounts.ensure_first(base.settings.data_dir)
    if account is not None:
        log.info("account.created", secrets_in=str(account))
    await declare(parts.admin, declarations)
    base.startup.configured = True
    await base.leases.run_once()
    sign_in_url = await invitation(parts.admin, url) if invites else None
    return Ready(url=url, account_file=account, sign_in_url=sign_in_url)


def _announce(ready: Ready, notifier: Notifier, on_ready: OnReady | None) -> None:
    notifier.ready(f"serving {ready.url}")
    log.info("daemon.ready", url=ready.url)
    if on_ready is not None:
        on_ready(ready)


@asynccontextmanager
async def _database(
    base: Foundation, around: Surroundings
) -> AsyncIterator[EmbeddedPostgres | None]:
    """Our own server, or an external one that is waited for; connected in either case."""
    dsn = base.settings.database.dsn
    async with AsyncExitStack() as stack:
        server = None
        around.notifier.extend_timeout(START_EXTENSION_SECONDS)
        if dsn is None:
            server = EmbeddedPostgres(base.settings.data_dir)
            address = await stack.enter_async_context(server)
            await _connect(base, address.as_arguments())
        else:
            connect = partial(_connect, base, dsn.get_secret_value())
            await _patiently(base, around, connect)
        stack.push_async_callback(base.database.close)
        base.startup.database_reached = not around.stop.is_set()
        yield server


async def _connect(base: Foundation, connect: str | Mapping[str, Any]) -> None:
    """Sessions lose their locks well within a lease, so that a stopped daemon can be replaced."""
    limit = min(IDLE_IN_TRANSACTION_SECONDS, base.settings.lease.seconds / 2)
    await base.database.connect(
        connect,
        pool_size=base.settings.database.pool_size,
        idle_in_transaction_seconds=limit,
    )


async def _patiently(
    base: Foundation, around: Surroundings, step: Callable[[], Awaitable[T]]
) -> T | None:
    """Try until an external server lets the step end; None if told to stop before it does."""
    gate, stop = RepeatGate(), around.stop
    while not stop.is_set():
        try:
            return await step()
        except DatabaseUnavailable as error:
            if base.settings.database.dsn is None:
                raise
            if gate.opens("database", str(error)):
                log.warning("database.waiting", reason=str(error))
        around.notifier.extend_timeout(START_EXTENSION_SECONDS)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DATABASE_RETRY_SECONDS):
                await stop.wait()
    return None


async def _work(
    parts: Parts,
    server: EmbeddedPostgres | None,
    around: Surroundings,
    reloading: Reloading,
    announce: Callable[[], None],
) -> None:
    """Everything at once until `stop`; then polls and sends end before what they need does."""
    base, finish = parts.foundation, asyncio.Event()
    stop, notifier = around.stop, around.notifier
    async with asyncio.TaskGroup() as tasks:

        def root(name: str, work: Coroutine[Any, Any, object]) -> asyncio.Task[None]:
            return tasks.create_task(_root(name, work, stop), name=name)

        watch = root("database", _watch(server)) if server is not None else None
        root("leases", base.leases.run(finish))
        root("schedule", base.schedule.run(finish))
        root("housekeeping", parts.housekeeping.run(finish))
        if base.settings.database.dsn is not None:
            root("neighbours", parts.neighbours.run(stop))
        if notifier.watchdog_interval_seconds is not None:
            root("watchdog", notifier.run_watchdog(finish))
        root("configuration", reloading.run(stop))
        root("supervisor", parts.supervisor.run(stop))
        sending = root("dispatcher", parts.dispatcher.run(stop))
        base.startup.working = True
        collect_rarely()
        announce()
        await stop.wait()
        notifier.stopping("draining")
        # A database that hangs answers nothing and lets go of nobody: it must not keep us for ever.
        patience = base.settings.shutdown_grace_seconds + RECORDING_SECONDS
        late = asyncio.get_running_loop().call_later(patience, base.database.cut_off)
        await _drain(parts, sending)
        finish.set()
        if watch is not None:
            watch.cancel()
    await _leave(base)
    late.cancel()


async def _root(name: str, work: Coroutine[Any, Any, object], stop: asyncio.Event) -> None:
    """A root task may end only after it was asked to: otherwise the process ends too."""
    await work
    if not stop.is_set():
        raise PollhookError(f"The {name} task ended unasked.")


async def _watch(server: EmbeddedPostgres) -> None:
    reason = await server.wait()
    if reason is not None:
        raise DatabaseUnavailable(reason)


async def _drain(parts: Parts, sending: asyncio.Task[None]) -> None:
    grace = parts.foundation.settings.shutdown_grace_seconds
    parts.foundation.startup.draining = True
    log.info("daemon.draining", grace_seconds=grace)
    for key in await parts.supervisor.drain(grace):
        log.warning("poll.cut_off", task=str(key))
    await sending


async def _leave(base: Foundation) -> None:
    """Write down what is in memory and give the leases back, if the database still answers."""
    with contextlib.suppress(DatabaseUnavailable):
        await base.schedule.flush()
        await base.leases.release()
