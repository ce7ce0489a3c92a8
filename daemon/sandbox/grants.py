"""Grants: one-time codes and refresh tokens, and what they are exchanged for."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from daemon.sandbox.clock import Clock
from daemon.sandbox.profile import Profile
from daemon.sandbox.sessions import Sessions
from daemon.sandbox.switchboard import Switchboard


class GrantRefused(Exception):
    """The token endpoint's `error` with its description; HTTP 401 for `invalid_client`."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error
        self.description = description

    @property
    def status(self) -> int:
        return 401 if self.error == "invalid_client" else 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A registered application; without redirect addresses, any will do."""

    id: str
    secret: str
    redirect_uris: tuple[str, ...] = ()

    def may_use(self, redirect_uri: str) -> bool:
        """Whether an authorization may end at that address."""
        if self.redirect_uris:
            return redirect_uri in self.redirect_uris
        return redirect_uri.startswith(("http://", "https://"))


@dataclass(slots=True, kw_only=True)
class Grant:
    """A code or refresh token: whom it was given to, under which address and tenant."""

    token: str
    client_id: str
    redirect_uri: str
    alias: str
    issued_at: datetime
    spent_at: datetime | None = None


class Grants:
    """Gives codes for consent, and token pairs for codes and refresh tokens."""

    def __init__(
        self, client: Client, sessions: Sessions, switches: Switchboard[Profile], clock: Clock
    ) -> None:
        self.client = client
        self._sessions = sessions
        self._switches = switches
        self._clock = clock
        self._codes: dict[str, Grant] = {}
        self._refresh_tokens: dict[str, Grant] = {}

    def give_code(self, redirect_uri: str, alias: str) -> str:
        """A code, good once."""
        grant = self._grant(redirect_uri, alias)
        self._codes[grant.token] = grant
        return grant.token

    def exchange(self, form: Mapping[str, str], alias: str) -> dict[str, Any]:
        """The token endpoint's answer to a form. Raises GrantRefused."""
        self._check_client(form)
        match form.get("grant_type"):
            case "authorization_code":
                return self._pair(self._spend_code(form, alias), None)
            case "refresh_token":
                grant = self._spend_refresh_token(form, alias)
                return self._pair(grant, None if self._switches.profile.refresh_rotation else grant)
            case other:
                raise GrantRefused("unsupported_grant_type", f"grant_type {other!r} is unknown")

    def revoke(self) -> int:
        """Ends all refresh tokens and tells how many there were."""
        count = len(self._refresh_tokens)
        self._refresh_tokens.clear()
        return count

    def refresh_tokens(self) -> list[Grant]:
        """Every refresh token, spent or not."""
        return list(self._refresh_tokens.values())

    def restore(self, grant: Grant) -> None:
        """Puts back a refresh token from a saved state."""
        self._refresh_tokens[grant.token] = grant

    def _check_client(self, form: Mapping[str, str]) -> None:
        known = form.get("client_id") == self.client.id
        secret = form.get("client_secret", "").encode()
        if not known or not secrets.compare_digest(secret, self.client.secret.encode()):
            raise GrantRefused("invalid_client", "client_id or client_secret is wrong")

    def _spend_code(self, form: Mapping[str, str], alias: str) -> Grant:
        grant = self._codes.get(form.get("code", ""))
        now = self._clock.now()
        lifetime = timedelta(seconds=self._switches.profile.code_seconds)
        if grant is None or grant.spent_at is not None or now - grant.issued_at >= lifetime:
            raise GrantRefused("invalid_grant", "the code is unknown, used or expired")
        _check_same(grant, form, alias)
        grant.spent_at = now
        return grant

    def _spend_refresh_token(self, form: Mapping[str, str], alias: str) -> Grant:
        profile, now = self._switches.profile, self._clock.now()
        grant = self._refresh_tokens.get(form.get("refresh_token", ""))
        if grant is None:
            raise GrantRefused("invalid_grant", "the refresh token is unknown or revoked")
        _check_same(grant, form, alias)
        grace = timedelta(seconds=profile.refresh_reuse_grace_seconds)
        if grant.spent_at is not None and now - grant.spent_at >= grace:
            raise GrantRefused("invalid_grant", "the refresh token has been used")
        if profile.refresh_rotation and grant.spent_at is None:
            grant.spent_at = now
        return grant

    def _pair(self, grant: Grant, kept: Grant | None) -> dict[str, Any]:
        profile = self._switches.profile
        answer: dict[str, Any] = {"access_token": self._sessions.open(grant.alias).token}
        if kept is None:
            kept = self._grant(grant.redirect_uri, grant.alias)
            self._refresh_tokens[kept.token] = kept
            answer["refresh_token"] = kept.token
        elif profile.refresh_answers_refresh_token:
            answer["refresh_token"] = kept.token
        if profile.expires_in is not None:
            answer["expires_in"] = profile.expires_in
        if profile.token_type is not None:
            answer["token_type"] = profile.token_type
        return answer

    def _grant(self, redirect_uri: str, alias: str) -> Grant:
        return Grant(
            token=secrets.token_urlsafe(24),
            client_id=self.client.id,
            redirect_uri=redirect_uri,
            alias=alias,
            issued_at=self._clock.now(),
        )


def _check_same(grant: Grant, form: Mapping[str, str], alias: str) -> None:
    if form.get("redirect_uri") != grant.redirect_uri:
        raise GrantRefused("invalid_grant", "redirect_uri is not that of the authorization")
    if alias.lower() != grant.alias.lower():
        raise GrantRefused("invalid_grant", "the grant belongs to another tenant")
