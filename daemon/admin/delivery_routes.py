"""The rows of the table of routes that are about deliveries and the account's settings."""

from __future__ import annotations

from daemon.admin import account_settings, subscriptions
from daemon.admin.access import Access
from daemon.admin.event_routes import Row

_GET, _POST, _PUT, _PATCH, _DELETE = "GET", "POST", "PUT", "PATCH", "DELETE"
_MEMBER, _PLATFORM = Access.MEMBER, Access.PLATFORM

_SUBSCRIPTIONS = "/notifications/subscriptions"
_SUBSCRIPTION = f"{_SUBSCRIPTIONS}/{{subscription}}"
_DELIVERIES = f"{_SUBSCRIPTIONS}/deliveries"
_OF_NOTIFICATION = "/notifications/{notification}/subscriptions"

_of_notification = subscriptions.list_of_notification

# What has a fixed name stands before what has a name of its own in the same place.
DELIVERY_ROWS: tuple[Row, ...] = (
    (
        _GET,
        _DELIVERIES,
        subscriptions.list_deliveries,
        _MEMBER,
        "List deliveries",
        "Deliveries",
        None,
    ),
    (
        _PUT,
        _DELIVERIES,
        subscriptions.resend,
        _MEMBER,
        "Enable callbacks and resend",
        "Resent",
        None,
    ),
    (
        _GET,
        _SUBSCRIPTIONS,
        subscriptions.list_subscriptions,
        _MEMBER,
        "List callbacks",
        "Subscriptions",
        None,
    ),
    (
        _POST,
        _SUBSCRIPTIONS,
        subscriptions.create_subscription,
        _MEMBER,
        "Tells how a callback is set up",
        "Subscription",
        "NewSubscription",
    ),
    (
        _GET,
        _SUBSCRIPTION,
        subscriptions.get_subscription,
        _MEMBER,
        "Get a callback",
        "Subscription",
        None,
    ),
    (
        _DELETE,
        _SUBSCRIPTION,
        subscriptions.delete_subscription,
        _MEMBER,
        "Tells how a callback is ended",
        "Nothing",
        None,
    ),
    (
        _GET,
        f"{_OF_NOTIFICATION}/deliveries",
        _of_notification,
        _MEMBER,
        "List the deliveries of a notification",
        "Deliveries",
        None,
    ),
    (
        _GET,
        f"{_OF_NOTIFICATION}/{{subscription}}/deliveries",
        _of_notification,
        _MEMBER,
        "List those to one callback",
        "Deliveries",
        None,
    ),
    (
        _GET,
        "/accounts/settings",
        account_settings.get_settings,
        _PLATFORM,
        "Get the account's settings",
        "AccountSettings",
        None,
    ),
    *(
        (
            method,
            "/accounts/settings",
            account_settings.change_settings,
            _PLATFORM,
            "Change the account's settings",
            "AccountSettings",
            "AccountSettings",
        )
        for method in (_POST, _PATCH)
    ),
)
"""Deliveries in the original's words, and the account's settings."""
