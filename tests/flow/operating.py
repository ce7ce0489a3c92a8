"""Operating: what people do to an instance through the API while it is polled."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import aiohttp

from tests.flow.polled import IDS, REIDENTIFIED, url_of
from tests.flow.pollhook import Pollhook
from tests.flow.processes import eventually
from tests.flow.standins import Provider

HIDES_NOBODY: Mapping[str, str] = {
    "companies": "CompanyName",
    "opportunities": "Objective",
    "appointments": "Subject",
}
"""Fields by which the filter of a resource is changed without leaving anybody out."""

UNCHANGED_FIELDS: Mapping[str, str] = {
    "contacts": "WebSite",
    "companies": "Phone2",
    "opportunities": "CloseDate",
    "cases": "Priority",
    "appointments": "Priority",
    "campaigns": "EndDate",
}
"""Fields nobody edits, which can be ignored or not."""

CALLS = 15
"""Of the provider's API between two acts, on average: each of them begins polls anew."""
LONGEST_SECONDS = 3.0

LEAST_ACTS = 20

CALM_INTERVAL = "0.02"
"""Minutes between two polls at the end: 1.2 seconds."""


@dataclass(slots=True, kw_only=True)
class Operator:
    """Changes the configuration and the running of an instance by one seed.

    `entries` is its polling configuration. Only the `resent` resource is ever told again.
    """

    pollhook: Pollhook
    provider: Provider
    instance: int
    dice: random.Random
    entries: dict[str, dict[str, Any]]
    resent: str
    done: Counter[str] = field(default_factory=Counter)
    _deck: list[str] = field(default_factory=list)
    may_rewind_filters: bool = True
    """Not while new records are stamped before the baseline: they would count as never read."""

    async def run(self, is_enough: Callable[[], bool]) -> None:
        """Until it is, and everything was done; then all of it can run in peace."""
        while self.never_done or not is_enough():
            await self.provider.until_asked(self.dice.uniform(0, 2 * CALLS), LONGEST_SECONDS)
            if self.pollhook.is_serving:
                await self._act()
        await self.rest()

    async def rest(self) -> None:
        """Everything runs again under its own id, at a pace that leaves time for slow work."""
        await self._insist("PUT", "/enabled")
        for name in self.entries:
            await self._insist("PUT", f"/resources/{name}/enabled")
        if self.entries[REIDENTIFIED]["idField"] != IDS[0]:
            await eventually(self._reidentify, "its own id")
        wanted = {"configuration": {"event.poller.refresh_interval": CALM_INTERVAL}}
        await self._insist("PATCH", "", wanted)

    @property
    def never_done(self) -> Sequence[str]:
        """What did not happen so far."""
        too_few = [f"{LEAST_ACTS} acts"] if self.done.total() < LEAST_ACTS else []
        return [*too_few, *(name for name in self._ways() if not self.done[name])]

    async def _act(self) -> None:
        """The next of a shuffled deck, so that a run sees all of them."""
        ways = self._ways()
        if not self._deck:
            self._deck = self.dice.sample(tuple(ways), len(ways))
        name = self._deck.pop()
        if await ways[name]():
            self.done[name] += 1
        else:
            self._deck.insert(0, name)

    def _ways(self) -> Mapping[str, Callable[[], Awaitable[bool]]]:
        return {
            "disabled": self._disable,
            "paused": self._pause,
            "polled": self._poll,
            "swept": self._sweep,
            "rewound": self._rewind,
            "resent": self._resend,
            "interval": self._set_interval,
            "overlap": self._set_overlap,
            "ignored field": self._ignore_a_field,
            "filter": self._change_a_filter,
            "other ids": self._reidentify,
        }

    async def _disable(self) -> bool:
        is_done = await self._try("DELETE", "/enabled") is not None
        if is_done:
            await asyncio.sleep(self.dice.uniform(0, 0.3))
        await self._insist("PUT", "/enabled")
        return is_done

    async def _pause(self) -> bool:
        path = f"/resources/{self._resource()}/enabled"
        is_done = await self._try("DELETE", path) is not None
        if is_done:
            await asyncio.sleep(self.dice.uniform(0, 0.6))
        await self._insist("PUT", path)
        return is_done

    async def _poll(self) -> bool:
        return await self._try("POST", f"/resources/{self._resource()}/poll") is not None

    async def _sweep(self) -> bool:
        swept = [name for name, entry in self.entries.items() if "deletes" in entry]
        path = f"/resources/{self.dice.choice(swept)}/sweep"
        return await self._try("POST", path, {"confirm": False}) is not None

    async def _rewind(self) -> bool:
        return await self._go_back(self._resource(), resend=False)

    async def _resend(self) -> bool:
        return await self._go_back(self.resent, resend=True)

    async def _go_back(self, name: str, *, resend: bool) -> bool:
        state = await self._try("GET", "/state")
        if state is None:
            return False
        marks = next(each for each in state["resources"] if each["name"] == name)
        if marks["cursor"] is None:
            return False
        to = datetime.fromisoformat(marks["cursor"]) - timedelta(seconds=self.dice.uniform(5, 10))
        if resend and to <= datetime.fromisoformat(marks["baseline"]):
            return False  # it would tell what never changed
        wanted = {"to": to.isoformat(), "resend": resend}
        return await self._try("POST", f"/resources/{name}/rewind", wanted) is not None

    async def _set_interval(self) -> bool:
        minutes = self.dice.choice(("0.005", "0.008", "0.012"))
        return await self._patch({"event.poller.refresh_interval": minutes})

    async def _set_overlap(self) -> bool:
        self.entries[self._resource()]["overlapSeconds"] = self.dice.choice((5, 6, 8))
        return await self._configure("keep")

    async def _ignore_a_field(self) -> bool:
        name = self._resource()
        ignored = self.entries[name].get("ignoreFields")
        self.entries[name]["ignoreFields"] = [] if ignored else [UNCHANGED_FIELDS[name]]
        return await self._configure("keep")

    async def _change_a_filter(self) -> bool:
        name = self.dice.choice(tuple(HIDES_NOBODY))
        leaves_nobody_out = f"{HIDES_NOBODY[name]} != 'nobody {self.dice.randrange(1000)}'"
        self.entries[name]["url"] = url_of(name, leaves_nobody_out)
        rewinds = self.may_rewind_filters and self.dice.random() < 0.5
        return await self._configure("rewind" if rewinds else "keep")

    async def _reidentify(self) -> bool:
        """First what was cut off before is said again, so that nothing else is rewound."""
        is_done = await self._configure("keep")
        if is_done:
            by_keys = self.entries[REIDENTIFIED]["idField"] == IDS[0]
            await self._identify_by(IDS[by_keys])
        return is_done

    async def _identify_by(self, field_name: str) -> None:
        self.entries[REIDENTIFIED]["idField"] = field_name
        configuration = {"event.poller.configuration": deepcopy(self.entries)}
        wanted = {"configuration": configuration, "onFilterChange": "rewind"}
        await self._insist("PATCH", "", wanted)

    async def _configure(self, on_filter_change: str) -> bool:
        """An answer that was cut off leaves open which filter is polled, so it is said each time.

        Another filter that is not rewound to is no loss here, since it leaves nobody out.
        """
        wanted = {"event.poller.configuration": deepcopy(self.entries)}
        return await self._patch(wanted, onFilterChange=on_filter_change)

    async def _patch(self, configuration: Mapping[str, Any], **more: Any) -> bool:
        wanted = {"configuration": configuration, **more}
        return await self._try("PATCH", "", wanted) is not None

    def _resource(self) -> str:
        return self.dice.choice(tuple(self.entries))

    async def _insist(self, method: str, path: str, body: Any = None) -> None:
        async def is_done() -> bool:
            return await self._try(method, path, body) is not None

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
        assert status in (200, 400, 403, 409), f"{method} {path}: {status} {answer}"
        return answer if status == 200 else None
