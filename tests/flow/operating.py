"""Operating: what people do to an instance through the API while it is polled."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import aiohttp

from tests.flow.pollhook import Pollhook
from tests.flow.processes import eventually

HIDES_NOBODY: Mapping[str, str] = {"companies": "CompanyName", "opportunities": "Objective"}
"""Fields by which the filter of a resource is changed without leaving anybody out."""

UNCHANGED_FIELDS: Mapping[str, str] = {
    "contacts": "WebSite",
    "companies": "Phone2",
    "opportunities": "CloseDate",
    "cases": "Priority",
}
"""Fields nobody edits, which can be ignored or not."""


@dataclass(slots=True, kw_only=True)
class Operator:
    """Changes the configuration and the running of an instance by one seed.

    `entries` is its polling configuration. Only the `resent` resource is ever told again.
    """

    pollhook: Pollhook
    instance: int
    dice: random.Random
    entries: dict[str, dict[str, Any]]
    resent: str
    done: Counter[str] = field(default_factory=Counter)
    may_rewind_filters: bool = True
    """Not while new records are stamped before the baseline: they would count as never read."""

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            await asyncio.sleep(self.dice.uniform(0.1, 0.8))
            await self._act()

    async def rest(self) -> None:
        """Everything runs again."""
        await self._insist("PUT", "/enabled")
        for name in self.entries:
            await self._insist("PUT", f"/resources/{name}/enabled")

    async def _act(self) -> None:
        way = self.dice.choice(
            (
                self._disable,
                self._pause,
                self._poll,
                self._sweep,
                self._rewind,
                self._resend,
                self._set_interval,
                self._set_overlap,
                self._ignore_a_field,
                self._change_a_filter,
            )
        )
        await way()

    async def _disable(self) -> None:
        if await self._try("DELETE", "/enabled"):
            await asyncio.sleep(self.dice.uniform(0, 0.5))
        await self._insist("PUT", "/enabled")

    async def _pause(self) -> None:
        path = f"/resources/{self._resource()}/enabled"
        if await self._try("DELETE", path):
            await asyncio.sleep(self.dice.uniform(0, 1))
        await self._insist("PUT", path)

    async def _poll(self) -> None:
        await self._try("POST", f"/resources/{self._resource()}/poll")

    async def _sweep(self) -> None:
        swept = [name for name, entry in self.entries.items() if "deletes" in entry]
        await self._try("POST", f"/resources/{self.dice.choice(swept)}/sweep", {"confirm": False})

    async def _rewind(self) -> None:
        await self._go_back(self._resource(), resend=False)

    async def _resend(self) -> None:
        await self._go_back(self.resent, resend=True)

    async def _go_back(self, name: str, *, resend: bool) -> None:
        state = await self._try("GET", "/state")
        if state is None:
            return
        cursor = next(each["cursor"] for each in state["resources"] if each["name"] == name)
        if cursor is not None:
            to = datetime.fromisoformat(cursor) - timedelta(seconds=self.dice.uniform(10, 20))
            wanted = {"to": to.isoformat(), "resend": resend}
            await self._try("POST", f"/resources/{name}/rewind", wanted)

    async def _set_interval(self) -> None:
        minutes = self.dice.choice(("0.003", "0.005", "0.01"))
        await self._patch({"event.poller.refresh_interval": minutes})

    async def _set_overlap(self) -> None:
        self.entries[self._resource()]["overlapSeconds"] = self.dice.choice((5, 6, 8))
        await self._configure("keep")

    async def _ignore_a_field(self) -> None:
        name = self._resource()
        ignored = self.entries[name].get("ignoreFields")
        self.entries[name]["ignoreFields"] = [] if ignored else [UNCHANGED_FIELDS[name]]
        await self._configure("keep")

    async def _change_a_filter(self) -> None:
        name = self.dice.choice(tuple(HIDES_NOBODY))
        self.entries[name]["url"] = _url(name, self.dice.randrange(1000))
        rewinds = self.may_rewind_filters and self.dice.random() < 0.5
        await self._configure("rewind" if rewinds else "keep")

    async def _configure(self, on_filter_change: str) -> None:
        """An answer that was cut off leaves open which filter is polled, so it is said each time.

        Another filter that is not rewound to is no loss here, since it leaves nobody out.
        """
        wanted = {"event.poller.configuration": deepcopy(self.entries)}
        await self._patch(wanted, onFilterChange=on_filter_change)

    async def _patch(self, configuration: Mapping[str, Any], **more: Any) -> None:
        await self._try("PATCH", "", {"configuration": configuration, **more})

    def _resource(self) -> str:
        return self.dice.choice(tuple(self.entries))

    async def _insist(self, method: str, path: str) -> None:
        async def is_done() -> bool:
            return await self._try(method, path) is not None

        await eventually(is_done, f"{method} {path}")

    async def _try(self, method: str, path: str, body: Any = None) -> Any:
        """The answer, None if the daemon is away or dies meanwhile, or if the call comes at the
        wrong time."""
        if not self.pollhook.is_serving:
            return None
        try:
            status, answer = await self.pollhook.ask(
                method, f"/instances/{self.instance}{path}", body
            )
        except (aiohttp.ClientError, TimeoutError):
            return None
        kind = path.rpartition("/")[2] or "configuration"
        assert status in (200, 400, 403, 409), f"{method} {path}: {status} {answer}"
        is_refused = status != 200
        if method != "GET":
            self.done[f"{kind} refused" if is_refused else kind] += 1
        return None if is_refused else answer


def _url(name: str, number: int) -> str:
    nobody = f"{HIDES_NOBODY[name]} != 'nobody {number}'"
    return (
        f"/hubs/crm/{name}?where=LastModifyDate > '${{gmtDate:yyyy-MM-dd'T'HH:mm:ssXXX}}'"
        f" AND {nobody}"
    )
