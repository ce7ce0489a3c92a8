"""Announcements: what one daemon says to all that share its database, heard at once or never."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from daemon.store.database import Database, Session, load_queries

QUERIES = load_queries("announcements")
CHANNEL = "pollhook"


@dataclass(frozen=True, slots=True)
class Announcements:
    """An open session for them."""

    _session: Session

    async def say(self, text: str) -> None:
        """To everybody who listens, this daemon included. Raises DatabaseUnavailable."""
        await self._session.execute(QUERIES["announce"], CHANNEL, text)

    async def check(self) -> None:
        """Raises DatabaseUnavailable if nothing can be heard any more."""
        await self._session.execute(QUERIES["check"])


@asynccontextmanager
async def open_announcements(
    database: Database, hear: Callable[[str], None]
) -> AsyncIterator[Announcements]:
    """Hear everything that is said from now on. Raises DatabaseUnavailable."""
    async with database.listen(CHANNEL, hear) as session:
        yield Announcements(session)
