"""Consents: the page's way to a provider's consent and back, each state used once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import structlog
from aiohttp import web

from daemon.admin.context import CONTEXT
from daemon.admin.elements import find_connector
from daemon.admin.messages import answer, check_members, read_object, refuse
from daemon.admin.sessions import get_session, own_url, session_token
from daemon.connectors.connector import Connector
from daemon.instance import InstanceId

log = structlog.get_logger(__name__)

MAXIMUM_CODE = 4096
MAXIMUM_REASON = 300
LANDING = "/ui/authorized"
CALLBACK = "oauth.callback.url"


async def ask(request: web.Request) -> web.Response:
    """POST /elements/{element}/oauth/state: a way to the consent page, bound to the session.

    The body has the configuration that an instance will have, or names the instance whose
    credentials are to be renewed: `{"configuration": {...}}` or `{"instanceId": 42}`.
    """
    context, connector = request.app[CONTEXT], _connector(request)
    token, session = await get_session(request)
    content = await read_object(request)
    check_members(content, ("configuration", "instanceId"))
    callback = f"{own_url(request)}/elements/{connector.element.key}/oauth/callback"
    values = _given(content)
    if "instanceId" in content:
        instance_id = InstanceId(_number(content["instanceId"]))
        values = (await context.instances.get(session.user.organization_id, instance_id)).values
    state = await context.sessions.ask_consent(token, connector.element.key)
    url = connector.authorize_url({**values, CALLBACK: callback}, state)
    return answer({"state": state, "callbackUrl": callback, "oauthUrl": url})


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
    query, element = request.query, _connector(request).element.key
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


def _connector(request: web.Request) -> Connector:
    return find_connector(request.app[CONTEXT], request.match_info["element"])


def _given(content: Mapping[str, Any]) -> Mapping[str, Any]:
    values = content.get("configuration", {})
    if not isinstance(values, dict):
        raise refuse("configuration", "has to be a JSON object")
    return values


def _number(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**63:
        raise refuse("instanceId", "has to be a whole number from 1 on")
    return value
