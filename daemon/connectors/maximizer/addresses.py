"""The addresses of one Maximizer tenant: templates of the settings filled from the instance."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from daemon.connectors.oauth2 import Endpoint
from daemon.errors import Fault, InvalidInput
from daemon.settings import MaximizerSettings

DATACENTER = "maximizer.datacenter"
ALIAS = "maximizer.alias"
API_URL = "maximizer.url"
DEFAULT_DATACENTER = "caw"

_HOST_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_ALIAS = re.compile(r"[^\x00-\x20/\\?#\x7f]{1,200}")
# Octopus itself, and a base that names the service already; anything else is the application's
# root, as `request=api` tells it (`https://ca1.maximizercrmlive.com/api45`, `/MaximizerWebData`).
_WHOLE_BASE = re.compile(r"(?:^|/)(?:octopus|data\.svc/json)$", re.IGNORECASE)
_SERVICE = re.compile(r"(?:^|/)data\.svc$", re.IGNORECASE)


class Addresses:
    """Where a tenant is asked for consent, for tokens and for records.

    Every method raises InvalidInput naming the instance's key that is missing or unusable. A host
    that comes from the instance is `guarded`; one that the configuration file names is not.
    """

    def __init__(self, settings: MaximizerSettings) -> None:
        self._settings = settings

    def authorize(self, configuration: Mapping[str, Any]) -> Endpoint:
        """The page of consent; only people's browsers go there."""
        return _fill(self._settings.authorize_url, configuration)

    def token(self, configuration: Mapping[str, Any]) -> Endpoint:
        """What gives tokens for codes and refresh tokens."""
        return _fill(self._settings.token_url, configuration)

    def api(self, configuration: Mapping[str, Any]) -> Endpoint:
        """The base to which a method's name is appended; the instance's own wins."""
        own = _text(configuration, API_URL)
        if own:
            return Endpoint(url=_complete_base(own), guarded=True)
        base = _fill(self._settings.api_url, configuration)
        return Endpoint(url=base.url.rstrip("/"), guarded=base.guarded)

    def discovery(self, configuration: Mapping[str, Any]) -> Endpoint | None:
        """What tells the base of the API, beside the page of consent; None without an alias."""
        alias = _text(configuration, ALIAS)
        if not _ALIAS.fullmatch(alias):
            return None
        consent = self.authorize(configuration)
        parts = urlsplit(consent.url)
        place = f"{parts.scheme}://{parts.netloc}/{quote(alias, safe='')}"
        return Endpoint(url=f"{place}?request=api", guarded=consent.guarded)

    def account_key(self, configuration: Mapping[str, Any]) -> str:
        """What the provider counts calls by, as far as is known: the API's base and the tenant."""
        alias = _text(configuration, ALIAS)
        return f"{self.api(configuration).url.casefold()} {alias.casefold()}".strip()


def _fill(template: str, configuration: Mapping[str, Any]) -> Endpoint:
    url, guarded = template, "{" in urlsplit(template).netloc
    if "{datacenter}" in url:
        datacenter = _text(configuration, DATACENTER) or DEFAULT_DATACENTER
        if not _HOST_LABEL.fullmatch(datacenter):
            raise _fault(DATACENTER, "has to be one part of a host name, such as caw")
        url = url.replace("{datacenter}", datacenter)
    if "{alias}" in url:
        alias = _text(configuration, ALIAS)
        if not alias:
            raise _fault(ALIAS, "is needed: the address of this service holds the alias")
        if not _ALIAS.fullmatch(alias) or alias in (".", ".."):
            raise _fault(ALIAS, "has to be one part of an address, without slashes and spaces")
        url = url.replace("{alias}", quote(alias, safe=""))
    return Endpoint(url=url, guarded=guarded)


def _complete_base(base: str) -> str:
    """The base as methods are appended to it, with or without `/Data.svc/json` given."""
    trimmed = base.rstrip("/")
    try:
        parts = urlsplit(trimmed)
    except ValueError as error:
        raise _fault(API_URL, f"is not a URL: {error}") from error
    if parts.query or parts.fragment:
        raise _fault(API_URL, "has to be the address of the API without a query")
    path = parts.path
    if _WHOLE_BASE.search(path):
        return trimmed
    return f"{trimmed}/json" if _SERVICE.search(path) else f"{trimmed}/Data.svc/json"


def _text(configuration: Mapping[str, Any], key: str) -> str:
    value = configuration.get(key)
    return "" if value is None else str(value).strip()


def _fault(key: str, reason: str) -> InvalidInput:
    return InvalidInput([Fault(field=key, message=reason)])
