"""The ledger: what a receiver has learned from all the notifications it accepted."""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from daemon.sandbox.arrivals import Arrival, ArrivalFile
from daemon.sandbox.continuity import Continuity
from daemon.sandbox.delivered import Delivered, read_events

_KEPT_HEADERS = ("content-type", "user-agent", "elements-webhook-id", "elements-replay")


@dataclass(slots=True, kw_only=True)
class ObjectHistory:
    """The first arrival of each of an object's events, in the order they came.

    `disordered` says that one came after an event with a higher sequence number.
    """

    instance: str
    object_type: str
    object_id: str
    arrivals: list[dict[str, Any]] = field(default_factory=list)
    repeats: int = 0
    disordered: bool = False


class Ledger:
    """Remembers arrivals; with a file, each is in it before it counts as accepted."""

    def __init__(self, file: ArrivalFile | None = None) -> None:
        self.arrivals: list[Arrival] = []
        self.objects: dict[tuple[str, str, str], ObjectHistory] = {}
        self._streams: dict[tuple[str, str], Continuity] = {}
        self._counts: Counter[str] = Counter()
        self._event_types: Counter[str] = Counter()
        self._problems: Counter[str] = Counter()
        self._attempts: Counter[str] = Counter()
        self._grown = asyncio.Event()
        self._file = file
        for arrival in file.load() if file else ():
            self._learn(arrival)

    def accept(
        self,
        where: tuple[str, str],
        headers: Mapping[str, str],
        body: str,
        verdict: list[str] | None,
    ) -> Arrival:
        """Records an attempt that arrived at `where`: an instant as text, and a path."""
        identity = headers.get("webhook-id") or headers.get("elements-webhook-id") or ""
        arrival = Arrival(
            number=len(self.arrivals) + 1,
            at=where[0],
            path=where[1],
            webhook_id=identity,
            attempt=self._attempts[identity] + 1,
            problems=verdict,
            headers={name: headers[name] for name in _KEPT_HEADERS if name in headers},
            body=body,
        )
        if self._file is not None:
            self._file.append(arrival)
        self._learn(arrival)
        return arrival

    def refuse(self) -> None:
        """Counts an attempt that was answered with anything but success."""
        self._counts["refused"] += 1

    async def until_over(self, number: int) -> None:
        """Waits until there are more arrivals than that."""
        while len(self.arrivals) <= number:
            await self._grown.wait()

    def report(self) -> dict[str, Any]:
        """All counts, and the continuity of each stream."""
        names = (
            "refused",
            "repeats",
            "verified",
            "unverified",
            "unchecked",
            "unreadable",
            "events",
        )
        return {
            "accepted": len(self.arrivals),
            "notifications": len(self._attempts),
            **{name: self._counts[name] for name in names},
            "problems": dict(self._problems),
            "eventTypes": dict(self._event_types),
            "objects": len(self.objects),
            "disordered": [
                {
                    "instance": each.instance,
                    "objectType": each.object_type,
                    "objectId": each.object_id,
                }
                for each in self.objects.values()
                if each.disordered
            ],
            "streams": [
                {"instance": instance, "objectType": object_type, **stream.as_json()}
                for (instance, object_type), stream in self._streams.items()
            ],
        }

    def close(self) -> None:
        """Closes the file."""
        if self._file is not None:
            self._file.close()

    def _learn(self, arrival: Arrival) -> None:
        self.arrivals.append(arrival)
        self._attempts[arrival.webhook_id] += 1
        for problem in arrival.problems or ():
            self._problems[problem] += 1
        checked = "unverified" if arrival.problems else "verified"
        self._counts["unchecked" if arrival.problems is None else checked] += 1
        if self._attempts[arrival.webhook_id] > 1:
            self._counts["repeats"] += 1
        else:
            self._learn_events(arrival)
        grown, self._grown = self._grown, asyncio.Event()
        grown.set()

    def _learn_events(self, arrival: Arrival) -> None:
        events = events_of(arrival)
        if events is None:
            self._counts["unreadable"] += 1
        for event in events or ():
            self._counts["events"] += 1
            self._event_types[event.event_type] += 1
            if event.sequence is not None:
                stream = self._streams.setdefault((event.instance, event.object_type), Continuity())
                stream.add(event.sequence, event.event_id)
            self._learn_event(arrival, event)

    def _learn_event(self, arrival: Arrival, event: Delivered) -> None:
        identity = (event.instance, event.object_type, event.object_id)
        history = self.objects.get(identity)
        if history is None:
            history = self.objects[identity] = ObjectHistory(
                instance=event.instance, object_type=event.object_type, object_id=event.object_id
            )
        earlier = history.arrivals
        if event.event_id and any(each["eventId"] == event.event_id for each in earlier):
            history.repeats += 1
            return
        if earlier and event.sequence is not None and earlier[-1]["sequence"] is not None:
            history.disordered |= event.sequence < earlier[-1]["sequence"]
        earlier.append(event_json(event) | {"at": arrival.at, "webhookId": arrival.webhook_id})


def events_of(arrival: Arrival) -> list[Delivered] | None:
    """The events of an arrival, None if its body cannot be read."""
    try:
        return read_events(json.loads(arrival.body))
    except ValueError:
        return None


def event_json(event: Delivered) -> dict[str, Any]:
    """An event for the receiver's own answers."""
    return {
        "instance": event.instance,
        "objectType": event.object_type,
        "objectId": event.object_id,
        "eventType": event.event_type,
        "eventId": event.event_id,
        "sequence": event.sequence,
        "date": event.date,
        "changed": event.changed,
        "backfill": event.backfill,
        "record": event.record,
    }
