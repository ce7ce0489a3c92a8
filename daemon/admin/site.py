"""The site: an application bound to an address for as long as a context lasts."""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from daemon.errors import Fault, InvalidInput, PollhookError

SHUTDOWN_SECONDS = 5.0


@asynccontextmanager
async def serve(application: web.Application, host: str, port: int) -> AsyncIterator[str]:
    """Serve until the context ends; yields the base URL, with the port taken if 0 was asked for.

    Raises PollhookError if another program has the address, InvalidInput if nobody can have it.
    """
    runner = web.AppRunner(
        application, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS, handle_signals=False
    )
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            reason = f"cannot listen on {host} port {port}: {error.strerror or error}"
            if error.errno == errno.EADDRINUSE:  # which passes, so a restart may be tried
                raise PollhookError(f"admin.port: {reason}") from error
            raise InvalidInput([Fault(field="admin.port", message=reason)]) from error
        yield _url(host, runner.addresses[0][1])
    finally:
        await runner.cleanup()


def _url(host: str, port: int) -> str:
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{shown}:{port}"
