"""Verification: whether a notification was signed by the one who should have sent it."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from standardwebhooks import Webhook

from daemon.sandbox.refusals import BadRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverProfile:
    """What a receiver knows of its sender.

    `signature_key` is that of `Elements-Webhook-Signature`; `secrets` are Standard Webhooks ones
    (`whsec_...`), several during a rotation. What is absent is not checked. `target_pid` is the
    process of kill faults that name none.
    """

    signature_key: str | None = None
    secrets: tuple[str, ...] = ()
    tolerance_seconds: float = 300
    target_pid: int | None = None

    def __post_init__(self) -> None:
        for secret in self.secrets:
            try:
                Webhook(secret)
            except Exception as error:  # the library lets many kinds through
                raise BadRequest("secrets: not a Standard Webhooks secret") from error

    @property
    def checks(self) -> bool:
        """Whether anything is checked at all."""
        return self.signature_key is not None or bool(self.secrets)


def problems(
    profile: ReceiverProfile, headers: Mapping[str, str], body: bytes, now: datetime
) -> list[str]:
    """What is wrong with a notification's signatures, in words; empty if nothing is.

    `headers` has its names in lower case.
    """
    found = []
    if profile.signature_key is not None:
        found.append(_elements(profile.signature_key, headers, body))
    if profile.secrets:
        found.append(_standard(profile, headers, body, now))
    return [problem for problem in found if problem is not None]


def _elements(key: str, headers: Mapping[str, str], body: bytes) -> str | None:
    given = headers.get("elements-webhook-signature")
    if given is None:
        return "Elements-Webhook-Signature is missing"
    digest = hmac.digest(key.encode(), body, hashlib.sha256)
    wanted = "sha256=" + base64.b64encode(digest).decode()
    if not hmac.compare_digest(given.encode(), wanted.encode()):
        return "Elements-Webhook-Signature is wrong"
    return None


def _standard(
    profile: ReceiverProfile, headers: Mapping[str, str], body: bytes, now: datetime
) -> str | None:
    """The library signs, for it allows no other tolerance than its own when it verifies."""
    identity, stamp = headers.get("webhook-id"), headers.get("webhook-timestamp")
    given = headers.get("webhook-signature")
    if not identity or not stamp or not given:
        return "webhook-id, webhook-timestamp or webhook-signature is missing"
    if not stamp.isdigit():
        return "webhook-timestamp is not a number of seconds"
    sent_at = datetime.fromtimestamp(int(stamp), UTC)
    if abs((now - sent_at).total_seconds()) > profile.tolerance_seconds:
        return "webhook-timestamp is too far from now"
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return "the body is not UTF-8"
    wanted = {Webhook(secret).sign(identity, sent_at, text) for secret in profile.secrets}
    return None if wanted.intersection(given.split(" ")) else "webhook-signature is wrong"
