"""The signing: the headers of an attempt, with both families of signatures over the same bytes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from daemon import __version__
from daemon.delivery.endpoint import EndpointConfiguration
from daemon.delivery.ready import ReadyNotification
from daemon.notifications.compose import CONTENT_TYPES

PREFIX = "whsec_"
SECRET_BYTES = 32
"""Standard Webhooks asks for 24 to 64 random bytes."""


USER_AGENT = f"pollhook/{__version__}"

CONNECTION_HEADERS = frozenset(
    {
        "connection",
        "content-encoding",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""What belongs to the connection or the bytes; a person's headers must not break them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """What a signature covers: the notification's webhook id, the attempt's second, the bytes."""

    webhook_id: str
    timestamp: int
    body: bytes = field(repr=False)


def request_headers(
    configuration: EndpointConfiguration, ready: ReadyNotification, timestamp: int
) -> dict[str, str]:
    """All headers of one attempt; `timestamp` is its second since 1970.

    A person's own headers come first and never replace ours. Raises ValueError for a webhook secret
    that is none.
    """
    ours = dict(_own_headers(configuration, ready, timestamp))
    taken = CONNECTION_HEADERS.union(name.lower() for name in ours)
    theirs = {
        name: value for name, value in configuration.headers.items() if name.lower() not in taken
    }
    return theirs | ours


def new_webhook_secret() -> str:
    """A fresh Standard Webhooks secret, to be shown once."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode("ascii")


def elements_signature(key: str, body: bytes) -> str:
    """The original's `Elements-Webhook-Signature`: keyed by the text itself, no timestamp in it."""
    return "sha256=" + _base64_hmac(key.encode(), body)


def standard_signature(webhook_secrets: Sequence[str], signed: Signed) -> str:
    """`webhook-signature` of Standard Webhooks 1.0.0: one `v1,...` per secret, space-separated.

    Raises ValueError for a secret that is not `whsec_` and base64.
    """
    content = b"%s.%d.%s" % (signed.webhook_id.encode(), signed.timestamp, signed.body)
    return " ".join(
        "v1," + _base64_hmac(decode_secret(secret), content) for secret in webhook_secrets
    )


def decode_secret(secret: str) -> bytes:
    """The key behind a `whsec_` text. Raises ValueError that does not repeat the secret."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except ValueError as error:
        raise ValueError("A webhook secret is not base64 behind its prefix") from error
    if not key:
        raise ValueError("A webhook secret is empty")
    return key


def _own_headers(
    configuration: EndpointConfiguration, ready: ReadyNotification, timestamp: int
) -> Iterator[tuple[str, str]]:
    yield "Content-Type", CONTENT_TYPES[ready.format]
    yield "User-Agent", USER_AGENT
    yield "Elements-Webhook-Id", ready.event_id
    yield "webhook-id", ready.event_id
    yield "webhook-timestamp", str(timestamp)
    if webhook_secrets := configuration.secrets_at(timestamp):
        signed = Signed(webhook_id=ready.event_id, timestamp=timestamp, body=ready.body)
        yield "webhook-signature", standard_signature(webhook_secrets, signed)
    if configuration.signature_key:
        signature = elements_signature(configuration.signature_key, ready.body)
        yield "Elements-Webhook-Signature", signature
    if configuration.basic_username is not None:
        yield "Authorization", _basic(configuration)
    if ready.replay:
        yield "Elements-Replay", "true"


def _basic(configuration: EndpointConfiguration) -> str:
    credentials = f"{configuration.basic_username}:{configuration.basic_password or ''}"
    return "Basic " + base64.b64encode(credentials.encode()).decode("ascii")


def _base64_hmac(key: bytes, content: bytes) -> str:
    return base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode("ascii")
