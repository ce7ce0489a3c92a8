"""A token that ends in the middle of many pages is renewed, and the walk goes on."""

from __future__ import annotations

import pytest

from tests.flow.oracle import Oracle
from tests.flow.pollhook import Pollhook
from tests.flow.processes import settled
from tests.flow.standins import Provider, Receiver

CALLS_PER_TOKEN = 3
IMPORTED = 260


@pytest.mark.parametrize("refusal", ["http_401", "code"])
async def test_all_pages_arrive_although_a_token_is_good_for_three_calls(
    pollhook: Pollhook, provider: Provider, receiver: Receiver, refusal: str
) -> None:
    pollhook.add_settings({"polling": {"page_size": 20}})
    program = await pollhook.start()
    instance = await pollhook.connect(receiver.callback(), ["contacts"])
    oracle = Oracle(
        provider=provider,
        receiver=receiver,
        instance=instance.id,
        since=await provider.changes(),
        resources=["contacts"],
    )
    renewals = len(await provider.requests("token.refresh"))
    await provider.switch(session_calls=CALLS_PER_TOKEN, unauthorized=refusal)
    await provider.call("POST", "/_sandbox/import", {"count": IMPORTED})
    await settled(oracle.missing)

    assert (await oracle.judge()).wrong == []
    report = await oracle.report()
    assert report["eventTypes"] == {"CREATED": IMPORTED}
    assert len(await provider.requests("token.refresh")) > renewals + 1
    assert program.said(event="poll.failed") == []
    assert (await pollhook.state(instance.id))["state"] == "active"
