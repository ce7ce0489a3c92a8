"""The demo: the real daemon between a sandbox Maximizer and a sample callback, on loopback."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

import orjson

from daemon import app
from daemon.address_guard import AddressGuard
from daemon.admin.context import SandboxDoor
from daemon.demo_tour import Tour
from daemon.errors import InvalidInput
from daemon.logs import configure_logs
from daemon.outbound import Outbound
from daemon.sandbox import crm, receiver
from daemon.sandbox.service import Options
from daemon.sandbox.serving import serving
from daemon.settings import Settings

DEFAULT_PORT = 8080
CALLS, CALLS_SECONDS = 300, 10
LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """The daemon as it came up: where it listens, and the secrets of its first account."""

    url: str
    account_file: Path
    sign_in_url: str | None
    user_secret: str
    organization_secret: str
    stop: asyncio.Event


async def run(*, port: int | None, once: bool) -> int:
    """Show everything; answers the exit status.

    `once` ends after the first notification of each kind has been verified: 0 if all were.
    """
    configure_logs("warning", "auto")
    try:
        return await _show(DEFAULT_PORT if port is None else port, once=once)
    except InvalidInput as error:
        if port is not None or all(fault.field != "admin.port" for fault in error.faults):
            raise
    print(f"Port {DEFAULT_PORT} is taken, so a free one is used.")
    return await _show(0, once=once)


async def _show(port: int, *, once: bool) -> int:
    with tempfile.TemporaryDirectory(prefix="pollhook-demo-") as folder:
        async with (
            serving(crm.create_app(_generous()), "127.0.0.1", 0) as crm_url,
            serving(receiver.create_app(), "127.0.0.1", 0) as receiver_url,
            Outbound(AddressGuard(LOOPBACK)) as outbound,
            _daemon(_settings(Path(folder), port, crm_url), _door(outbound, crm_url)) as started,
        ):
            print(f"pollhook             {started.url}  (secrets: {started.account_file})")
            if sys.stdout.isatty() and started.sign_in_url is not None:
                print(f"its page             {started.sign_in_url}  (signs in once)")
            else:
                print(f"its page             {started.url}/ui/")
            print(f"Maximizer stand-in   {crm_url}")
            print(f"sample callback      {receiver_url}/callback\n")
            authorization = (
                f"User {started.user_secret}, Organization {started.organization_secret}"
            )
            tour = Tour(
                outbound=outbound,
                api_url=started.url,
                crm_url=crm_url,
                receiver_url=receiver_url,
                authorization=authorization,
            )
            await tour.connect()
            return await tour.watch_once() if once else await tour.watch(started.stop)


def _door(outbound: Outbound, crm_url: str) -> SandboxDoor:
    """How the page reaches the stand-in's records."""

    async def call(method: str, path: str, body: bytes) -> tuple[int, bytes]:
        answer = await outbound.request(
            method,
            f"{crm_url}{path}",
            headers={"Content-Type": "application/json"},
            data=body or None,
            deadline_seconds=10,
            max_bytes=1_048_576,
            guard=False,
        )
        return answer.status, answer.body

    return call


def _generous() -> Options:
    """A stand-in that lets itself be asked more often than the real one, so that nobody waits."""
    return Options(faults={"rate_limit_calls": CALLS, "rate_limit_seconds": CALLS_SECONDS})


def _settings(folder: Path, port: int, crm_url: str) -> Settings:
    """The product's own defaults, but for where the provider is and how often it may be asked."""
    return Settings.model_validate(
        {
            "data_dir": folder,
            "admin": {"port": port},
            "security": {"allowed_private_networks": [str(network) for network in LOOPBACK]},
            "connectors": {
                "maximizer": {
                    "authorize_url": f"{crm_url}/oauth2/{{alias}}/authorize",
                    "token_url": f"{crm_url}/oauth2/{{alias}}/token",
                    "api_url": f"{crm_url}/octopus",
                    "rate_limit": f"{CALLS}/{CALLS_SECONDS}s",
                }
            },
        }
    )


@asynccontextmanager
async def _daemon(settings: Settings, sandbox: SandboxDoor) -> AsyncIterator[Started]:
    """The daemon running in this process until the context ends, or a signal ends it."""
    stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()

    def on_ready(told: app.Ready) -> None:
        ready.set_result(told)

    async with asyncio.TaskGroup() as tasks:
        running = app.run(settings, stop=stop, on_ready=on_ready, sandbox=sandbox)
        daemon = tasks.create_task(running, name="daemon")
        await asyncio.wait({daemon, ready}, return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            await daemon
            raise InvalidInput([])
        told = ready.result()
        account = orjson.loads(told.account_file.read_bytes())
        try:
            yield Started(
                url=told.url,
                account_file=told.account_file,
                sign_in_url=told.sign_in_url,
                user_secret=account["userSecret"],
                organization_secret=account["organizationSecret"],
                stop=stop,
            )
        finally:
            stop.set()
