"""The receiver: a worker that answers 200 to every notification and keeps it for later."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from typing import Any

import orjson

from bench.http import Reply, Request, listen, response
from bench.records import version_of
from bench.worker import serve

ACCEPTED = response(b"")
EVENT_MARK = b'"sequence":'


@dataclass(slots=True, kw_only=True)
class Mailbox:
    """What has come for one side since it was last emptied: lane, monotonic instant, body."""

    arrivals: list[tuple[int, float, bytes]] = field(default_factory=list)
    events: int = 0
    wanted: int = 0
    full: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, lane: int, body: bytes) -> None:
        """Keep a notification; its events are only counted, without reading it."""
        self.arrivals.append((lane, time.monotonic(), body))
        self.events += body.count(EVENT_MARK)
        if self.events >= self.wanted:
            self.full.set()


class Receiver:
    """Callbacks are called `/<side>/<lane>`."""

    def __init__(self) -> None:
        self._mailboxes: dict[str, Mailbox] = {}

    def handle(self, request: Request, reply: Reply) -> None:
        """One notification."""
        reply(ACCEPTED)
        _, side, lane = request.target.decode().split("/")
        self._mailbox(side).put(int(lane), request.body)

    async def await_events(self, side: str, count: int, seconds: float) -> int:
        """How many events have come since the last `take`: so many, or time is up."""
        mailbox = self._mailbox(side)
        mailbox.wanted = count
        if mailbox.events < count:
            mailbox.full.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await mailbox.full.wait()
        return mailbox.events

    async def take(self, side: str) -> list[dict[str, Any]]:
        """Every event that has come, and how it came."""
        arrivals = self._mailboxes.pop(side, Mailbox()).arrivals
        return [event for arrival in arrivals for event in _events(*arrival)]

    def _mailbox(self, side: str) -> Mailbox:
        return self._mailboxes.setdefault(side, Mailbox())


def _events(lane: int, at: float, body: bytes) -> list[dict[str, Any]]:
    message = orjson.loads(body)["message"]
    records = message["raw"]["contacts"]
    return [
        {
            "lane": lane,
            "at": at,
            "sequence": event["sequence"],
            "event_id": event["eventId"],
            "object_id": event["objectId"],
            "version": version_of(record["Position"]),
        }
        for event, record in zip(message["events"], records, strict=True)
    ]


async def main() -> None:
    receiver = Receiver()

    async def start() -> str:
        return await listen(receiver.handle)

    await serve({"start": start, "await_events": receiver.await_events, "take": receiver.take})


if __name__ == "__main__":
    asyncio.run(main())
