"""The stand-ins beside the daemon: the CRM that it polls, and the receiver that it calls."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import aiohttp

from tests.flow.processes import PATIENCE_SECONDS, Program, running, until

UNLIMITED = {"rate_limit_calls": 0}


class Standin:
    """A stand-in as a process; `told` is what it printed when it was ready."""

    def __init__(self, kind: str, control: str, folder: Path) -> None:
        self.told: Mapping[str, Any] = {}
        self._kind = kind
        self._control = control
        self._folder = folder
        self._arguments: list[str] = []
        self._program: Program | None = None
        self._running = AsyncExitStack()
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE_SECONDS))

    async def close(self) -> None:
        """End it for good."""
        await self.kill()
        await self._session.close()

    @property
    def url(self) -> str:
        url: str = self.told["url"]
        return url

    @property
    def program(self) -> Program:
        assert self._program is not None
        return self._program

    async def start(self) -> None:
        """Begin, after an earlier run at the same address."""
        port = urlsplit(self.told["url"]).port if self.told else 0
        self._program = await self._running.enter_async_context(
            running(
                *("daemon.sandbox", self._kind, "--port", str(port), "--until-input-ends"),
                *self._arguments,
                log=self._folder / f"{self._kind}.log",
            )
        )
        self.told = await self._program.line()

    async def kill(self) -> None:
        """End it without warning."""
        await self._running.aclose()
        self._running = AsyncExitStack()

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        """One call of its own paths; any answer but success is an error of the test."""
        async with self._session.request(
            method, self.url + path, data=None if body is None else json.dumps(body)
        ) as response:
            answer = await response.text()
            assert response.status < 300, f"{method} {path}: {response.status} {answer}"
            return json.loads(answer)

    async def switch(self, **switches: Any) -> Mapping[str, Any]:
        """Turn these switches; None turns a fault off."""
        switched: Mapping[str, Any] = await self.call("PATCH", f"/{self._control}/faults", switches)
        return switched

    async def hits(self, fault: str) -> int:
        """How often a fault has struck."""
        return sum((await self.all_hits()).get(fault, ()))

    async def all_hits(self) -> Mapping[str, Sequence[int]]:
        """The same of every fault that is on, in the order of its settings."""
        hits: Mapping[str, Sequence[int]] = (await self.call("GET", f"/{self._control}/faults"))[
            "hits"
        ]
        return hits

    async def held(self, at_least: int) -> int:
        """How many answers are held back, once they are so many."""
        query = f"at_least={at_least}&timeout_seconds={PATIENCE_SECONDS:g}"
        held: int = (await self.call("GET", f"/{self._control}/held?{query}"))["held"]
        return held

    async def release(self) -> None:
        """Let go what is held back."""
        await self.call("POST", f"/{self._control}/release")


class Provider(Standin):
    """The CRM."""

    def __init__(self, folder: Path) -> None:
        super().__init__("crm", "_sandbox", folder)
        self._arguments = ["--faults", json.dumps(UNLIMITED)]

    async def history(self, fields: Sequence[str] = (), after: int = 0) -> Mapping[str, Any]:
        """Objects changed after so many changes, with all their versions and these fields."""
        query = f"fields={','.join(fields)}&after={after}"
        history: Mapping[str, Any] = await self.call("GET", f"/_sandbox/history?{query}")
        return history

    async def changes(self) -> int:
        """How many versions were ever written."""
        changes: int = (await self.history(after=2**60))["changes"]
        return changes

    async def edit_at_random(self, count: int, seed: int, **shares: Any) -> Sequence[Any]:
        """So many marked changes at once."""
        wanted = {"count": count, "seed": seed, **shares}
        changes: Sequence[Any] = (await self.call("POST", "/_sandbox/edits", wanted))["changes"]
        return changes

    async def create(self, resource: str, **fields: Any) -> Mapping[str, Any]:
        """A new record."""
        path = f"/_sandbox/records/{resource}"
        record: Mapping[str, Any] = await self.call("POST", path, fields)
        return record

    async def edit(self, record: str, **fields: Any) -> Mapping[str, Any]:
        """A new version of a record such as `contacts/3`."""
        path = f"/_sandbox/records/{record}"
        edited: Mapping[str, Any] = await self.call("PATCH", path, fields)
        return edited

    async def import_many(self, resource: str, count: int, stamp: str) -> None:
        """So many new records that say they are of that time."""
        wanted = {"resource": resource, "count": count, "stamp": stamp}
        await self.call("POST", "/_sandbox/import", wanted)

    async def now(self) -> datetime:
        """The time it is there."""
        told = await self.call("GET", "/_sandbox/clock")
        return datetime.fromisoformat(told["now"])

    async def set_clock(self, seconds: float) -> None:
        """Make it so much later there, or earlier."""
        await self.call("POST", "/_sandbox/clock", {"advance_seconds": seconds})

    async def hidden(self, after: int) -> Sequence[str]:
        """Records with a version written after so many changes that nobody can see yet."""
        objects = (await self.history(after=after))["objects"]
        return [
            f"{each['resource']}/{each['id']}"
            for each in objects
            if not all(version["visible"] for version in each["versions"])
        ]

    async def end_access_tokens(self) -> None:
        """Refuse all access tokens given so far."""
        await self.call("DELETE", "/_sandbox/tokens/access")

    async def answered(self) -> int:
        """How many calls were answered so far."""
        count: int = (await self.call("GET", f"/_sandbox/requests?after={2**60}"))["count"]
        return count

    async def until_asked(
        self, calls: float, within_seconds: float, over: Callable[[], bool] = lambda: False
    ) -> None:
        """Wait until it has answered so many more calls, for so long, and until it is over.

        Who paces trouble by this leaves the same chances to a daemon on a busy machine.
        """
        enough = await self.answered() + calls

        async def is_enough() -> bool:
            return over() or await self.answered() >= enough

        with suppress(TimeoutError):
            await until(is_enough, within_seconds)

    async def requests(self, call: str, after: int = 0) -> Sequence[Mapping[str, Any]]:
        """The answered calls of that name."""
        told = await self.call("GET", f"/_sandbox/requests?after={after}")
        return [each for each in told["requests"] if call in each["call"]]


class Receiver(Standin):
    """The callback; it keeps what it accepted in a file, also when it is killed."""

    def __init__(self, folder: Path) -> None:
        super().__init__("receiver", "_receiver", folder)
        self._arguments = ["--log", str(folder / "arrivals.jsonl")]

    def callback(self, path: str = "/callback") -> str:
        """The address that takes notifications."""
        return self.url + path

    async def report(self) -> Mapping[str, Any]:
        """What came, counted."""
        report: Mapping[str, Any] = await self.call("GET", "/_receiver/report")
        return report

    async def objects(
        self, instance: int | None = None, fields: Sequence[str] = ()
    ) -> Sequence[Mapping[str, Any]]:
        """Objects with the first arrivals of their events, with these fields of records, or all."""
        query = urlencode({"fields": ",".join(fields)})
        if instance is not None:
            query += f"&instance={instance}"
        told = await self.call("GET", f"/_receiver/objects?{query}")
        objects: Sequence[Mapping[str, Any]] = told["objects"]
        return objects

    async def arrivals(self, path: str = "") -> Sequence[Mapping[str, Any]]:
        """Everything that was accepted, repeats included, at paths that begin so."""
        told = await self.call("GET", "/_receiver/notifications?limit=1000000")
        return [each for each in told["notifications"] if each["path"].startswith(path)]
