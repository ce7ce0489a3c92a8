"""What a person changes holds from the answer on: no commit and no new send under the old state."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.flow.oracle import Oracle
from tests.flow.pollhook import PROMPT, Connected, Pollhook
from tests.flow.processes import eventually, settled
from tests.flow.standins import Provider, Receiver

EVENTS = "select count(*) from events"


async def polled(pollhook: Pollhook, receiver: Receiver) -> Connected:
    """A started daemon with one instance of one resource."""
    pollhook.add_settings({"delivery": {"retry_schedule_seconds": PROMPT}})
    await pollhook.start()
    return await pollhook.connect(receiver.callback(), ["contacts"])


async def watch(provider: Provider, receiver: Receiver, instance: Connected) -> Oracle:
    return Oracle(
        provider=provider,
        receiver=receiver,
        instance=instance.id,
        since=await provider.changes(),
        resources=["contacts"],
    )


async def edit(provider: Provider, records: Sequence[int], text: str) -> None:
    for number in records:
        await provider.edit(f"contacts/{number}", Department=f"{text} {number}")


@pytest.mark.parametrize(
    ("method", "path"), [("DELETE", "/enabled"), ("DELETE", "")], ids=["disable", "delete"]
)
async def test_a_page_that_was_just_read_is_not_committed(
    pollhook: Pollhook, provider: Provider, receiver: Receiver, method: str, path: str
) -> None:
    instance = await polled(pollhook, receiver)
    await provider.switch(hold={"call": ["read"]})
    await edit(provider, [1, 2, 3], "read too late")
    await provider.held(1)
    await provider.switch(hold=None)
    await pollhook.call(method, f"/instances/{instance.id}{path}")
    asked = len(await provider.requests("read"))
    await provider.release()

    async def has_been_answered() -> bool:
        return len(await provider.requests("read")) > asked

    await eventually(has_been_answered, "the held page has been answered")
    async with pollhook.database() as database:
        assert await database.fetchval(EVENTS) == 0
    assert await receiver.arrivals() == []


async def test_a_disabled_instance_sends_nothing_more_and_everything_once_it_is_enabled(
    pollhook: Pollhook, provider: Provider, receiver: Receiver
) -> None:
    instance = await polled(pollhook, receiver)
    oracle = await watch(provider, receiver, instance)
    await receiver.switch(hold={})
    for number in range(1, 6):
        await edit(provider, range(20 * number, 20 * number + 12), "first")
    await receiver.held(1)
    await pollhook.call("DELETE", f"/instances/{instance.id}/enabled")
    begun = len(await receiver.arrivals())
    await receiver.switch(hold=None)
    await receiver.release()
    await edit(provider, [1, 2], "while disabled")
    state = await pollhook.state(instance.id)
    assert state["state"] == "disabled"
    assert await oracle.missing() != []
    assert len(await receiver.arrivals()) == begun

    await pollhook.call("PUT", f"/instances/{instance.id}/enabled")
    await settled(oracle.missing)
    assert (await oracle.judge()).wrong == []
    await oracle.report()


async def test_a_deleted_instance_sends_nothing_more(
    pollhook: Pollhook, provider: Provider, receiver: Receiver
) -> None:
    instance = await polled(pollhook, receiver)
    await receiver.switch(refuse={"status": 503})
    await edit(provider, range(1, 30), "never told")
    await pollhook.program.line(event="endpoint.failing")
    await pollhook.call("DELETE", f"/instances/{instance.id}")
    await receiver.switch(refuse=None)
    await pollhook.call("GET", f"/instances/{instance.id}", status=404)
    other = await pollhook.connect(receiver.callback("/other"), ["contacts"])
    oracle = await watch(provider, receiver, other)
    await edit(provider, range(1, 30), "told to another")
    await settled(oracle.missing)
    assert await receiver.arrivals("/callback") == []


async def test_a_new_callback_address_holds_for_what_is_pending_too(
    pollhook: Pollhook, provider: Provider, receiver: Receiver
) -> None:
    instance = await polled(pollhook, receiver)
    oracle = await watch(provider, receiver, instance)
    await receiver.switch(refuse={"status": 503, "path": "/callback"})
    await edit(provider, range(1, 30), "pending")
    await pollhook.program.line(event="endpoint.failing")
    changed = {"configuration": {"event.notification.callback.url": receiver.callback("/new")}}
    await pollhook.call("PATCH", f"/instances/{instance.id}", changed)
    refused = (await receiver.report())["refused"]
    await receiver.switch(refuse=None)
    await settled(oracle.missing)
    assert await receiver.arrivals("/callback") == []
    assert (await receiver.report())["refused"] == refused
    assert (await oracle.judge()).wrong == []
    await oracle.report()
