"""Signals: how a stand-in strikes the process it is told to."""

import logging
import os
import signal

_log = logging.getLogger(__name__)


def send_signal(pid: int | None, name: str) -> None:
    """Sends `KILL`, `TERM`, `STOP` or `CONT`; a process that is gone or unnamed is only logged."""
    if pid is None or pid <= 1:
        _log.warning("a kill fault struck, but no process is named")
        return
    try:
        os.kill(pid, signal.Signals[f"SIG{name}"])
    except ProcessLookupError:
        _log.warning("a kill fault struck, but there is no process %d", pid)
