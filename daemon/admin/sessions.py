"""Sessions of the web page: the cookie, its protection against other sites, whose it is."""

from __future__ import annotations

import hashlib
import hmac
import re
from urllib.parse import urlsplit

from aiohttp import web

from daemon.admin.context import CONTEXT
from daemon.admin.problems import CrossSite, Unauthorized
from daemon.store.accounts import User
from daemon.store.sessions import LONGEST_SECONDS, Session

COOKIE = "pollhook_session"
CSRF_HEADER = "X-CSRF-Token"
SESSION_OVER = "The session is over: sign in again."

_BEARER = re.compile(r"\s*bearer\s+([^\s,]+)\s*", re.IGNORECASE)
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


async def find_user(request: web.Request) -> User | None:
    """Who is signed in, None if the call names secrets or nothing at all.

    Raises Unauthorized for a session that is over, CrossSite for a write without the page's token.
    """
    token = session_token(request)
    if token is None:
        return None
    session = await request.app[CONTEXT].sessions.find(token)
    if session is None:
        raise Unauthorized(SESSION_OVER)
    if "Authorization" not in request.headers and request.method not in _SAFE:
        _check_page_token(request, token)
    return session.user


async def get_session(request: web.Request) -> tuple[str, Session]:
    """The session of a call that is about the session itself. Raises Unauthorized."""
    token = session_token(request)
    session = await request.app[CONTEXT].sessions.find(token) if token else None
    if token is None or session is None:
        raise Unauthorized(SESSION_OVER if token else "Nobody is signed in.")
    return token, session


def session_token(request: web.Request) -> str | None:
    """The token of a Bearer authorization or, without Authorization, of the cookie."""
    header = request.headers.get("Authorization")
    if header is not None:
        match = _BEARER.fullmatch(header)
        return match[1] if match else None
    return request.cookies.get(COOKIE) or None


def page_token(token: str) -> str:
    """What the page has to send along with each write: another site cannot read it."""
    return hashlib.sha256(b"page of " + token.encode("utf-8", "surrogatepass")).hexdigest()


def check_origin(request: web.Request) -> None:
    """Raises CrossSite if a browser says that the call comes from another site's page."""
    origin = request.headers.get("Origin")
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    if site not in ("same-origin", "none") or (
        origin is not None and urlsplit(origin).netloc not in (request.host, _public_host(request))
    ):
        raise CrossSite("This call may come only from pollhook's own page.")


def keep_cookie(request: web.Request, response: web.StreamResponse, token: str) -> None:
    """Have the browser keep the session. Lax, because consent comes back from another site."""
    response.set_cookie(
        COOKIE,
        token,
        max_age=int(LONGEST_SECONDS),
        path="/",
        httponly=True,
        samesite="Lax",
        secure=is_secure(request),
    )


def drop_cookie(response: web.StreamResponse) -> None:
    """Have the browser forget it."""
    response.del_cookie(COOKIE, path="/", httponly=True, samesite="Lax")


def own_url(request: web.Request) -> str:
    """The address under which the caller reaches us, without a slash at its end."""
    public = request.app[CONTEXT].public_url
    return public.rstrip("/") if public else f"{request.scheme}://{request.host}"


def is_secure(request: web.Request) -> bool:
    """Whether the browser speaks https: to us, or to the proxy that `public_url` names."""
    public = request.app[CONTEXT].public_url or ""
    behind_proxy = public.startswith("https:") and request.host == _public_host(request)
    return request.secure or behind_proxy


def _public_host(request: web.Request) -> str:
    return urlsplit(request.app[CONTEXT].public_url or "").netloc


def _check_page_token(request: web.Request, token: str) -> None:
    check_origin(request)
    given = request.headers.get(CSRF_HEADER, "")
    if not hmac.compare_digest(given.encode(), page_token(token).encode()):
        raise CrossSite(f"A write with the session's cookie needs the header {CSRF_HEADER}.")
