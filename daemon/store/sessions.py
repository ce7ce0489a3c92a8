"""Sessions: who is signed in at the web page, links that sign in once, consents under way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from daemon.errors import NotFound
from daemon.instance import OrganizationId, UserId
from daemon.store.accounts import User, digest
from daemon.store.database import Database, Row, load_queries
from daemon.store.first_account import new_secret

QUERIES = load_queries("sessions")
LONGEST_SECONDS = 7 * 86_400.0
IDLE_SECONDS = 12 * 3600.0
LINK_SECONDS = 900.0
CONSENT_SECONDS = 1800.0
NOTED_EVERY = timedelta(minutes=1)
"""How exactly the last use of a session is known: each noting is a write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A person who is signed in, until `expires_at` unless the session is used meanwhile."""

    user: User
    organization: str
    expires_at: datetime


class Sessions:
    """The sessions in the database. Tokens, links and states are stored as digests only."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, user_id: UserId) -> tuple[str, datetime]:
        """A new session's token and its latest end. Raises NotFound if the user is gone."""
        await self._database.execute(QUERIES["purge_sessions"], IDLE_SECONDS)
        token = new_secret()
        ends = await self._database.fetchval(
            QUERIES["insert_session"], digest(token), user_id, LONGEST_SECONDS
        )
        if ends is None:
            raise NotFound("The user is gone.")
        return token, ends

    async def find(self, token: str) -> Session | None:
        """The session of a token, None if it is over; finding it is a use of it."""
        row = await self._database.fetchrow(QUERIES["find_session"], digest(token), IDLE_SECONDS)
        if row is None:
            return None
        if row["idle"] > NOTED_EVERY:
            await self._database.execute(QUERIES["touch_session"], digest(token))
        return Session(
            user=_user(row), organization=row["organization"], expires_at=row["expires_at"]
        )

    async def end(self, token: str) -> None:
        """Sign out."""
        await self._database.execute(QUERIES["delete_session"], digest(token))

    async def invite(self) -> str | None:
        """The secret of a link that signs the first user in once, None if there is no user."""
        link = new_secret()
        found = await self._database.fetchval(QUERIES["insert_link"], digest(link), LINK_SECONDS)
        return None if found is None else link

    async def accept(self, link: str) -> User | None:
        """Whom a link signs in; it is used up by this."""
        row = await self._database.fetchrow(QUERIES["take_link"], digest(link))
        return None if row is None else _user(row)

    async def ask_consent(self, token: str, element_key: str) -> str:
        """A state for a provider's consent page, bound to this session."""
        await self._database.execute(QUERIES["purge_consents"])
        state = new_secret()
        await self._database.execute(
            QUERIES["insert_consent"], digest(state), digest(token), element_key, CONSENT_SECONDS
        )
        return state

    async def take_consent(self, token: str, state: str, element_key: str) -> bool:
        """Whether the state is one that this session asked for; it counts once."""
        return bool(
            await self._database.fetchval(
                QUERIES["take_consent"], digest(state), digest(token), element_key
            )
        )


def _user(row: Row) -> User:
    return User(
        id=UserId(row["id"]),
        organization_id=OrganizationId(row["organization_id"]),
        username=row["username"],
    )
