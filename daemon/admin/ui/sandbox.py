"""The page's way to the demo's sandbox: records and edits only, never anything else."""

from __future__ import annotations

import re

from aiohttp import web

from daemon.admin.context import CONTEXT
from daemon.errors import NotFound

_RECORDS = re.compile(r"records/[a-z-]{1,40}(/\d{1,12})?")


async def ask(request: web.Request) -> web.Response:
    """GET, POST, PATCH, DELETE /ui/sandbox/records/{resource}[/{id}]"""
    door = request.app[CONTEXT].sandbox
    path = request.match_info["path"]
    if door is None or not _RECORDS.fullmatch(path):
        raise NotFound("There is no sandbox here: `pollhook demo` has one.")
    query = f"?{request.query_string}" if request.query_string else ""
    status, body = await door(request.method, f"/_sandbox/{path}{query}", await request.read())
    return web.Response(status=status, body=body, content_type="application/json")
