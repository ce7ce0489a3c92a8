"""The signing: the headers of an attempt, with both families of signatures over the same bytes."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

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

OUR_HEADERS = frozenset(
    {
        "content-type",
        "elements-replay",
        "elements-webhook-id",
        "webhook-id",
        "webhook-timestamp",
    }
)
"""What each attempt sets anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """What a signature covers: the notification's webhook id, the attempt's second, the bytes."""

    webhook_id: str
    timestamp: int
    body: bytes = field(repr=False)


class Signer:
    """Makes the headers of attempts at one endpoint; what all of them share is prepared once.

    A person's own headers never replace ours.
    """

    def __init__(self, configuration: EndpointConfiguration) -> None:
        self.url = configuration.url
        self._configuration = configuration
        self._retires = bool(configuration.retiring_secrets)

    def headers(self, ready: ReadyNotification, timestamp: int) -> dict[str, str]:
        """All headers of one attempt; `timestamp` is its second since 1970.

        Raises ValueError for a webhook secret that is none.
        """
        headers = self._lasting.copy()
        headers["Content-Type"] = CONTENT_TYPES[ready.format]
        headers["Elements-Webhook-Id"] = headers["webhook-id"] = ready.event_id
        headers["webhook-timestamp"] = str(timestamp)
        if keys := self._keys_at(timestamp):
            content = _signed_content(ready.event_id, timestamp, ready.body)
            headers["webhook-signature"] = _standard_signature(keys, content)
        if self._elements_key is not None:
            headers["Elements-Webhook-Signature"] = _elements_signature(
                self._elements_key, ready.body
            )
        if ready.replay:
            headers["Elements-Replay"] = "true"
        return headers

    def _keys_at(self, timestamp: int) -> Sequence[hmac.HMAC]:
        if not self._retires:
            return self._keys
        return _standard_keys(self._configuration.secrets_at(timestamp))

    @cached_property
    def _keys(self) -> Sequence[hmac.HMAC]:
        return _standard_keys(self._configuration.webhook_secrets)

    @cached_property
    def _elements_key(self) -> hmac.HMAC | None:
        key = self._configuration.signature_key
        return _keyed(key.encode()) if key else None

    @cached_property
    def _lasting(self) -> dict[str, str]:
        """What is the same in each attempt: the person's own headers, and some of ours."""
        ours = dict(_lasting_headers(self._configuration))
        taken = CONNECTION_HEADERS.union(OUR_HEADERS, (name.lower() for name in ours))
        if self._configuration.webhook_secrets or self._retires:
            taken |= {"webhook-signature"}
        if self._configuration.signature_key:
            taken |= {"elements-webhook-signature"}
        headers = self._configuration.headers.items()
        return {name: value for name, value in headers if name.lower() not in taken} | ours


def request_headers(
    configuration: EndpointConfiguration, ready: ReadyNotification, timestamp: int
) -> dict[str, str]:
    """The headers of a single attempt, as a signer makes them."""
    return Signer(configuration).headers(ready, timestamp)


def new_webhook_secret() -> str:
    """A fresh Standard Webhooks secret, to be shown once."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode("ascii")


def elements_signature(key: str, body: bytes) -> str:
    """The original's `Elements-Webhook-Signature`: keyed by the text itself, no timestamp in it."""
    return _elements_signature(_keyed(key.encode()), body)


def standard_signature(webhook_secrets: Sequence[str], signed: Signed) -> str:
    """`webhook-signature` of Standard Webhooks 1.0.0: one `v1,...` per secret, space-separated.

    Raises ValueError for a secret that is not `whsec_` and base64.
    """
    content = _signed_content(signed.webhook_id, signed.timestamp, signed.body)
    return _standard_signature(_standard_keys(webhook_secrets), content)


def decode_secret(secret: str) -> bytes:
    """The key behind a `whsec_` text. Raises ValueError that does not repeat the secret."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except ValueError as error:
        raise ValueError("A webhook secret is not base64 behind its prefix") from error
    if not key:
        raise ValueError("A webhook secret is empty")
    return key


def _signed_content(webhook_id: str, timestamp: int, body: bytes) -> bytes:
    return b"%s.%d.%s" % (webhook_id.encode(), timestamp, body)


def _standard_keys(webhook_secrets: Sequence[str]) -> Sequence[hmac.HMAC]:
    return [_keyed(decode_secret(secret)) for secret in webhook_secrets]


def _standard_signature(keys: Sequence[hmac.HMAC], content: bytes) -> str:
    return " ".join(["v1," + _base64_hmac(key, content) for key in keys])


def _elements_signature(key: hmac.HMAC, body: bytes) -> str:
    return "sha256=" + _base64_hmac(key, body)


def _lasting_headers(configuration: EndpointConfiguration) -> Iterator[tuple[str, str]]:
    yield "User-Agent", USER_AGENT
    if configuration.basic_username is not None:
        yield "Authorization", _basic(configuration)


def _basic(configuration: EndpointConfiguration) -> str:
    credentials = f"{configuration.basic_username}:{configuration.basic_password or ''}"
    return "Basic " + base64.b64encode(credentials.encode()).decode("ascii")


def _keyed(key: bytes) -> hmac.HMAC:
    """To be copied for each content: preparing the key costs as much as signing a small one."""
    return hmac.new(key, digestmod="sha256")


def _base64_hmac(key: hmac.HMAC, content: bytes) -> str:
    mac = key.copy()
    mac.update(content)
    return binascii.b2a_base64(mac.digest(), newline=False).decode("ascii")
