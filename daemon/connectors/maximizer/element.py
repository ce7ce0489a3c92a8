"""The element Maximizer as the platform tells it: key, id, configuration keys and resources."""

from __future__ import annotations

from types import MappingProxyType

from daemon.connectors.connector import ConfigurationKey, Element
from daemon.connectors.maximizer.addresses import ALIAS, API_URL, DATACENTER, DEFAULT_DATACENTER
from daemon.connectors.maximizer.authorization import (
    CLIENT_ID,
    CLIENT_SECRET,
    PERSONAL_TOKEN,
    REDIRECT_URI,
)
from daemon.connectors.maximizer.resources import RESOURCES

_KEYS = (
    ConfigurationKey(
        key=CLIENT_ID,
        name="OAuth API Key",
        secret=True,
        description="Client ID of the OAuth client profile; not needed with a personal token.",
    ),
    ConfigurationKey(
        key=CLIENT_SECRET,
        name="OAuth API Secret",
        type="PASSWORD",
        secret=True,
        description="Client Secret of the same profile.",
    ),
    ConfigurationKey(
        key=REDIRECT_URI,
        name="OAuth Callback URL",
        description="Redirect URI of the same profile, exactly as registered.",
    ),
    ConfigurationKey(
        key=DATACENTER,
        name="Data centre",
        default_value=DEFAULT_DATACENTER,
        description="First part of the login address: caw (Canada), ukw (United Kingdom), ...",
    ),
    ConfigurationKey(
        key=ALIAS,
        name="Alias",
        description="Last part of the login address: acme in caw.maximizercrmlive.com/acme.",
    ),
    ConfigurationKey(
        key=API_URL,
        name="API URL",
        description="Base of the API, where it is not the shared one of the cloud.",
    ),
    ConfigurationKey(
        key=PERSONAL_TOKEN,
        name="Personal access token",
        type="PASSWORD",
        secret=True,
        description="Takes the place of OAuth; a person makes it in Maximizer.",
    ),
)

ELEMENT = Element(
    key="maximizer",
    id=5127,
    name="Maximizer",
    hub="crm",
    description="Maximizer CRM: address book, opportunities, leads, cases and more.",
    authentication="oauth2",
    configuration=_KEYS,
    resources=MappingProxyType({name: row.spec for name, row in RESOURCES.items()}),
)
