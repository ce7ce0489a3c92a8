"""PURE: the keys an instance's configuration may have, whatever its element, and their meaning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from daemon.connectors.connector import ConfigurationKey, Element

ENABLED = "event.notification.enabled"
VENDOR_TYPE = "event.vendor.type"
NOTIFICATION_TYPE = "event.notification.type"
CALLBACK_URL = "event.notification.callback.url"
CALLBACK_HEADERS = "event.notification.callback.headers"
SIGNATURE_KEY = "event.notification.signature.key"
BASIC_USERNAME = "event.notification.basic.username"
BASIC_PASSWORD = "event.notification.basic.password"  # noqa: S105 -- the name of a key, no password
FORMAT = "event.notification.format"
RAW = "event.notification.raw"
RETRY_SCHEDULE = "event.notification.retry.schedule"
REFRESH_INTERVAL = "event.poller.refresh_interval"
TIMEZONE = "event.poller.timezone"
POLLER_CONFIGURATION = "event.poller.configuration"
RESPONSE_NULLS = "filter.response.nulls"
REFRESH_TOKEN = "oauth.user.refresh_token"  # noqa: S105 -- the name of a key, no token

ACCESS_TOKEN_ENDING = ".personal.access.token"  # noqa: S105 -- the end of a key, no token

EVENT_KEYS = (
    ConfigurationKey(
        key=ENABLED,
        name="Events enabled",
        type="BOOLEAN",
        default_value="false",
        description="Whether changes are polled for and told to the callback URL.",
    ),
    ConfigurationKey(
        key=VENDOR_TYPE,
        name="Event type",
        type="LIST",
        default_value="polling",
        description="How changes are noticed: polling.",
    ),
    ConfigurationKey(
        key=NOTIFICATION_TYPE,
        name="Notification type",
        type="LIST",
        default_value="webhook",
        description="How changes are told: webhook.",
    ),
    ConfigurationKey(
        key=CALLBACK_URL,
        name="Callback URL",
        description="The http or https address that notifications are sent to.",
    ),
    ConfigurationKey(
        key=CALLBACK_HEADERS,
        name="Callback headers",
        type="TEXTAREA",
        secret=True,
        description="Further headers of each notification, as a JSON object of texts.",
    ),
    ConfigurationKey(
        key=SIGNATURE_KEY,
        name="Signature key",
        type="PASSWORD",
        secret=True,
        description="The key of the header Elements-Webhook-Signature.",
    ),
    ConfigurationKey(
        key=BASIC_USERNAME,
        name="Basic user name",
        description="The user name of Basic authentication at the callback.",
    ),
    ConfigurationKey(
        key=BASIC_PASSWORD,
        name="Basic password",
        type="PASSWORD",
        secret=True,
        description="The password of Basic authentication at the callback.",
    ),
    ConfigurationKey(
        key=FORMAT,
        name="Notification format",
        type="LIST",
        default_value="openconnectors",
        description="The form of a notification: openconnectors, cloudevents or standard.",
    ),
    ConfigurationKey(
        key=RAW,
        name="Raw records",
        type="LIST",
        default_value="events",
        description="Which records a notification carries: events (its own), page or none.",
    ),
    ConfigurationKey(
        key=RETRY_SCHEDULE,
        name="Retry schedule",
        description="Seconds to wait before each attempt, the first one's included, as a JSON list"
        " or separated by commas; without it, what delivery.retry_schedule_seconds says.",
    ),
    ConfigurationKey(
        key=REFRESH_INTERVAL,
        name="Refresh interval",
        type="NUMBER",
        description="Minutes between two polls of a resource; fractions are allowed.",
    ),
    ConfigurationKey(
        key=TIMEZONE,
        name="Time zone",
        description="The zone of ${date:...} and of stamps without one.",
    ),
    ConfigurationKey(
        key=POLLER_CONFIGURATION,
        name="Polling configuration",
        type="TEXTAREA",
        description="What is polled, by resource, as a JSON object.",
    ),
    ConfigurationKey(
        key=RESPONSE_NULLS,
        name="Null values",
        type="BOOLEAN",
        default_value="true",
        description="Whether fields without a value are left out of records.",
    ),
    ConfigurationKey(
        key=REFRESH_TOKEN,
        name="Refresh token",
        type="PASSWORD",
        secret=True,
        description="Takes the place of a grant code; it is used at once and not kept here.",
    ),
)

CHOICES: Mapping[str, tuple[str, ...]] = {
    VENDOR_TYPE: ("polling",),
    NOTIFICATION_TYPE: ("webhook",),
    FORMAT: ("openconnectors", "cloudevents", "standard"),
    RAW: ("events", "page", "none"),
}
"""The values that a key of type LIST may have."""

_WITHOUT_EFFECT = frozenset(
    {
        "event.poller.urls",
        "event.objects",
        "event.metadata",
        "event.notification.subscription.id",
        "event.notification.instance.finder",
    }
)


def keys_of(element: Element) -> Mapping[str, ConfigurationKey]:
    """Every key an instance of this element may have; the element's own word on a key wins."""
    keys = {key.key: key for key in (*element.configuration, *EVENT_KEYS)}
    return keys | {key.key: key for key in element.configuration}


def is_without_effect(key: str) -> bool:
    """Whether the original knows the key and nothing here depends on it: accepted, and logged."""
    return key in _WITHOUT_EFFECT or key.startswith("bulk.")


def holds_access_token(values: Mapping[str, Any]) -> bool:
    """Whether a personal access token makes a consent superfluous."""
    return access_token_key(values) is not None


def access_token_key(values: Mapping[str, Any]) -> str | None:
    """The key of a personal access token among these, None if there is none."""
    return next((key for key in values if key.endswith(ACCESS_TOKEN_ENDING)), None)


def split_secrets(
    values: Mapping[str, Any], element: Element
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """What may be stored and shown in clear, and what may not."""
    keys = keys_of(element)
    secret = {key for key in values if key in keys and keys[key].secret}
    plain = {key: value for key, value in values.items() if key not in secret}
    return plain, {key: values[key] for key in values if key in secret}
