"""A change in the CRM reaches the callback, signed, whole, and said once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.flow.oracle import Oracle
from tests.flow.pollhook import Pollhook, trusted
from tests.flow.processes import settled
from tests.flow.standins import Provider, Receiver

EDITS = 3
CREATED: Mapping[str, Mapping[str, Any]] = {
    "contacts": {"FirstName": "Ada", "LastName": "Byron", "Department": "new"},
    "companies": {"CompanyName": "Analytical Engines", "Department": "new"},
    "individuals": {"FirstName": "Charles", "LastName": "Babbage", "Department": "new"},
}


async def test_created_and_updated_objects_of_all_four_resources_arrive(
    pollhook: Pollhook, provider: Provider, receiver: Receiver
) -> None:
    await pollhook.start()
    instance = await pollhook.connect(receiver.callback())
    await trusted(receiver, instance)
    oracle = Oracle(
        provider=provider, receiver=receiver, instance=instance.id, since=await provider.changes()
    )
    await provider.edit_at_random(24, seed=1, create=0.5, delete=0)
    for resource, fields in CREATED.items():
        await provider.create(resource, **fields)
        await provider.edit(f"{resource}/2", Department="edited")
    await settled(oracle.missing)

    assert (await oracle.judge()).wrong == []
    report = await oracle.report()
    assert report["verified"] == report["accepted"] > 0
    assert {stream["objectType"] for stream in report["streams"]} == set(oracle.resources)
    assert set(report["eventTypes"]) == {"CREATED", "UPDATED"}


async def test_a_notification_says_what_changed_and_carries_the_record(
    pollhook: Pollhook, provider: Provider, receiver: Receiver
) -> None:
    await pollhook.start()
    instance = await pollhook.connect(receiver.callback(), ["contacts"])
    await trusted(receiver, instance)
    edited = await provider.edit("contacts/5", Department="Research")
    oracle = Oracle(
        provider=provider,
        receiver=receiver,
        instance=instance.id,
        since=await provider.changes() - 1,
        resources=["contacts"],
    )
    await settled(oracle.missing)

    (arrival,) = await receiver.arrivals()
    assert arrival["verified"]
    assert arrival["headers"]["elements-webhook-id"] == arrival["webhookId"]
    assert arrival["headers"]["user-agent"].startswith("pollhook/")
    message = json.loads(arrival["body"])["message"]
    assert (message["instanceId"], message["eventId"]) == (instance.id, arrival["webhookId"])
    (event,) = message["events"]
    assert event["objectId"] == edited["key"]
    assert (event["eventType"], event["sequence"]) == ("UPDATED", 1)
    assert message["raw"]["contacts"][0]["Department"] == "Research"


async def test_the_second_change_of_an_object_names_its_fields(
    pollhook: Pollhook, provider: Provider, receiver: Receiver
) -> None:
    await pollhook.start()
    instance = await pollhook.connect(receiver.callback(), ["contacts"])
    oracle = Oracle(
        provider=provider,
        receiver=receiver,
        instance=instance.id,
        since=await provider.changes(),
        resources=["contacts"],
    )
    for number in range(EDITS):
        await provider.edit("contacts/5", Department=f"Department {number}")
        await settled(oracle.missing)
    (told,) = await receiver.objects()
    assert [each["sequence"] for each in told["arrivals"]] == list(range(1, EDITS + 1))
    assert all(each["changed"] == ["Department"] for each in told["arrivals"][1:])
