"""A notification refused for one of its events: that one dies alone, and a person has the say."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from tests.flow.pollhook import Connected, Pollhook, trusted
from tests.flow.processes import eventually
from tests.flow.standins import Provider, Receiver

RARELY = "600"
"""Minutes between two polls: the test says when."""
SCHEDULE = [0, 0.3]
REFUSALS = {400: 2, 413: 5, 422: 8}
"""Each status that refuses a body, and the contact it is the answer to."""
CONTACTS = range(1, 11)


@dataclass(slots=True, kw_only=True)
class Told:
    """One instance, and what its receiver was told."""

    pollhook: Pollhook
    provider: Provider
    receiver: Receiver
    instance: Connected

    async def change(self, *contacts: int, to: str) -> Mapping[int, str]:
        """Change these and have them told by one page; their keys."""
        made = {n: await self.provider.edit(f"contacts/{n}", Department=to) for n in contacts}
        await self.pollhook.call("POST", f"{self.path}/resources/contacts/poll")
        return {number: record["key"] for number, record in made.items()}

    @property
    def path(self) -> str:
        return f"/instances/{self.instance.id}"

    async def events(self, state: str) -> Sequence[Mapping[str, Any]]:
        """What the API lists in this state."""
        listed: Sequence[Mapping[str, Any]] = await self.pollhook.call(
            "GET", f"{self.path}/events?state={state}&pageSize=200"
        )
        return listed

    async def all_are(self, state: str, count: int) -> Sequence[Mapping[str, Any]]:
        """So many, once they are."""

        async def listed() -> Sequence[Mapping[str, Any]]:
            found = await self.events(state)
            return found if len(found) == count else ()

        return await eventually(listed, f"{count} events are {state}")

    async def versions(self) -> Mapping[str, Sequence[str]]:
        """What each contact was told to have become, in order, repeats left out."""
        return {
            each["objectId"]: [arrival["record"]["Department"] for arrival in each["arrivals"]]
            for each in await self.receiver.objects()
        }


@pytest_asyncio.fixture
async def told(pollhook: Pollhook, provider: Provider, receiver: Receiver) -> Told:
    pollhook.add_settings(
        {"delivery": {"retry_schedule_seconds": SCHEDULE}, "logging": {"level": "debug"}}
    )
    await pollhook.start()
    instance = await pollhook.connect(
        receiver.callback(), ["contacts"], **{"event.poller.refresh_interval": RARELY}
    )
    await trusted(receiver, instance)
    return Told(pollhook=pollhook, provider=provider, receiver=receiver, instance=instance)


async def bury_three(told: Told) -> tuple[Mapping[int, str], Sequence[Mapping[str, Any]]]:
    """Three pages of ten contacts, each with one that its status refuses; what is dead then."""
    keys: Mapping[int, str] = {}
    for page, (status, poison) in enumerate(REFUSALS.items(), start=1):
        key = (await told.provider.edit(f"contacts/{poison}", Department="x"))["key"]
        await told.receiver.switch(refuse={"contains": f'"objectId":"{key}"', "status": status})
        keys = await told.change(*CONTACTS, to=f"page {page}")
        await told.all_are("dead", page)
        await told.all_are("delivered", 9 * page)
    await told.receiver.switch(refuse=None)
    return keys, await told.events("dead")


@pytest.mark.timeout(120)
async def test_what_is_refused_is_split_dies_alone_and_goes_out_again_when_a_person_says_so(
    told: Told,
) -> None:
    keys, dead = await bury_three(told)
    poisons = {keys[poison] for poison in REFUSALS.values()}
    assert {event["objectId"] for event in dead} == poisons
    assert {event["attemptsSpent"] for event in dead} == {len(SCHEDULE)}
    assert len(await told.events("split")) == 0
    for number, key in keys.items():
        assert (await told.versions())[key] == pages_without(number)
    await check_history(told, dead)

    removed, *dead = dead
    gone = await told.pollhook.call("DELETE", f"{told.path}/events/{removed['id']}")
    assert gone == {"notifications": 1, "events": 1, "dryRun": False}
    await told.pollhook.call("POST", f"{told.path}/events/{removed['id']}/redeliver", status=404)
    counted = await told.pollhook.call("POST", f"{told.path}/redeliver", {"dryRun": True})
    assert counted == {"notifications": 2, "events": 2, "dryRun": True}
    assert len(await told.events("dead")) == 2
    before = len(await told.receiver.arrivals())
    sent = await told.pollhook.call("POST", f"{told.path}/redeliver")
    assert sent == {"notifications": 2, "events": 2, "dryRun": False}
    await told.all_are("delivered", 29)
    again = (await told.receiver.arrivals())[before:]
    assert [each["headers"]["elements-replay"] for each in again] == ["true"] * 2
    assert {each["webhookId"] for each in again} == {one["notificationEventId"] for one in dead}
    assert {e["eventId"] for each in again for e in each["events"]} == {e["id"] for e in dead}

    await check_span(told, since=min(event["eventDate"] for event in dead))
    (stream,) = (await told.receiver.report())["streams"]
    assert (len(stream["gaps"]), stream["conflicts"]) == (1, [])


def pages_without(contact: int) -> Sequence[str]:
    """What a contact became on the pages that did not refuse it."""
    refused = [*REFUSALS.values()].index(contact) + 1 if contact in REFUSALS.values() else 0
    return [f"page {page}" for page in (1, 2, 3) if page != refused]


async def check_history(told: Told, dead: Sequence[Mapping[str, Any]]) -> None:
    """Each has its attempts, and each attempt of the daemon its one line in the log."""
    statuses = set()
    for event in dead:
        detail = await told.pollhook.call("GET", f"{told.path}/events/{event['id']}")
        attempts = detail["attempts"]
        assert [(each["number"], each["spent"]) for each in attempts] == [(1, True), (2, True)]
        statuses |= {each["status"] for each in attempts}
    assert statuses == set(REFUSALS)
    async with told.pollhook.database() as database:
        rows = await database.fetch("select notification_id, number, outcome from attempts")
    lines = told.pollhook.program.said(event="delivery.attempted")
    assert sorted((each["notification"], each["attempt"], each["outcome"]) for each in lines) == (
        sorted(map(tuple, rows))
    )


async def check_span(told: Told, since: str) -> None:
    """Everything delivered since then, repeated: the same ids, all of them marked."""
    body = {"since": since, "status": "delivered"}
    first = {each["webhookId"]: json.loads(each["body"]) for each in await told.receiver.arrivals()}
    before = len(await told.receiver.arrivals())
    counted = await told.pollhook.call("POST", f"{told.path}/redeliver", {**body, "dryRun": True})
    assert await told.pollhook.call("POST", f"{told.path}/redeliver", body) == {
        **counted,
        "dryRun": False,
    }

    async def repeated() -> bool:
        return len(await told.receiver.arrivals()) == before + counted["notifications"]

    await eventually(repeated, "everything delivered has come again")
    again = (await told.receiver.arrivals())[before:]
    assert {each["headers"]["elements-replay"] for each in again} == {"true"}
    assert all(json.loads(each["body"]) == first[each["webhookId"]] for each in again)
    assert counted["events"] == 29
