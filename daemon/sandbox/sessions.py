"""Sessions: which tokens are good, and for how long."""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from daemon.sandbox.clock import Clock
from daemon.sandbox.profile import Profile
from daemon.sandbox.switchboard import Switchboard


@dataclass(slots=True, kw_only=True)
class Session:
    """A token's session; a permanent one belongs to a personal access token."""

    token: str
    alias: str
    issued_at: datetime
    used_at: datetime
    calls: int = 0
    permanent: bool = False


class Sessions:
    """Tokens that slide by use up to a cap, as the reference (1.2) has them."""

    def __init__(self, switches: Switchboard[Profile], clock: Clock) -> None:
        self._switches = switches
        self._clock = clock
        self._sessions: dict[str, Session] = {}

    def open(self, alias: str, token: str | None = None) -> Session:
        """A new session; with a token given, a permanent one."""
        now = self._clock.now()
        session = Session(
            token=token or secrets.token_urlsafe(24),
            alias=alias,
            issued_at=now,
            used_at=now,
            permanent=token is not None,
        )
        self._sessions[session.token] = session
        return session

    def use(self, token: str) -> Session | None:
        """The session of a good token, its time begun anew; None for any other."""
        session = self._sessions.get(token)
        if session is None or not self._is_good(session):
            return None
        session.used_at = self._clock.now()
        session.calls += 1
        return session

    def revoke(self, *, permanent: bool) -> int:
        """Ends all sessions of that sort and tells how many there were."""
        ended = [token for token, each in self._sessions.items() if each.permanent == permanent]
        for token in ended:
            del self._sessions[token]
        return len(ended)

    def all(self) -> list[Session]:
        """Every session, good or not."""
        return list(self._sessions.values())

    def restore(self, session: Session) -> None:
        """Puts back a session from a saved state."""
        self._sessions[session.token] = session

    def _is_good(self, session: Session) -> bool:
        profile = self._switches.profile
        if session.permanent:
            return True
        if profile.session_calls is not None and session.calls >= profile.session_calls:
            return False
        now = self._clock.now()
        idle = timedelta(seconds=profile.session_idle_seconds)
        cap = timedelta(seconds=profile.session_cap_seconds)
        return now - session.used_at < idle and now - session.issued_at < cap


def personal_access_token(name: str, expires_at: datetime) -> str:
    """A token of the vendor's form: a signed JWT (HS256) with `sub`, `mx-wsid` and `exp`."""
    claims = {"sub": name, "mx-wsid": "sandbox", "exp": int(expires_at.timestamp())}
    unsigned = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part(claims)}"
    signature = hmac.digest(b"sandbox", unsigned.encode(), hashlib.sha256)
    return f"{unsigned}.{_base64url(signature)}"


def _part(content: Mapping[str, object]) -> str:
    return _base64url(json.dumps(content, separators=(",", ":")).encode())


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")
