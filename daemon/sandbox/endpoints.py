"""Endpoints: the data API's addresses, its tokens and its rate limit."""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from aiohttp import web

from daemon.sandbox.catalogue import find_object
from daemon.sandbox.faults import BadToken
from daemon.sandbox.folding import folded
from daemon.sandbox.interference import Interference
from daemon.sandbox.journal import Call
from daemon.sandbox.octopus import Octopus
from daemon.sandbox.refusals import Refusal
from daemon.sandbox.sections import object_names, objects_of
from daemon.sandbox.service import Service
from daemon.sandbox.sessions import Session

_INVALID = {"Code": -1, "Msg": ["Token is invalid"]}


class Endpoints:
    """The HTTP side of the data API, under its cloud and its on-premise addresses."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._octopus = Octopus(service)
        self._interference = Interference(service)

    def routes(self) -> list[web.RouteDef]:
        """All addresses; an older client may call `AbEntryRead` instead of `Read`."""
        bases = ("/octopus", "/{root:MaximizerWebData|api[0-9]+}/Data.svc/json")
        return [
            *(web.get(f"{base}/VerifyToken", self._verify) for base in bases),
            *(web.post(f"{base}/{{method}}", self._call) for base in bases),
            web.get("/{alias}", self._discover),
        ]

    async def _call(self, request: web.Request) -> web.StreamResponse:
        body = _parse(await request.read())
        method = _method(request.match_info["method"])
        call = Call(names=frozenset((method,)), asked=_asked(body))
        if method in ("read", "create", "update", "delete"):
            call.objects = frozenset(_objects(body))
            call.page_size = _page_size(body)
        return await self._interference.answer(
            request, call, lambda: self._answer(request, method, body, call)
        )

    def _answer(
        self, request: web.Request, method: str, body: Mapping[str, Any] | None, call: Call
    ) -> web.Response:
        if body is None:
            return web.Response(status=400, text="The body is not a JSON object.")
        session = self._session(request, body, call)
        if session is None:
            return self._unauthorized(request, method, call)
        call.alias = session.alias
        limited = self._limited(session)
        if limited is not None:
            return limited
        answer = self._octopus.answer(method, body, session, call)
        if answer is None:
            return web.Response(status=404, text=f"There is no method {method}.")
        return web.Response(
            body=_encode(answer.body, exact=answer.is_poisoned), content_type="application/json"
        )

    def _session(self, request: web.Request, body: Mapping[str, Any], call: Call) -> Session | None:
        """The session of a good token in the header, else in the body."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            token = str(folded(body, "body").get("token") or "")
        session = self._service.sessions.use(token.strip())
        refuses = session is not None and self._refusal_form(call) is not None
        return None if refuses else session

    def _refusal_form(self, call: Call) -> str | None:
        """How a fault wants this good token refused; the call keeps it for its answer."""
        fault = call.strike(self._service.switches, BadToken)
        if fault is None:
            return None
        call.refusal_form = fault.form or self._service.switches.profile.unauthorized
        return call.refusal_form

    def _unauthorized(self, request: web.Request, method: str, call: Call) -> web.Response:
        form = call.refusal_form or self._service.switches.profile.unauthorized
        if form == "by_path":
            form = "http_401" if request.path.startswith("/octopus") else "code"
        status = 401 if form == "http_401" and method != "tokenvalid" else 200
        return web.json_response(_INVALID, status=status)

    def _limited(self, session: Session) -> web.Response | None:
        profile = self._service.switches.profile
        wait = self._service.rates.wait_seconds(
            session.alias.lower(), profile, self._service.clock.now()
        )
        if not wait:
            return None
        headers = {"Retry-After": str(math.ceil(wait))} if profile.retry_after else {}
        return web.Response(status=429, text="Too many requests.", headers=headers)

    async def _verify(self, request: web.Request) -> web.StreamResponse:
        call = Call(names=frozenset(("verifytoken",)))

        def make() -> web.Response:
            good = self._session(request, {}, call) is not None
            return web.Response(status=200 if good else 401)

        return await self._interference.answer(request, call, make)

    async def _discover(self, request: web.Request) -> web.Response:
        """`?request=api` tells the API's base without `/Data.svc`, `?request=ab` the database."""
        alias = request.match_info["alias"]
        asked = request.query.get("request", "").lower()
        if not self._service.has_tenant(alias) or asked not in ("api", "ab"):
            return web.Response(status=404, text="Not found.")
        if asked == "ab":
            return web.Response(text=alias.encode().hex().upper())
        return web.Response(text=f"{request.url.origin()}/MaximizerWebData")


def _method(name: str) -> str:
    """The generic name of a method in lower case: `read` for `Read` and for `AbEntryRead`."""
    lower = name.lower()
    for generic in ("read", "create", "update", "delete"):
        if lower.endswith(generic):
            known = lower.removesuffix(generic)
            if not known or known == "schema" or find_object(known):
                return generic
    return lower


def _objects(body: Mapping[str, Any] | None) -> Iterator[str]:
    """What faults can call the objects of a body."""
    for name, object_name in object_names(body or {}):
        object_type = find_object(object_name)
        if object_type is None:
            yield object_name.lower()
        else:
            yield from objects_of(object_type, _query((body or {})[name]))


def _query(section: Any) -> Any:
    try:
        return folded(folded(section, "").get("criteria"), "").get("searchquery")
    except Refusal:
        return None


def _page_size(body: Mapping[str, Any] | None) -> int | None:
    """The largest page size that a body asks for."""
    sizes = []
    for name, _ in object_names(body or {}):
        try:
            order = folded(folded((body or {})[name], "").get("orderby"), "")
        except Refusal:
            continue
        if isinstance(order.get("pagesize"), int):
            sizes.append(order["pagesize"])
    return max(sizes, default=None)


def _asked(body: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A body as the journal keeps it: without its token."""
    return None if body is None else {name: body[name] for name in body if name.lower() != "token"}


def _parse(content: bytes) -> Mapping[str, Any] | None:
    try:
        body = orjson.loads(content or b"{}")
    except orjson.JSONDecodeError:
        return None
    return body if isinstance(body, dict) else None


def _encode(body: Mapping[str, Any], *, exact: bool) -> bytes:
    """JSON; exactly means that lone surrogates, NaN and huge integers go out as they are."""
    if not exact:
        try:
            return orjson.dumps(body)
        except TypeError:
            return json.dumps(body).encode()
    return json.dumps(body).encode()
