from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
import standardwebhooks

from daemon import __version__
from daemon.delivery.endpoint import EndpointConfiguration
from daemon.delivery.ready import ReadyNotification
from daemon.delivery.signing import (
    Signed,
    Signer,
    decode_secret,
    elements_signature,
    new_webhook_secret,
    request_headers,
    standard_signature,
)
from daemon.instance import EventId, NotificationId
from daemon.notifications.context import NotificationFormat

NOW = datetime.now(UTC)
READY = ReadyNotification(
    id=NotificationId(1),
    event_id=EventId("AWVX9OTIhdQRdI1F7Q7v"),
    format=NotificationFormat.OPENCONNECTORS,
    body='{"name":"Zoë"}'.encode(),
    due_at=NOW,
    page_read_at=NOW,
)


@pytest.mark.parametrize(
    ("secret", "signed", "signature"),
    [
        pytest.param(
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            Signed(
                webhook_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
                timestamp=1614265330,
                body=b'{"test": 2432232314}',
            ),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            id="example of the reference libraries",
        ),
        pytest.param(
            "whsec_plJ3nmyCDGBKInavdOK15jsl",
            Signed(
                webhook_id="msg_loFOjxBNrRLzqYUf",
                timestamp=1731705121,
                body=b'{"event_type":"ping","data":{"success":true}}',
            ),
            "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=",
            id="example of the simulator",
        ),
    ],
)
def test_standard_webhooks_published_examples_are_reproduced(
    secret: str, signed: Signed, signature: str
) -> None:
    assert standard_signature([secret], signed) == signature


def test_the_elements_signature_is_what_openssl_makes_of_key_and_body() -> None:
    signature = elements_signature("schlüssel", '{"a":"ü"}'.encode())

    assert signature == "sha256=t/FhhrwdhvbTlxrxPcrGtrF3DHZQWWPfuTOh1TDld+8="


@pytest.mark.parametrize("secrets_in_force", [1, 2], ids=["one secret", "rotation overlaps"])
def test_the_published_library_accepts_what_we_sign(secrets_in_force: int) -> None:
    secrets = [new_webhook_secret() for _ in range(secrets_in_force)]
    configuration = EndpointConfiguration(url="https://example.org", webhook_secrets=secrets)

    headers = request_headers(configuration, READY, int(datetime.now(UTC).timestamp()))

    for secret in secrets:
        body = standardwebhooks.Webhook(secret).verify(READY.body, headers)
        assert body == {"name": "Zoë"}


def test_the_published_library_refuses_other_bytes() -> None:
    secret = new_webhook_secret()
    configuration = EndpointConfiguration(url="https://example.org", webhook_secrets=[secret])
    headers = request_headers(configuration, READY, int(datetime.now(UTC).timestamp()))

    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(secret).verify(READY.body + b" ", headers)


def test_both_ids_are_the_notifications_event_id_and_we_name_ourselves() -> None:
    headers = request_headers(EndpointConfiguration(url="https://example.org"), READY, 1614265330)

    assert headers == {
        "Content-Type": "application/json",
        "User-Agent": f"pollhook/{__version__}",
        "Elements-Webhook-Id": READY.event_id,
        "webhook-id": READY.event_id,
        "webhook-timestamp": "1614265330",
    }


def test_a_person_may_add_headers_but_not_replace_ours_or_break_the_connection() -> None:
    theirs = {
        "X-Tenant": "7",
        "User-Agent": "curl",
        "WEBHOOK-ID": "forged",
        "Content-Length": "1",
        "host": "other",
        "Transfer-Encoding": "chunked",
    }
    configuration = EndpointConfiguration(url="https://example.org", headers=theirs)

    headers = request_headers(configuration, READY, 1)

    assert headers["X-Tenant"] == "7"
    assert headers["User-Agent"].startswith("pollhook/")
    names = [name.lower() for name in headers]
    assert len(names) == len(set(names))
    assert not {"host", "content-length", "transfer-encoding"} & set(names)
    assert "forged" not in headers.values()


def test_basic_credentials_are_sent_as_utf8_and_win_over_a_header() -> None:
    configuration = EndpointConfiguration(
        url="https://example.org",
        headers={"authorization": "Bearer x"},
        basic_username="Zoë",
        basic_password="pass:word",
    )

    headers = request_headers(configuration, READY, 1)

    scheme, credentials = headers["Authorization"].split(" ")
    assert scheme == "Basic"
    assert base64.b64decode(credentials).decode() == "Zoë:pass:word"
    assert "authorization" not in headers


def test_a_replay_is_marked() -> None:
    replay = ReadyNotification(
        id=READY.id,
        event_id=READY.event_id,
        format=READY.format,
        body=READY.body,
        due_at=NOW,
        page_read_at=NOW,
        replay=True,
    )

    headers = request_headers(EndpointConfiguration(url="https://example.org"), replay, 1)

    assert headers["Elements-Replay"] == "true"


def test_a_replaced_secret_signs_along_until_its_instant() -> None:
    old, new = new_webhook_secret(), new_webhook_secret()
    until = datetime.fromtimestamp(1000, UTC)
    signer = Signer(
        EndpointConfiguration(
            url="https://example.org", webhook_secrets=[new], retiring_secrets=[(old, until)]
        )
    )

    for timestamp, in_force in ((999, [new, old]), (1000, [new])):
        signed = Signed(webhook_id=READY.event_id, timestamp=timestamp, body=READY.body)
        signature = signer.headers(READY, timestamp)["webhook-signature"]
        assert signature == standard_signature(in_force, signed)


def test_a_person_cannot_mark_everything_as_a_replay() -> None:
    theirs = {"elements-replay": "true"}
    configuration = EndpointConfiguration(url="https://example.org", headers=theirs)

    assert "elements-replay" not in request_headers(configuration, READY, 1)


def test_secrets_are_long_different_and_readable_by_their_prefix() -> None:
    first, second = new_webhook_secret(), new_webhook_secret()

    assert first != second
    assert first.startswith("whsec_")
    assert len(decode_secret(first)) == 32


@pytest.mark.parametrize(
    "broken", ["whsec_!", "whsec_", "whsec_ä"], ids=["base64", "empty", "text"]
)
def test_a_broken_secret_is_an_error_that_does_not_repeat_it(broken: str) -> None:
    with pytest.raises(ValueError, match="webhook secret") as caught:
        decode_secret(broken)

    assert broken not in str(caught.value)


def test_secrets_do_not_show_when_a_configuration_is_printed() -> None:
    configuration = EndpointConfiguration(
        url="https://example.org",
        headers={"X-Key": "hidden1"},
        basic_username="user",
        basic_password="hidden2",
        signature_key="hidden3",
        webhook_secrets=["hidden4"],
    )

    assert "hidden" not in repr(configuration)
