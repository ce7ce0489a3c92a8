"""What arrives, judged by the libraries that receivers use, none of which is ours."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any

import orjson
import pytest
import pytest_asyncio
import standardwebhooks
import svix.webhooks
from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from daemon.address_guard import AddressGuard
from daemon.delivery.endpoint import EndpointConfiguration
from daemon.delivery.ready import ready_from
from daemon.delivery.sender import Sender
from daemon.delivery.settlement import OutcomeKind
from daemon.delivery.signing import Signer, new_webhook_secret
from daemon.instance import EventType
from daemon.notifications.compose import compose
from daemon.notifications.context import NotificationFormat, RawMode
from daemon.outbound import Outbound
from daemon.settings import DeliverySettings
from tests.delivery.receiver import Arrival, Receiver
from tests.notifications.samples import make_change, make_context, numbers

SIGNATURE_KEY = "schlüssel"
CHANGES = (
    make_change("a/1=", raw={"internalId": "a/1=", "name": "Zoë \N{GRINNING FACE}"}),
    make_change("2", type=EventType.UPDATED, changed=("name",), raw={"internalId": "2"}),
    make_change("3", type=EventType.DELETED, raw=None),
)
EVERY_FORM = [
    pytest.param(kind, raw, id=f"{kind} with raw {raw}")
    for kind in NotificationFormat
    for raw in RawMode
]


def current_and_retiring(url: str) -> EndpointConfiguration:
    """Two secrets in force, as after a rotation, and the original's key besides."""
    return EndpointConfiguration(
        url=url,
        signature_key=SIGNATURE_KEY,
        webhook_secrets=[new_webhook_secret()],
        retiring_secrets=[(new_webhook_secret(), datetime.max.replace(tzinfo=UTC))],
    )


@pytest_asyncio.fixture
async def sender() -> AsyncIterator[Sender]:
    async with Outbound(AddressGuard([ip_network("127.0.0.0/8")])) as outbound:
        yield Sender(outbound, DeliverySettings(), lambda: datetime.now(UTC))


async def send(
    sender: Sender, receiver: Receiver, kind: NotificationFormat, raw: RawMode
) -> tuple[list[Arrival], list[str]]:
    """Everything that arrives of a page of three changes, and the secrets it was signed with."""
    page = [change.raw for change in CHANGES if change.raw is not None]
    context = make_context(format=kind, raw_mode=raw, page=page, instance_name="Größe")
    drafts = compose(context, CHANGES, first_sequence=41, predecessors={}, ids=numbers())
    configuration = current_and_retiring(receiver.url())
    for ready in ready_from(drafts, context.poll_at):
        outcome = await sender.send(Signer(configuration), ready, may_repeat=False)
        assert outcome.kind is OutcomeKind.DELIVERED
    assert [arrival.body for arrival in receiver.accepted] == [draft.body for draft in drafts]
    return receiver.accepted, list(configuration.secrets_at(0))


@pytest.mark.parametrize(("kind", "raw"), EVERY_FORM)
async def test_the_published_libraries_accept_every_form_with_either_secret(
    sender: Sender, receiver: Receiver, kind: NotificationFormat, raw: RawMode
) -> None:
    arrivals, secrets = await send(sender, receiver, kind, raw)

    for arrival in arrivals:
        for secret in secrets:
            svix.webhooks.Webhook(secret).verify(arrival.body, arrival.headers)
            told = standardwebhooks.Webhook(secret).verify(arrival.body, arrival.headers)
            assert told == orjson.loads(arrival.body)


@pytest.mark.parametrize(("kind", "raw"), EVERY_FORM)
async def test_they_refuse_another_byte_another_id_another_time_and_another_secret(
    sender: Sender, receiver: Receiver, kind: NotificationFormat, raw: RawMode
) -> None:
    (arrival, *_), (secret, _) = await send(sender, receiver, kind, raw)
    at = int(arrival.headers["webhook-timestamp"])
    forgeries: list[tuple[str, bytes, dict[str, str]]] = [
        (secret, arrival.body + b" ", arrival.headers),
        (secret, arrival.body, {**arrival.headers, "webhook-id": "another"}),
        (secret, arrival.body, {**arrival.headers, "webhook-timestamp": str(at - 1)}),
        (new_webhook_secret(), arrival.body, arrival.headers),
    ]

    for other_secret, body, headers in forgeries:
        with pytest.raises(svix.webhooks.WebhookVerificationError):
            svix.webhooks.Webhook(other_secret).verify(body, headers)
        with pytest.raises(standardwebhooks.WebhookVerificationError):
            standardwebhooks.Webhook(other_secret).verify(body, headers)


@pytest.mark.parametrize(("kind", "raw"), EVERY_FORM)
async def test_the_originals_signature_is_over_the_bytes_that_arrive(
    sender: Sender, receiver: Receiver, kind: NotificationFormat, raw: RawMode
) -> None:
    arrivals, _ = await send(sender, receiver, kind, raw)

    for arrival in arrivals:
        scheme, _, signature = arrival.headers["Elements-Webhook-Signature"].partition("=")
        digest = hmac.digest(SIGNATURE_KEY.encode(), arrival.body, hashlib.sha256)
        assert (scheme, base64.b64decode(signature)) == ("sha256", digest)


@pytest.mark.parametrize("raw", list(RawMode), ids=str)
async def test_the_cloudevents_library_reads_every_event_of_a_batch(
    sender: Sender, receiver: Receiver, raw: RawMode
) -> None:
    (arrival,), _ = await send(sender, receiver, NotificationFormat.CLOUDEVENTS, raw)

    events = read_batch(arrival)
    assert [event.get_type() for event in events] == [
        "netsuiteerpv2.invoices.created",
        "netsuiteerpv2.invoices.updated",
        "netsuiteerpv2.invoices.deleted",
    ]
    assert [event.get_subject() for event in events] == ["a/1=", "2", "3"]
    assert [event.get_extension("sequence") for event in events] == ["41", "42", "43"]
    assert {event.get_time() for event in events} == {CHANGES[0].occurred_at}
    assert len({event.get_id() for event in events}) == len(CHANGES)
    assert [_record(event) for event in events] == _records_expected(raw)


def read_batch(arrival: Arrival) -> list[BaseCloudEvent]:
    """By the library, which checks each attribute; the array is all that a batch adds."""
    assert arrival.headers["Content-Type"] == "application/cloudevents-batch+json"
    return [
        JSONFormat().read(CloudEvent, orjson.dumps(entry)) for entry in orjson.loads(arrival.body)
    ]


def _record(event: BaseCloudEvent) -> Any:
    data = event.get_data()
    assert isinstance(data, dict)
    return data.get("record")


def _records_expected(raw: RawMode) -> list[Any]:
    if raw is RawMode.NONE:
        return [None] * len(CHANGES)
    return [CHANGES[0].raw, CHANGES[1].raw, {"internalId": "3"}]
