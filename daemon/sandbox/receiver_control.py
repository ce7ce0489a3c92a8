"""Receiver control: the receiver's own paths under `/_receiver`."""

import asyncio
from typing import Any

from aiohttp import web

from daemon.sandbox.arrivals import Arrival
from daemon.sandbox.control_requests import read_number, read_object
from daemon.sandbox.gate import Gate
from daemon.sandbox.ledger import Ledger, ObjectHistory, event_json, events_of
from daemon.sandbox.switchboard import Switchboard
from daemon.sandbox.verification import ReceiverProfile


class ReceiverControl:
    """Tells what was received, and changes how it is received."""

    def __init__(self, ledger: Ledger, switches: Switchboard[ReceiverProfile], gate: Gate) -> None:
        self._ledger = ledger
        self._switches = switches
        self._gate = gate

    def routes(self) -> list[web.RouteDef]:
        """All control paths; `config` and `faults` are the same switches."""
        return [
            web.get("/_receiver/report", self._report),
            web.get("/_receiver/notifications", self._notifications),
            web.get("/_receiver/objects", self._objects),
            web.get("/_receiver/held", self._held),
            web.post("/_receiver/release", self._release),
            *(
                route
                for path in ("/_receiver/config", "/_receiver/faults")
                for route in (
                    web.get(path, self._show),
                    web.put(path, self._put),
                    web.patch(path, self._patch),
                )
            ),
        ]

    async def _report(self, _: web.Request) -> web.Response:
        return web.json_response(self._ledger.report())

    async def _notifications(self, request: web.Request) -> web.Response:
        """Arrivals `?after=` a number, at most `?limit=`; `?wait_seconds=` waits for the first."""
        after, limit = read_number(request, "after", 0), read_number(request, "limit", 1000)
        try:
            async with asyncio.timeout(read_number(request, "wait_seconds", 0)):
                await self._ledger.until_over(after)
        except TimeoutError:
            return web.json_response({"notifications": []})
        some = self._ledger.arrivals[after : after + limit]
        return web.json_response({"notifications": [_arrival_json(each) for each in some]})

    async def _objects(self, request: web.Request) -> web.Response:
        """Objects with the first arrivals of their events; `?instance=`, `?objectType=`.

        `?fields=Department,...` leaves out the other fields of their records.
        """
        instance, object_type = request.query.get("instance"), request.query.get("objectType")
        fields = [name for name in request.query.get("fields", "").split(",") if name]
        return web.json_response(
            {
                "objects": [
                    _object_json(each, fields)
                    for each in self._ledger.objects.values()
                    if instance in (None, each.instance) and object_type in (None, each.object_type)
                ]
            }
        )

    async def _held(self, request: web.Request) -> web.Response:
        """How many answers are held, once they are `?at_least=` so many."""
        try:
            async with asyncio.timeout(read_number(request, "timeout_seconds", 30)):
                await self._gate.until_held(read_number(request, "at_least", 0))
        except TimeoutError:
            return web.json_response({"held": self._gate.held}, status=408)
        return web.json_response({"held": self._gate.held})

    async def _release(self, _: web.Request) -> web.Response:
        return web.json_response({"released": self._gate.release()})

    async def _show(self, _: web.Request) -> web.Response:
        return web.json_response(self._switches.as_json())

    async def _put(self, request: web.Request) -> web.Response:
        self._switches.put(await read_object(request))
        return await self._show(request)

    async def _patch(self, request: web.Request) -> web.Response:
        self._switches.patch(await read_object(request))
        return await self._show(request)


def _arrival_json(arrival: Arrival) -> dict[str, Any]:
    events = events_of(arrival)
    return {
        "number": arrival.number,
        "at": arrival.at,
        "path": arrival.path,
        "webhookId": arrival.webhook_id,
        "attempt": arrival.attempt,
        "verified": None if arrival.problems is None else not arrival.problems,
        "problems": arrival.problems or [],
        "headers": arrival.headers,
        "body": arrival.body,
        "events": None if events is None else [event_json(event) for event in events],
    }


def _object_json(history: ObjectHistory, fields: list[str]) -> dict[str, Any]:
    return {
        "instance": history.instance,
        "objectType": history.object_type,
        "objectId": history.object_id,
        "repeats": history.repeats,
        "disordered": history.disordered,
        "arrivals": [_narrowed(each, fields) for each in history.arrivals],
    }


def _narrowed(arrival: dict[str, Any], fields: list[str]) -> dict[str, Any]:
    record = arrival["record"]
    if not fields or not isinstance(record, dict):
        return arrival
    return {**arrival, "record": {name: record[name] for name in fields if name in record}}
