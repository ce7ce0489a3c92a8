"""Serving: one stand-in within a program, or as a process of its own."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web


@asynccontextmanager
async def serving(app: web.Application, host: str, port: int) -> AsyncIterator[str]:
    """Serves within the context, which gives the URL; port 0 takes any free one.

    Raises OSError if the port cannot be had.
    """
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        name, actual = runner.addresses[0][:2]
        yield f"http://{f'[{name}]' if ':' in name else name}:{actual}"
    finally:
        await runner.cleanup()


async def serve(
    app: web.Application,
    host: str,
    port: int,
    ready: Callable[[str], None],
    *,
    until_input_ends: bool = False,
) -> None:
    """Serves until SIGTERM or SIGINT; calls `ready` with the URL once connections are taken.

    It can end with its standard input too, so as not to outlive whoever started it.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if until_input_ends:
        loop.add_reader(sys.stdin.fileno(), _read_input, stop)
    async with serving(app, host, port) as url:
        ready(url)
        await stop.wait()


def _read_input(stop: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 4096):
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        stop.set()
