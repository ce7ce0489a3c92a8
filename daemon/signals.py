"""The signals: those that ask the daemon to stop, and the one that has it read its file again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Iterator

import structlog

from daemon.errors import PollhookError
from daemon.logs import configure_logs
from daemon.metrics import Metrics
from daemon.settings import Settings, load_settings
from daemon.systemd import Notifier

log = structlog.get_logger(__name__)


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


def reload(settings: Settings, metrics: Metrics, notifier: Notifier) -> None:
    """SIGHUP: read the file again. The log level follows at once; the rest needs a restart."""
    notifier.reloading()
    gauge = metrics.config_last_reload_success
    try:
        fresh = load_settings(settings.config_file, os.environ)
    except PollhookError as error:
        gauge.set(0)
        log.error("configuration.refused", reason=str(error))
    else:
        gauge.set(1)
        configure_logs(fresh.logging.level, fresh.logging.format)
        waiting = [
            name
            for name in type(settings).model_fields
            if name != "logging" and getattr(fresh, name) != getattr(settings, name)
        ]
        log.info("configuration.reloaded", needs_restart=waiting)
    notifier.ready("reloaded")
