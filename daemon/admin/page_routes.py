"""The rows of the table of routes that the web page needs: signing in, consent, files, glances."""

from __future__ import annotations

from daemon.admin import authentication, consents
from daemon.admin.access import Access
from daemon.admin.event_routes import Row
from daemon.admin.ui import glances, pages, sandbox, series

_GET, _POST, _PATCH, _DELETE = "GET", "POST", "PATCH", "DELETE"
_OPEN, _MEMBER, _PLATFORM = Access.OPEN, Access.MEMBER, Access.PLATFORM

_AUTHENTICATION = "/authentication"
_OAUTH = "/elements/{element}/oauth"

SIGN_IN_ROWS: tuple[Row, ...] = (
    (
        _POST,
        _AUTHENTICATION,
        authentication.sign_in,
        _OPEN,
        "Sign in with a password or a one-time link",
        "SignedIn",
        "SignIn",
    ),
    (
        _GET,
        _AUTHENTICATION,
        authentication.show_session,
        _OPEN,
        "Tell who is signed in",
        "Session",
        None,
    ),
    (_DELETE, _AUTHENTICATION, authentication.sign_out, _MEMBER, "Sign out", "Nothing", None),
    (
        _GET,
        f"{_AUTHENTICATION}/secrets",
        authentication.show_secrets,
        _PLATFORM,
        "Get the secrets that programs call with",
        "Secrets",
        None,
    ),
    (
        _POST,
        f"{_OAUTH}/state",
        consents.ask,
        _PLATFORM,
        "Get a way to the consent page that is good once, in this session",
        "Consent",
        "ConsentRequest",
    ),
    (
        _GET,
        f"{_OAUTH}/callback",
        consents.land,
        _OPEN,
        "Where the consent page sends people back to",
        "Redirect",
        None,
    ),
)
"""How people get in, and to a provider's consent and back."""

_SERIES = r"/ui/data/instances/{id:\d{1,18}}/series"
_SANDBOX = "/ui/sandbox/{path:.+}"

PAGE_ROWS: tuple[Row, ...] = (
    (_GET, "/", pages.home, _OPEN, "To the page", "Page", None),
    (_GET, "/ui", pages.home, _OPEN, "To the page", "Page", None),
    (_GET, "/ui/assets/{name}", pages.asset, _OPEN, "A file of the page", "Page", None),
    (_GET, "/ui/data/totals", glances.totals, _PLATFORM, "Totals", "Page", None),
    (_GET, "/ui/data/instances", glances.instances, _PLATFORM, "Instances", "Page", None),
    (_GET, "/ui/data/series", series.of_organization, _PLATFORM, "What charts show", "Page", None),
    (_GET, _SERIES, series.of_instance, _PLATFORM, "What its charts show", "Page", None),
    *(
        (method, _SANDBOX, sandbox.ask, _PLATFORM, "The demo's records", "Page", None)
        for method in (_GET, _POST, _PATCH, _DELETE)
    ),
    (_GET, "/ui/{page:.*}", pages.page, _OPEN, "The page", "Page", None),
)
