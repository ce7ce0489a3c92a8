"""Control: the sandbox's own paths for its switches, its clock, its tokens and its journal."""

import asyncio

from aiohttp import web

from daemon.sandbox.control_requests import read_instant, read_number, read_object
from daemon.sandbox.refusals import BadRequest, Unknown
from daemon.sandbox.service import Service
from daemon.sandbox.welcome import welcome_text


class Control:
    """Turns switches, moves the clock, revokes tokens, and tells what was asked."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def routes(self) -> list[web.RouteDef]:
        """All control paths that are not about records."""
        return [
            web.get("/", self._welcome),
            web.get("/_sandbox", self._welcome),
            web.get("/_sandbox/faults", self._faults),
            web.put("/_sandbox/faults", self._put_faults),
            web.patch("/_sandbox/faults", self._patch_faults),
            web.get("/_sandbox/requests", self._requests),
            web.get("/_sandbox/held", self._held),
            web.post("/_sandbox/release", self._release),
            web.get("/_sandbox/clock", self._time),
            web.post("/_sandbox/clock", self._set_clock),
            web.delete("/_sandbox/tokens/{kind}", self._revoke),
        ]

    async def _welcome(self, request: web.Request) -> web.Response:
        return web.Response(text=welcome_text(str(request.url.origin())))

    async def _faults(self, _: web.Request) -> web.Response:
        return web.json_response(self._service.switches.as_json())

    async def _put_faults(self, request: web.Request) -> web.Response:
        self._service.switches.put(await read_object(request))
        return web.json_response(self._service.switches.as_json())

    async def _patch_faults(self, request: web.Request) -> web.Response:
        self._service.switches.patch(await read_object(request))
        return web.json_response(self._service.switches.as_json())

    async def _requests(self, request: web.Request) -> web.Response:
        """The calls that were answered, `?after=` a number, and how many there were in all."""
        after, journal = read_number(request, "after", 0), self._service.journal
        return web.json_response({"requests": journal.after(after), "count": journal.count})

    async def _held(self, request: web.Request) -> web.Response:
        """How many answers are held, once they are `?at_least=` so many."""
        wanted = read_number(request, "at_least", 0)
        try:
            async with asyncio.timeout(read_number(request, "timeout_seconds", 30)):
                await self._service.gate.until_held(wanted)
        except TimeoutError:
            return web.json_response({"held": self._service.gate.held}, status=408)
        return web.json_response({"held": self._service.gate.held})

    async def _release(self, _: web.Request) -> web.Response:
        return web.json_response({"released": self._service.gate.release()})

    async def _time(self, _: web.Request) -> web.Response:
        return web.json_response({"now": self._service.clock.now().isoformat()})

    async def _set_clock(self, request: web.Request) -> web.Response:
        """`{"set": instant}`, `{"advance_seconds": n}`, `{"frozen": true or false}`."""
        given, clock = await read_object(request), self._service.clock
        if unknown := given.keys() - {"set", "advance_seconds", "frozen"}:
            raise BadRequest(f"clock: {min(unknown)} is unknown")
        if "frozen" in given:
            (clock.freeze if given["frozen"] else clock.run)()
        if "set" in given:
            clock.set(read_instant(given["set"]))
        clock.advance(float(given.get("advance_seconds", 0)))
        return await self._time(request)

    async def _revoke(self, request: web.Request) -> web.Response:
        """Ends all `access`, `refresh` or `personal` tokens."""
        match request.match_info["kind"]:
            case "access":
                count = self._service.sessions.revoke(permanent=False)
            case "refresh":
                count = self._service.grants.revoke()
            case "personal":
                count = self._service.sessions.revoke(permanent=True)
            case other:
                raise Unknown(f"there are no {other} tokens")
        return web.json_response({"revoked": count})
