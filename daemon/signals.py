"""The signals: those that ask the daemon to stop, and the one that has it read its file again."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def handled(stop: asyncio.Event, on_hangup: Callable[[], None]) -> Iterator[None]:
    """As long as this lasts, SIGTERM and SIGINT ask to stop, and SIGHUP does what is given."""
    loop = asyncio.get_running_loop()
    handlers: dict[signal.Signals, Callable[[], None]] = {
        signal.SIGTERM: stop.set,
        signal.SIGINT: stop.set,
        signal.SIGHUP: on_hangup,
    }
    for number, handler in handlers.items():
        loop.add_signal_handler(number, handler)
    try:
        yield
    finally:
        for number in handlers:
            loop.remove_signal_handler(number)
