"""Consents: the page's way to a provider's consent and back, each state used once."""

from __future__ import annotations

from urllib.parse import urlencode

import structlog
from aiohttp import web

from daemon.admin.context import CONTEXT
from daemon.admin.elements import find_connector
from daemon.admin.messages import answer
from daemon.admin.sessions import get_session, own_url, session_token

log = structlog.get_logger(__name__)

MAXIMUM_CODE = 4096
MAXIMUM_REASON = 300
LANDING = "/ui/authorized"


async def ask(request: web.Request) -> web.Response:
    """POST /elements/{element}/oauth/state: a state for the consent page, bound to the session."""
    token, _ = await get_session(request)
    element = _element_key(request)
    state = await request.app[CONTEXT].sessions.ask_consent(token, element)
    callback = f"{own_url(request)}/elements/{element}/oauth/callback"
    return answer({"state": state, "callbackUrl": callback})


async def land(request: web.Request) -> web.Response:
    """GET /elements/{element}/oauth/callback: the grant code, or the refusal, goes to the page.

    It travels behind the #, which no server and no log ever sees.
    """
    told = await _told(request)
    location = f"{LANDING}#{urlencode(told)}"
    return web.Response(
        status=303, headers={"Location": location, "Referrer-Policy": "no-referrer"}
    )


async def _told(request: web.Request) -> dict[str, str]:
    query, element = request.query, _element_key(request)
    token, state = session_token(request), query.get("state", "")
    sessions = request.app[CONTEXT].sessions
    known = token is not None and await sessions.take_consent(token, state, element)
    if not known:
        log.warning("consent.unknown", element=element)
        return {"error": "unknown_state"}
    if code := query.get("code", "")[:MAXIMUM_CODE]:
        return {"code": code, "state": state}
    reason = query.get("error_description") or query.get("error") or "no_code"
    return {"error": query.get("error", "no_code")[:60], "reason": reason[:MAXIMUM_REASON]}


def _element_key(request: web.Request) -> str:
    connector = find_connector(request.app[CONTEXT], request.match_info["element"])
    return connector.element.key
