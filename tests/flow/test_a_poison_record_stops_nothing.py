"""A record that cannot be carried is isolated; everything around it arrives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.flow.pollhook import Pollhook
from tests.flow.processes import eventually
from tests.flow.standins import Provider, Receiver

WITH_AN_ID = (
    *("nul", "lone_surrogate", "nan", "huge_integer", "no_date", "bad_date"),
    *("duplicate", "moved"),
)
WITHOUT = ("no_key", "not_an_object")


async def told(receiver: Receiver, key: str) -> Sequence[Mapping[str, Any]]:
    objects = await receiver.objects()
    return next((each["arrivals"] for each in objects if each["objectId"] == key), [])


async def arrived(receiver: Receiver, record: Mapping[str, Any], events: int) -> None:
    """Wait for so many events of this record."""

    async def has_come() -> bool:
        return len(await told(receiver, record["key"])) >= events

    await eventually(has_come, f"{record['id']} has {events} events")


@pytest.mark.timeout(120)
async def test_each_kind_of_poison_is_told_as_far_as_it_can_be_and_holds_back_nothing(
    pollhook: Pollhook, provider: Provider, receiver: Receiver
) -> None:
    program = await pollhook.start()
    instance = await pollhook.connect(receiver.callback(), ["contacts"])
    for number, kind in enumerate((*WITH_AN_ID, *WITHOUT), start=2):
        await provider.switch(poison={"what": kind, "record": f"contacts/{number}"})
        before = await provider.edit(f"contacts/{number + 40}", Department=f"before {kind}")
        poisoned = await provider.edit(f"contacts/{number}", Department=kind)
        after = await provider.edit(f"contacts/{number + 80}", Department=f"after {kind}")
        await arrived(receiver, before, 1)
        await arrived(receiver, after, 1)
        if kind in WITH_AN_ID:
            await arrived(receiver, poisoned, 1)
        seen = len(await told(receiver, poisoned["key"]))
        await provider.switch(poison=None)
        healed = await provider.edit(f"contacts/{number}", Department=f"healed {kind}")
        await arrived(receiver, healed, seen + 1)
        last = (await told(receiver, healed["key"]))[-1]
        assert last["record"]["Department"] == f"healed {kind}"

    state = await pollhook.state(instance.id)
    assert [(each["state"], each["lastError"]) for each in state["resources"]] == [("active", None)]
    for stream in (await receiver.report())["streams"]:
        assert (stream["gaps"], stream["conflicts"]) == ([], [])
    assert program.said(level="error") == []
