"""Receiver faults: how a callback misbehaves."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from daemon.sandbox.switchboard import Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverFault(Fault):
    """A fault of the receiver, limited to paths that begin so and bodies that contain a text."""

    path: str = ""
    contains: str = ""

    def concerns(self, path: str, body: str) -> bool:
        """Whether a notification to that path with that body is meant."""
        return path.startswith(self.path) and self.contains in body


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse(ReceiverFault):
    """Answers with this status; `accepted` means that it is kept all the same."""

    status: int = 500
    retry_after: float | None = None
    accepted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Flapping(ReceiverFault):
    """By turns, accepts so many notifications and refuses so many with this status."""

    up: int
    down: int
    status: int = 503

    def is_down(self, taken: int) -> bool:
        """Whether it refuses the next one after so many."""
        return taken % (self.up + self.down) >= self.up


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay(ReceiverFault):
    """Answers so many seconds of real time later."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldAnswer(ReceiverFault):
    """The answer waits until `POST /_receiver/release`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetConnection(ReceiverFault):
    """The connection is reset before anything is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KillSender(ReceiverFault):
    """A process gets a signal before or after the 200; `pid` absent: `target_pid`."""

    pid: int | None = None
    signal: Literal["KILL", "TERM", "STOP", "CONT"] = "KILL"
    when: Literal["before_answer", "after_answer"] = "before_answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash(ReceiverFault):
    """The receiver kills itself: before it keeps the notification, or before or after its 200."""

    when: Literal["before_keeping", "before_answer", "after_answer"] = "before_keeping"


RECEIVER_FAULTS: Mapping[str, type[Fault]] = MappingProxyType(
    {
        "refuse": Refuse,
        "flapping": Flapping,
        "delay": Delay,
        "hold": HoldAnswer,
        "reset": ResetConnection,
        "kill": KillSender,
        "crash": Crash,
    }
)
