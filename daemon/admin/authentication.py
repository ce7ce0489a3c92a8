"""Authentication: signing in with a password or a link, who is signed in, signing out."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import structlog
from aiohttp import web

from daemon import __version__
from daemon.admin.access import CALLER
from daemon.admin.context import CONTEXT, AdminContext
from daemon.admin.messages import answer, check_members, instant_text, read_object, refuse
from daemon.admin.problems import Unauthorized
from daemon.admin.sessions import (
    check_origin,
    drop_cookie,
    keep_cookie,
    own_url,
    page_token,
    session_token,
)
from daemon.admin.sign_in_throttle import SignInThrottle
from daemon.store.accounts import User

log = structlog.get_logger(__name__)

MAXIMUM_TEXT = 1024
HASHING_AT_ONCE = 2
"""Each check of a password takes a core and 64 MiB for a moment."""


class Door:
    """What signing in keeps in memory."""

    def __init__(self) -> None:
        self.throttle = SignInThrottle()
        self.hashing = asyncio.Semaphore(HASHING_AT_ONCE)


DOOR = web.AppKey("door", Door)


async def sign_in(request: web.Request) -> web.Response:
    """POST /authentication: `{"username", "password"}`, or `{"link"}` of a one-time link."""
    check_origin(request)
    content = await read_object(request)
    check_members(content, ("username", "password", "link"))
    context, address = request.app[CONTEXT], request.remote or ""
    user = (
        await _by_link(request, _text(content, "link"), address)
        if "link" in content
        else await _by_password(request, content, address)
    )
    token, ends = await context.sessions.begin(user.id)
    log.info("session.begun", user=user.username, by="link" if "link" in content else "password")
    response = answer({"token": token, "expiresAt": instant_text(ends)})
    keep_cookie(request, response, token)
    return response


async def show_session(request: web.Request) -> web.Response:
    """GET /authentication: who is signed in, and what the page needs to begin."""
    context, token = request.app[CONTEXT], session_token(request)
    session = await context.sessions.find(token) if token else None
    if token is None or session is None:
        return answer({"signedIn": False})
    return answer(
        {
            "signedIn": True,
            "username": session.user.username,
            "organization": session.organization,
            "expiresAt": instant_text(session.expires_at),
            "csrfToken": page_token(token),
            "version": __version__,
            "baseUrl": own_url(request),
            "sandbox": context.sandbox is not None,
        }
    )


async def show_secrets(request: web.Request) -> web.Response:
    """GET /authentication/secrets: what a program needs to call as this user."""
    user = request[CALLER].user
    user_secret, organization_secret = await request.app[CONTEXT].accounts.get_secrets(user.id)
    return answer({"userSecret": user_secret, "organizationSecret": organization_secret})


async def sign_out(request: web.Request) -> web.Response:
    """DELETE /authentication: the session ends, here and for every copy of its token."""
    token = session_token(request)
    if token is not None:
        await request.app[CONTEXT].sessions.end(token)
        log.info("session.ended", user=request[CALLER].user.username)
    response = answer({})
    drop_cookie(response)
    return response


async def invitation(context: AdminContext, url: str) -> str | None:
    """An address that signs the first user in once, for a person at the terminal.

    The address is the public one, `url` where none is configured. The secret stands behind the #,
    so it reaches no log on its way. None without a user.
    """
    link = await context.sessions.invite()
    base = (context.public_url or url).rstrip("/")
    return None if link is None else f"{base}/ui/sign-in#link={link}"


async def _by_password(request: web.Request, content: Mapping[str, Any], address: str) -> User:
    username, password = _text(content, "username"), _text(content, "password")
    door = request.app[DOOR]
    door.throttle.check(username, address)
    async with door.hashing:
        user = await request.app[CONTEXT].accounts.find_by_password(username, password)
    if user is None:
        door.throttle.failed(username, address)
        log.warning("session.refused", address=address)
        raise Unauthorized("The user name or the password is not right.")
    door.throttle.succeeded(username, address)
    return user


async def _by_link(request: web.Request, link: str, address: str) -> User:
    throttle = request.app[DOOR].throttle
    throttle.check("", address)
    user = await request.app[CONTEXT].sessions.accept(link)
    if user is None:
        throttle.failed("", address)
        raise Unauthorized("This link was used before or is too old: sign in with the password.")
    return user


def _text(content: Mapping[str, Any], name: str) -> str:
    value = content.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= MAXIMUM_TEXT:
        raise refuse(name, f"has to be a text of 1 to {MAXIMUM_TEXT} characters")
    return value
