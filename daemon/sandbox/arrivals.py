"""Arrivals: accepted notifications, kept in a file line by line."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One accepted attempt at one notification.

    `problems` are those of its signatures, None if nothing was checked; `attempt` counts the
    arrivals of one `webhook_id` from 1.
    """

    number: int
    at: str
    path: str
    webhook_id: str
    attempt: int
    problems: list[str] | None
    headers: dict[str, str]
    body: str


class ArrivalFile:
    """A file of arrivals that outlives the receiver, however that ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: TextIO | None = None

    def load(self) -> Iterator[Arrival]:
        """The arrivals of earlier runs.

        A last line that was not finished is cut off: its sender has had no answer.
        """
        if not self._path.exists():
            return
        content = self._path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            with self._path.open("r+b") as file:
                file.truncate(len(whole))
        for line in whole.splitlines():
            yield Arrival(**json.loads(line))

    def append(self, arrival: Arrival) -> None:
        """Hands an arrival to the operating system, which keeps it when this process is killed."""
        if self._file is None:
            self._file = self._path.open("a", encoding="utf-8")
        self._file.write(json.dumps(asdict(arrival)) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Closes the file; a later append opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None
