"""The contender: a poller as the scenarios see it, whatever it is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Crm:
    """A CRM to poll, and what it lets an application in by."""

    url: str
    personal_token: str = field(repr=False)
    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What a contender is asked to watch: the contacts of a CRM.

    With a grant `code` it has to renew its own tokens, else it uses the personal one. `deletes`
    asks for deletions too, `looks_back` for what is shown hours late. `undated` says that new
    records bear only their date of creation.
    """

    name: str
    crm: Crm
    callback: str
    redirect_uri: str
    every_seconds: float
    page_size: int
    deletes: bool = False
    looks_back: bool = False
    undated: bool = False
    code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One change as a callback was told it. `kind` is `created`, `updated` or `deleted`.

    Two messages with one `event_id` are one change told twice to be sure; without such an id a
    callback cannot know.
    """

    key: str
    kind: str
    record: Mapping[str, Any]
    event_id: str | None = None


class Contender(Protocol):
    """A poller that runs. It is given `patience_seconds` to tell what it still may tell."""

    name: str
    patience_seconds: float

    async def watch(self, task: Task) -> None:
        """Begin; returns when every change from now on has to be told."""

    async def forget(self, task: Task) -> None:
        """End it."""

    def pid(self, task: Task) -> int:
        """The process that works on it, to be killed."""

    async def revive(self, task: Task) -> None:
        """Wait until that process is dead, and start it again."""

    async def double(self, task: Task) -> None:
        """Start a second process on the same configuration and state beside it."""

    async def reconfigure(self, task: Task) -> None:
        """Save its configuration with another interval and another filter that lets all pass."""

    async def consent(self, task: Task, code: str) -> None:
        """Give it new credentials."""

    async def complains(self, task: Task) -> bool:
        """Whether it says, without being searched for it, that it cannot poll."""

    def read(self, body: str) -> Sequence[Told]:
        """What one of its messages tells."""


Open = Callable[[Path, Crm], AbstractAsyncContextManager[Contender]]
"""Starts a contender that keeps its state in a folder; the CRM is that of its application."""
