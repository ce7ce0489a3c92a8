"""How Maximizer's tokens are had: OAuth2 at the tenant's own server, or a personal access token."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from daemon.address_guard import AddressGuard
from daemon.connectors.connector import Grant
from daemon.connectors.maximizer.addresses import API_URL, Addresses
from daemon.connectors.oauth2 import OAuth2, OAuthClient, authorize_url
from daemon.errors import AddressRefused, Fault, InvalidInput

CLIENT_ID = "oauth.api.key"
CLIENT_SECRET = "oauth.api.secret"  # noqa: S105 -- the name of a key, no secret
REDIRECT_URI = "oauth.callback.url"
PERSONAL_TOKEN = "maximizer.personal.access.token"  # noqa: S105 -- the name of a key, no token


class MaximizerAuthorization:
    """Consent, grant codes and refresh tokens of one tenant after another."""

    def __init__(self, addresses: Addresses, oauth2: OAuth2, guard: AddressGuard) -> None:
        self._addresses = addresses
        self._oauth2 = oauth2
        self._guard = guard

    def fixed_token(self, configuration: Mapping[str, Any]) -> str | None:
        """The personal access token, if the instance has one: it takes the place of OAuth2."""
        return _given(configuration, PERSONAL_TOKEN) or None

    def authorize_url(self, configuration: Mapping[str, Any], state: str) -> str:
        """Where a person is sent for consent. Raises InvalidInput naming every missing part."""
        _raise(
            *_missing(configuration, CLIENT_ID, REDIRECT_URI),
            *_faults(lambda: self._addresses.authorize(configuration)),
        )
        return authorize_url(
            self._addresses.authorize(configuration).url,
            _given(configuration, CLIENT_ID),
            _given(configuration, REDIRECT_URI),
            state,
        )

    def check(self, configuration: Mapping[str, Any]) -> None:
        """All that can be said without a call. Raises InvalidInput naming every key."""
        faults: list[Fault] = []
        if self.fixed_token(configuration) is None:
            faults += _missing(configuration, CLIENT_ID, CLIENT_SECRET, REDIRECT_URI)
            faults += _faults(lambda: self._addresses.token(configuration))
        faults += self._faults_of_api(configuration)
        _raise(*faults)

    async def exchange(self, configuration: Mapping[str, Any], code: str) -> Grant:
        """The tokens for a grant code. Raises CredentialsRefused, ProviderUnavailable, others."""
        endpoint = self._addresses.token(configuration)
        return await self._oauth2.exchange(endpoint, _client(configuration), code)

    async def refresh(self, configuration: Mapping[str, Any], refresh_token: str) -> Grant:
        """The next tokens. Raises CredentialsRefused, ProviderUnavailable, others."""
        endpoint = self._addresses.token(configuration)
        return await self._oauth2.refresh(endpoint, _client(configuration), refresh_token)

    def _faults_of_api(self, configuration: Mapping[str, Any]) -> list[Fault]:
        def check() -> None:
            if own := _given(configuration, API_URL):
                self._guard.check_url(own, field=API_URL)
            self._addresses.api(configuration)

        return list(_faults(check))


def _client(configuration: Mapping[str, Any]) -> OAuthClient:
    return OAuthClient(
        client_id=_given(configuration, CLIENT_ID),
        client_secret=_given(configuration, CLIENT_SECRET),
        redirect_uri=_given(configuration, REDIRECT_URI),
    )


def _given(configuration: Mapping[str, Any], key: str) -> str:
    value = configuration.get(key)
    return "" if value is None else str(value)


def _missing(configuration: Mapping[str, Any], *keys: str) -> list[Fault]:
    return [
        Fault(field=key, message="is needed")
        for key in keys
        if not _given(configuration, key).strip()
    ]


def _faults(check: Callable[[], object]) -> Iterator[Fault]:
    try:
        check()
    except InvalidInput as error:
        yield from error.faults
    except AddressRefused as error:
        yield Fault(field=API_URL, message=str(error))


def _raise(*faults: Fault) -> None:
    if faults:
        raise InvalidInput(dict.fromkeys(faults))
