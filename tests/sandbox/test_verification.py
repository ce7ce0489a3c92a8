import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook

from daemon.sandbox.refusals import BadRequest
from daemon.sandbox.verification import ReceiverProfile, problems
from tests.sandbox.conftest import NOON

BODY = '{"id":"1","ü":1}'.encode()
OLD, NEW = (f"whsec_{base64.b64encode(bytes([n]) * 24).decode()}" for n in (1, 2))
PROFILE = ReceiverProfile(signature_key="sesame", secrets=(OLD, NEW))


def signed(secret: str = NEW, key: str = "sesame", at: datetime = NOON) -> dict[str, str]:
    digest = hmac.new(key.encode(), BODY, hashlib.sha256).digest()
    return {
        "elements-webhook-signature": f"sha256={base64.b64encode(digest).decode()}",
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": "v1,bm9uc2Vuc2U= " + Webhook(secret).sign("msg_1", at, BODY.decode()),
    }


@pytest.mark.parametrize("secret", [OLD, NEW])
def test_either_secret_of_a_rotation_verifies(secret: str) -> None:
    assert problems(PROFILE, signed(secret), BODY, NOON) == []


def test_a_vector_of_the_open_connectors_signature_verifies() -> None:
    profile = ReceiverProfile(signature_key="key")
    signature = "sha256=97yD9DBThCSxMpjmqm+xQ+9NWaFJRhdZl0edvC0aPNg="
    body = b"The quick brown fox jumps over the lazy dog"
    headers = {"elements-webhook-signature": signature}
    assert problems(profile, headers, body, NOON) == []


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"elements-webhook-signature": None}, "Elements-Webhook-Signature is missing"),
        ({"elements-webhook-signature": "sha256=x"}, "Elements-Webhook-Signature is wrong"),
        ({"webhook-id": "msg_2"}, "webhook-signature is wrong"),
        ({"webhook-signature": "v1,x"}, "webhook-signature is wrong"),
        ({"webhook-signature": None}, "webhook-signature is missing"),
        ({"webhook-timestamp": "soon"}, "webhook-timestamp is not a number"),
        ({"webhook-timestamp": "0"}, "webhook-timestamp is too far from now"),
    ],
)
def test_each_tampering_is_told(changed: dict[str, str | None], told: str) -> None:
    headers = {name: text for name, text in (signed() | changed).items() if text is not None}
    (problem,) = problems(PROFILE, headers, BODY, NOON)
    assert told in problem


def test_a_changed_body_breaks_both_signatures() -> None:
    assert len(problems(PROFILE, signed(), BODY + b" ", NOON)) == 2


def test_the_tolerance_is_the_receivers_choice() -> None:
    late = signed(at=NOON - timedelta(hours=1))
    patient = ReceiverProfile(secrets=(NEW,), tolerance_seconds=3600)
    assert len(problems(PROFILE, late, BODY, NOON)) == 1
    assert problems(patient, late, BODY, NOON) == []


def test_a_body_that_is_no_text_is_told() -> None:
    headers = signed(at=datetime.now(UTC))
    profile = ReceiverProfile(secrets=(NEW,))
    assert problems(profile, headers, b"\xff", datetime.now(UTC)) == ["the body is not UTF-8"]


def test_a_secret_of_another_form_is_refused() -> None:
    with pytest.raises(BadRequest, match="not a Standard Webhooks secret"):
        ReceiverProfile(secrets=("whsec_",))
