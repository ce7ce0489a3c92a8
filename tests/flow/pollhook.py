"""The daemon as an operator runs it: a configuration file, a process, its API and its database."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp

from daemon.store.database import Database
from daemon.store.embedded import borrow_server
from tests.flow.processes import PATIENCE_SECONDS, Program, running
from tests.flow.standins import Provider, Receiver

OAUTH_CALLBACK = "http://127.0.0.1/oauth/callback"
SIGNATURE_KEY = "the key of both"
RESOURCES = ("contacts", "companies", "addressbook-entries", "opportunities")
OFTEN = "0.005"
"""Minutes between two polls: 0.3 seconds."""
PROMPT = [0, 0.2, 0.4, *[1.0] * 30]
"""Waits before attempts, in seconds, for tests in which a callback comes back soon."""

BURIAL = """
    WITH gone AS (UPDATE daemons SET expires_at = now())
    UPDATE instances SET credentials_locked_until = NULL
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """An instance as its creation answered it."""

    id: int
    token: str
    webhook_secret: str


class Pollhook:
    """The daemon on a folder of its own; begun and ended as often as a test wants.

    `settings` are added to those which a test needs; without a DSN among them the database is
    the embedded one.
    """

    def __init__(self, folder: Path, provider: Provider, settings: Mapping[str, Any]) -> None:
        self.folder = folder
        self.data_dir = folder / "data"
        self.config = folder / "config.yaml"
        self.url = ""
        self._provider = provider
        self._program: Program | None = None
        self._running = AsyncExitStack()
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE_SECONDS))
        self._settings: Mapping[str, Any] = {}
        folder.mkdir(parents=True, exist_ok=True)
        self.add_settings(merged(_settings(self.data_dir, provider), settings))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.kill()
        await self._session.close()

    def add_settings(self, settings: Mapping[str, Any]) -> None:
        """Write the file that the next start reads, with these besides."""
        self._settings = merged(self._settings, settings)
        self.config.write_text(json.dumps(self._settings, indent=1), "utf-8")

    @property
    def program(self) -> Program:
        """The run under way, or the last one."""
        assert self._program is not None
        return self._program

    async def begin(self) -> Program:
        """Start it without waiting for anything."""
        await self._running.aclose()
        self._running = AsyncExitStack()
        self._program = await self._running.enter_async_context(
            running("daemon", "run", "--config", str(self.config), log=self.folder / "daemon.log")
        )
        return self._program

    async def begin_another(self) -> Program:
        """Start a second one on the same folder beside it."""
        return await self._running.enter_async_context(
            running("daemon", "run", "--config", str(self.config), log=self.folder / "second.log")
        )

    async def start(self) -> Program:
        """Start it and wait until it works."""
        program = await self.begin()
        await program.line(event="daemon.ready")
        assert self.is_serving
        return program

    @property
    def is_serving(self) -> bool:
        """Whether the run under way has said that it works; from then on it can be called."""
        ready = self.program.said(event="daemon.ready")
        if ready:
            self.url = ready[0]["url"]
        return bool(ready) and not self.program.has_ended

    async def kill(self) -> None:
        """End it without warning, if it runs."""
        await self._running.aclose()

    async def bury(self) -> None:
        """Let whoever comes after one that was killed begin at once: leases and locks it left on a
        server of others are over. On a server of its own they are without this."""
        if "dsn" in self._settings.get("database", {}):
            async with self.database() as database:
                await database.execute(BURIAL)

    async def stop(self) -> int:
        """Ask it to stop; answers the exit status."""
        return await self.program.end(signal.SIGTERM)

    async def call(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        """One call of the platform API as its first user, which has to be answered so."""
        told, answer = await self.ask(method, path, body)
        assert told == status, f"{method} {path}: {told} {answer}"
        return answer

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """One call of the platform API as its first user: status and content of the answer."""
        async with self._session.request(
            method, self.url + path, json=body, headers={"Authorization": self._authorization()}
        ) as response:
            return response.status, json.loads(await response.text())

    async def health(self, path: str) -> tuple[int, Any]:
        """Status and content of `/livez`, `/readyz` or `/healthz`."""
        async with self._session.get(self.url + path) as response:
            return response.status, await response.json()

    async def consent(self) -> str:
        """The grant code that a person's consent leads to."""
        query = urlencode(
            {
                "apiKey": self._provider.told["clientId"],
                "apiSecret": self._provider.told["clientSecret"],
                "callbackUrl": OAUTH_CALLBACK,
                "maximizer.alias": "Acme",
            }
        )
        asked = await self.call("GET", f"/elements/maximizer/oauth/url?{query}")
        async with self._session.get(
            f"{asked['oauthUrl']}&auto=allow", allow_redirects=False
        ) as response:
            answer = parse_qs(urlsplit(response.headers["Location"]).query)
        return answer["code"][0]

    async def connect(
        self, callback: str, resources: Sequence[str] = RESOURCES, **configuration: Any
    ) -> Connected:
        """An instance made the real way, its baseline read, telling its changes to `callback`."""
        wanted = {
            "oauth.callback.url": OAUTH_CALLBACK,
            "oauth.api.key": self._provider.told["clientId"],
            "oauth.api.secret": self._provider.told["clientSecret"],
            "maximizer.alias": "Acme",
            "event.notification.enabled": True,
            "event.notification.callback.url": callback,
            "event.notification.signature.key": SIGNATURE_KEY,
            "event.poller.refresh_interval": OFTEN,
            "event.poller.configuration": {name: {} for name in resources},
            **configuration,
        }
        body = {
            "name": "Flow",
            "element": {"key": "maximizer"},
            "providerData": {"code": await self.consent()},
            "configuration": wanted,
        }
        made = await self.call("POST", "/instances", body)
        state = await self.state(made["id"])
        assert [each["lastError"] for each in state["resources"]] == [None] * len(resources)
        return Connected(id=made["id"], token=made["token"], webhook_secret=made["webhookSecret"])

    async def state(self, instance_id: int) -> Any:
        """How an instance is doing."""
        return await self.call("GET", f"/instances/{instance_id}/state")

    @asynccontextmanager
    async def database(self) -> AsyncIterator[Database]:
        """The database, to look into; with the embedded one, whether the daemon runs or not."""
        dsn = self._settings.get("database", {}).get("dsn")
        async with AsyncExitStack() as stack:
            if dsn is None:
                address = await stack.enter_async_context(borrow_server(self.data_dir))
                connect: Any = address.as_arguments()
            else:
                connect = dsn
            yield await stack.enter_async_context(await Database.open(connect, pool_size=1))

    def embedded_server(self) -> int:
        """The process of the embedded server."""
        pid_file = self.data_dir / "postgres" / "pgdata" / "postmaster.pid"
        return int(pid_file.read_text("ascii").splitlines()[0])

    def _authorization(self) -> str:
        told = json.loads((self.data_dir / "credentials.json").read_text("utf-8"))
        return f"User {told['userSecret']}, Organization {told['organizationSecret']}"


async def trusted(receiver: Receiver, *instances: Connected) -> None:
    """Let the receiver check the signatures of these instances."""
    secrets = [instance.webhook_secret for instance in instances]
    await receiver.switch(secrets=secrets, signature_key=SIGNATURE_KEY)


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Nested settings, those above winning."""
    both = below.keys() & above.keys()
    nested = {
        name: merged(below[name], above[name])
        for name in both
        if isinstance(below[name], Mapping) and isinstance(above[name], Mapping)
    }
    return {**below, **above, **nested}


def _settings(data_dir: Path, provider: Provider) -> dict[str, Any]:
    return {
        "data_dir": os.fspath(data_dir),
        "admin": {"port": 0},
        "security": {"allowed_private_networks": ["127.0.0.0/8"]},
        "polling": {"minimum_interval_seconds": 0.05, "error_backoff_seconds": 0.2},
        "logging": {"format": "json"},
        "connectors": {
            "maximizer": {
                "authorize_url": provider.told["authorizeUrl"],
                "token_url": provider.told["tokenUrl"],
                "api_url": provider.told["apiUrl"],
                "rate_limit": "10000/10s",
            }
        },
    }
