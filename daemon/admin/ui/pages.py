"""Pages: the static files of the web page, and the headers that keep it to itself."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from aiohttp import web

from daemon.errors import NotFound

CONTENT_TYPES: Mapping[str, str] = {
    "css": "text/css",
    "html": "text/html",
    "js": "text/javascript",
    "svg": "image/svg+xml",
}
SECURITY_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-cache",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """One file as it is sent."""

    content_type: str
    content: bytes
    packed: bytes
    etag: str


async def home(_request: web.Request) -> web.Response:
    """GET /: people who come to the bare address want the page."""
    return web.Response(status=302, headers={"Location": "/ui/"})


async def page(request: web.Request) -> web.Response:
    """GET /ui/...: every address of the page is the same document, which shows what it names."""
    name = "authorized.html" if request.match_info["page"] == "authorized" else "index.html"
    return _send(request, name)


async def asset(request: web.Request) -> web.Response:
    """GET /ui/assets/{name}"""
    return _send(request, request.match_info["name"])


@cache
def load_assets() -> Mapping[str, Asset]:
    """All files of the page by name, read once."""
    folder = resources.files("daemon.admin.ui").joinpath("static")
    return {file.name: _asset(file.name, file.read_bytes()) for file in folder.iterdir()}


def _asset(name: str, content: bytes) -> Asset:
    return Asset(
        content_type=CONTENT_TYPES[name.rpartition(".")[2]],
        content=content,
        packed=gzip.compress(content, mtime=0),
        etag=hashlib.sha256(content).hexdigest()[:20],
    )


def _send(request: web.Request, name: str) -> web.Response:
    found = load_assets().get(name)
    if found is None:
        raise NotFound(f"The page has no file {name[:60]}.")
    headers = {**SECURITY_HEADERS, "ETag": f'"{found.etag}"', "Vary": "Accept-Encoding"}
    if any(tag.value == found.etag for tag in request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    packed = "gzip" in request.headers.get("Accept-Encoding", "")
    return web.Response(
        body=found.packed if packed else found.content,
        content_type=found.content_type,
        charset="utf-8",
        headers=headers | ({"Content-Encoding": "gzip"} if packed else {}),
    )
