"""The scene: one pitfall's CRM and callback, and the hands that a scenario needs in them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from bench.faults import CheckFailed
from bench.pitfalls.contender import Contender, Task
from bench.pitfalls.judge import MARKER, Findings, Truth
from daemon.sandbox.catalogue import OBJECTS
from daemon.sandbox.edits import copied_values
from daemon.sandbox.ledger import Ledger
from daemon.sandbox.records import Record, Value
from daemon.sandbox.service import Service
from daemon.sandbox.switchboard import Switchboard
from daemon.sandbox.verification import ReceiverProfile

LOOK_SECONDS = 0.03
OBJECT = "AbEntry"
RESOURCE = "contacts"
REDIRECT_URI = "http://127.0.0.1/oauth/callback"
EVERY_SECONDS = 0.3
PAGE_SIZE = 10
QUIET: Mapping[str, Any] = MappingProxyType({"rate_limit_calls": 0})
"""A CRM without faults, and without a limit that would only cost time."""
QUIET_CALLS = 6
"""So many calls after the last change, whatever would be told twice has been."""
PATIENT_CALLS = 6


@dataclass(slots=True, kw_only=True)
class Scene:
    """What a scenario acts on. Time is the CRM's own.

    `standing` are the switches that the CRM has all the time, `receiver` those of the callback.
    """

    task: Task
    service: Service
    standing: Mapping[str, Any]
    ledger: Ledger
    receiver: Switchboard[ReceiverProfile]
    contender: Contender
    findings: Findings = field(default_factory=Findings)
    since: int = 0
    _edits: int = 0
    _given_up: int = 0

    async def watch(self) -> None:
        """Let the contender begin. What is edited from now on has a later stamp than all before."""
        await self.contender.watch(self.task)
        self.since = self.service.store.changes
        self.later(2)

    def switch(self, **faults: object) -> None:
        """Turn these switches of the CRM; None turns a fault off."""
        self.service.switches.patch(faults)

    def later(self, seconds: float) -> None:
        """So much time passes at the CRM."""
        self.service.clock.advance(seconds)

    async def until_our_clock_is_past_it(self) -> None:
        """Wait until our clock shows what the CRM's shows now, and a second more."""
        ahead = self.service.clock.now() - datetime.now(UTC)
        await asyncio.sleep(ahead.total_seconds() + 1.1)

    def record(self, number: int) -> Record:
        return self.service.store.named(RESOURCE, str(number))

    def edit(self, number: int, marker: str | None = None, **values: Value) -> None:
        """A new version of a contact, which can be told from all others by its marker."""
        self._edits += 1
        marked: dict[str, Value] = {MARKER: marker or f"{self.task.name} {self._edits}", **values}
        self.service.editor.edit(self.record(number), marked)

    def edit_many(self, count: int, seconds: float = 1, together: int = 1) -> None:
        """That many contacts, one after the other; so many of them share each stamp."""
        for number in range(1, count + 1):
            self.edit(number)
            if number % together == 0:
                self.later(seconds)

    def create(self) -> int:
        """A new contact's number."""
        model = self.record(1)
        self._edits += 1
        values = copied_values(model) | {MARKER: f"{self.task.name} {self._edits}"}
        return self.service.editor.create(OBJECTS[OBJECT.lower()], values).short_id

    def delete(self, number: int) -> None:
        self.service.editor.delete(self.record(number))

    async def polls(self, calls: int) -> None:
        """Wait for the answers to so many calls, as long as there are any."""
        journal = self.service.journal
        wanted = journal.count + calls
        await self._until(lambda: journal.count >= wanted, self._longest)

    async def told(self) -> None:
        """Wait until everything that can be seen was told.

        It is lost if the contender has neither told it in its time nor by its next calls, even
        if it is told when something else has brought it to light.
        """
        if not await self._until(self._is_all_told, self.contender.patience_seconds):
            enough = self.service.journal.count + PATIENT_CALLS
            await self._until(
                lambda: self._is_all_told() or self.service.journal.count >= enough, self._longest
            )
            self._given_up = self.judge().lost

    async def until(self, holds: Callable[[], bool], what: str) -> None:
        """Wait for something that has to come about, whoever contends."""
        if not await self._until(holds, 30):
            raise CheckFailed(f"{self.task.name}: {what} did not come about")

    async def complains(self) -> None:
        """Whoever cannot poll has to say so."""
        until = time.monotonic() + self.contender.patience_seconds
        while not await self.contender.complains(self.task):
            if time.monotonic() > until:
                self.findings.add("silent", "it could not poll, and did not say so")
                return
            await asyncio.sleep(LOOK_SECONDS)

    def judge(self) -> Findings:
        """What is wrong by now."""
        store = self.service.store
        truth = Truth(
            records=[each for each in store.records(OBJECT) if each.resource == RESOURCE],
            view=store.view(OBJECT, self.service.clock.now()),
            since=self.since,
            deletes=self.task.deletes,
        )
        bodies = (arrival.body for arrival in self.ledger.arrivals)
        return truth.judge([told for body in bodies for told in self.contender.read(body)])

    async def settle(self) -> Findings:
        """What is wrong in the end, everything that goes wrong meanwhile included."""
        self.service.switches.put(self.standing)
        await self.told()
        await self.polls(QUIET_CALLS)
        found = self.judge()
        self.service.gate.release()
        if found.lost < self._given_up:
            found.details.append(f"lost: {self._given_up} at first, some of them told much later")
            found.lost = self._given_up
        found.silent, found.wrong = self.findings.silent, found.wrong + self.findings.wrong
        found.details += self.findings.details
        return found

    @property
    def _longest(self) -> float:
        """After so long without a call, in seconds, there will be none."""
        return 3 * self.contender.patience_seconds

    def _is_all_told(self) -> bool:
        return self.judge().lost <= self._given_up

    async def _until(self, holds: Callable[[], bool], seconds: float) -> bool:
        until = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > until:
                return False
            await asyncio.sleep(LOOK_SECONDS)
        return True
