"""Reloading: the configuration file read again on a hangup, and when it is another than before."""

from __future__ import annotations

import asyncio
import contextlib
import os
from datetime import UTC, datetime
from pathlib import Path

import structlog

from daemon.admin.context import AdminContext
from daemon.declarations import read_declarations
from daemon.declaring import declare
from daemon.errors import DatabaseUnavailable, InvalidInput, PollhookError
from daemon.logs import RepeatGate, configure_logs
from daemon.settings import Settings, load_settings
from daemon.systemd import Notifier
from daemon.waiting import first_of

log = structlog.get_logger(__name__)

LOOK_SECONDS = 1.0
"""How often the file is looked at; it is read once it has stayed the same from look to look."""
FOLLOWED = frozenset({"logging", "instances"})
"""What holds without a restart."""

Identity = tuple[int, int, int] | None


class Reloading:
    """Reads the file again; a bad one changes nothing."""

    def __init__(self, context: AdminContext, settings: Settings, notifier: Notifier) -> None:
        self._context = context
        self._settings = settings
        self._notifier = notifier
        self._asked = asyncio.Event()
        self._gate = RepeatGate()
        self._postponed = False
        self._read = self._seen = _identity(settings.config_file)
        context.metrics.config_last_reload_success.set(1)

    def ask(self) -> None:
        """A hangup: read the file as soon as the daemon works."""
        self._asked.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Reload whenever it is time to, until told to stop."""
        while not stop.is_set():
            await first_of(stop, self._asked, timeout_seconds=LOOK_SECONDS)
            if not stop.is_set() and self._is_due():
                await self.run_once()

    async def run_once(self) -> None:
        """Read the file, and let what may change at once be so."""
        self._asked.clear()
        self._postponed = False
        self._read = _identity(self._settings.config_file)
        self._notifier.reloading()
        try:
            fresh = load_settings(self._settings.config_file, os.environ)
            changed = await declare(self._context, read_declarations(self._context, fresh))
        except DatabaseUnavailable as error:
            self._postponed = True
            if self._gate.opens("database", str(error)):
                log.warning("configuration.postponed", reason=str(error))
        except PollhookError as error:
            self._note(len(error.faults) if isinstance(error, InvalidInput) else 1)
            log.error("configuration.refused", reason=str(error))
        else:
            self._note(0)
            configure_logs(fresh.logging.level, fresh.logging.format)
            log.info("configuration.reloaded", needs_restart=self._waiting(fresh))
            for instance_id in changed:
                with contextlib.suppress(DatabaseUnavailable):
                    await self._context.on_changed(instance_id)
        self._notifier.ready("reloaded")

    def _is_due(self) -> bool:
        before, self._seen = self._seen, _identity(self._settings.config_file)
        is_other = self._seen not in (None, self._read) and self._seen == before
        return self._asked.is_set() or self._postponed or is_other

    def _note(self, faults: int) -> None:
        self._context.metrics.config_last_reload_success.set(not faults)
        self._context.last_reading.faults = faults
        self._context.last_reading.at = datetime.now(UTC)

    def _waiting(self, fresh: Settings) -> list[str]:
        return [
            name
            for name in type(fresh).model_fields
            if name not in FOLLOWED and getattr(fresh, name) != getattr(self._settings, name)
        ]


def _identity(path: Path | None) -> Identity:
    """What tells a file that was written or replaced from the one before; None if there is none."""
    try:
        found = path.stat() if path is not None else None
    except OSError:
        return None
    return (found.st_ino, found.st_size, found.st_mtime_ns) if found is not None else None
