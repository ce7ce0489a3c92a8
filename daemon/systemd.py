"""systemd: tells the service manager that we are ready, alive, reloading or stopping."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import MutableMapping
from typing import Self

import structlog

log = structlog.get_logger()


class Notifier:
    """The way to the service manager; without one (no `$NOTIFY_SOCKET`) every call does nothing.

    Protocol: sd_notify(3), sd_watchdog_enabled(3). A message that cannot be sent is dropped: the
    service manager decides what silence means.
    """

    def __init__(self, address: str | None, *, watchdog_seconds: float | None = None) -> None:
        self._address = address
        self._watchdog_seconds = watchdog_seconds

    @classmethod
    def from_environment(cls, environ: MutableMapping[str, str]) -> Self:
        """Take the socket and the watchdog's time out, so that no child process inherits them."""
        address = environ.pop("NOTIFY_SOCKET", "")
        limit = environ.pop("WATCHDOG_USEC", "")
        process = environ.pop("WATCHDOG_PID", "")
        ours = process in ("", str(os.getpid()))
        seconds = int(limit) / 1e6 if ours and limit.isdecimal() and int(limit) else None
        return cls(address or None, watchdog_seconds=seconds)

    @property
    def watchdog_interval_seconds(self) -> float | None:
        """How often to call `alive`: twice within what the watchdog allows; None without one."""
        return None if self._watchdog_seconds is None else self._watchdog_seconds / 2

    def ready(self, status: str) -> None:
        """The start (or a reload) is complete."""
        self._send(f"READY=1\n{_status(status)}")

    def status(self, status: str) -> None:
        """What the daemon is doing, in a few words for `systemctl status`."""
        self._send(_status(status))

    def alive(self) -> None:
        """The event loop runs: feed the watchdog."""
        self._send("WATCHDOG=1")

    def reloading(self) -> None:
        """A reload begins; `ready` ends it."""
        microseconds = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._send(f"RELOADING=1\nMONOTONIC_USEC={microseconds}")

    def stopping(self, status: str) -> None:
        """The stop has begun."""
        self._send(f"STOPPING=1\n{_status(status)}")

    def extend_timeout(self, seconds: float) -> None:
        """The start or the stop takes longer: wait this many seconds more from now on."""
        self._send(f"EXTEND_TIMEOUT_USEC={round(seconds * 1e6)}")

    async def run_watchdog(self, stop: asyncio.Event) -> None:
        """Feed the watchdog until `stop`; returns at once if there is none."""
        interval = self.watchdog_interval_seconds
        while interval is not None and not stop.is_set():
            self.alive()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(interval):
                    await stop.wait()

    def _send(self, message: str) -> None:
        if self._address is None:
            return
        address = self._address
        if address.startswith("@"):  # a name in Linux's abstract namespace
            address = "\0" + address[1:]
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as door:
                door.setblocking(False)
                door.sendto(message.encode(), address)
        except OSError as error:
            log.debug("systemd.unreachable", reason=str(error))


def _status(status: str) -> str:
    return f"STATUS={status.replace(chr(10), ' ')}"
