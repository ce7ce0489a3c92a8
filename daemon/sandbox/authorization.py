"""Authorization: the OAuth2 addresses of each tenant."""

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit

from aiohttp import web

from daemon.sandbox.consent import consent_page, error_page
from daemon.sandbox.grants import GrantRefused
from daemon.sandbox.interference import Interference
from daemon.sandbox.journal import Call
from daemon.sandbox.service import Service


class Authorization:
    """Consent, codes and tokens over HTTP, cloud and on-premise, paths in any casing."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._interference = Interference(service)

    def routes(self) -> list[web.RouteDef]:
        """The addresses; on-premise ones have no tenant in them."""
        bases = (
            "/{oauth:(?i:oauth2)}/{alias}",
            "/{root:(?i:MaximizerWebAuthentication)}/{oauth:(?i:oauth2)}",
        )
        return [
            route
            for base in bases
            for route in (
                web.get(base + "/{page:(?i:authorize)}", self._ask),
                web.post(base + "/{page:(?i:authorize)}", self._decide),
                web.post(base + "/{page:(?i:token)}", self._exchange),
            )
        ]

    async def _ask(self, request: web.Request) -> web.StreamResponse:
        """The consent page, or at once what `?auto=` or the profile decides."""
        automatic = request.query.get("auto") or self._service.switches.profile.consent
        return await self._authorize(request, request.query, automatic)

    async def _decide(self, request: web.Request) -> web.StreamResponse:
        form = _texts(await request.post())
        return await self._authorize(request, form, form.get("decision", ""))

    async def _authorize(
        self, request: web.Request, asked: Mapping[str, str], decision: str
    ) -> web.StreamResponse:
        call = Call(names=frozenset(("authorize",)), alias=self._alias(request))

        def make() -> web.Response:
            problem = self._problem(call.alias, asked)
            if problem is not None:
                page = error_page(problem)
                return web.Response(status=400, text=page, content_type="text/html")
            outcome = self._outcome(call.alias, asked, decision)
            if outcome is None:
                page = consent_page(self._service.grants.client.id, call.alias, asked)
                return web.Response(text=page, content_type="text/html")
            state = {"state": asked["state"]} if "state" in asked else {}
            target = _with_query(asked["redirect_uri"], outcome | state)
            return web.Response(status=302, headers={"Location": target})

        return await self._interference.answer(request, call, make)

    def _alias(self, request: web.Request) -> str:
        return request.match_info.get("alias", self._service.home)

    def _problem(self, alias: str, asked: Mapping[str, str]) -> str | None:
        """Why the user must not be sent back to the application at all."""
        client = self._service.grants.client
        if not self._service.has_tenant(alias):
            return f"There is no tenant {alias}."
        if asked.get("client_id") != client.id:
            return "The client_id is unknown."
        if not client.may_use(asked.get("redirect_uri", "")):
            return "The redirect_uri is not registered for this client."
        return None

    def _outcome(
        self, alias: str, asked: Mapping[str, str], decision: str
    ) -> dict[str, str] | None:
        """What is told to the application, None while the user has not decided."""
        if asked.get("response_type") != "code":
            return {"error": "unsupported_response_type"}
        if asked.get("scope", "data") != "data":
            return {"error": "invalid_scope"}
        match decision:
            case "allow":
                return {"code": self._service.grants.give_code(asked["redirect_uri"], alias)}
            case "deny":
                return {"error": "access_denied"}
            case _:
                return None

    async def _exchange(self, request: web.Request) -> web.StreamResponse:
        form = _texts(await request.post()) if _is_form(request) else {}
        kind = {"authorization_code": "code", "refresh_token": "refresh"}.get(
            form.get("grant_type", ""), "other"
        )
        call = Call(names=frozenset(("token", f"token.{kind}")), alias=self._alias(request))
        return await self._interference.answer(
            request, call, lambda: self._tokens(form, call.alias)
        )

    def _tokens(self, form: Mapping[str, str], alias: str) -> web.Response:
        try:
            if not form:
                raise GrantRefused("invalid_request", "a form-encoded body is wanted")
            return web.json_response(self._service.grants.exchange(form, alias))
        except GrantRefused as refused:
            return web.json_response(
                {"error": refused.error, "error_description": refused.description},
                status=refused.status,
            )


def _with_query(address: str, more: Mapping[str, str]) -> str:
    parts = urlsplit(address)
    query = [*parse_qsl(parts.query, keep_blank_values=True), *more.items()]
    return parts._replace(query=urlencode(query)).geturl()


def _is_form(request: web.Request) -> bool:
    return request.content_type == "application/x-www-form-urlencoded"


def _texts(form: Mapping[str, object]) -> dict[str, str]:
    return {name: value for name, value in form.items() if isinstance(value, str)}
