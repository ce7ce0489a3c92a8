"""A renewal of tokens that is cut off by a kill locks nobody out, or says so."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from typing import Any

import pytest

from tests.flow.oracle import Oracle
from tests.flow.pollhook import Connected, Pollhook
from tests.flow.processes import eventually, settled
from tests.flow.standins import Provider, Receiver

Kill = Mapping[str, Any]
GRACE_SECONDS = 600
RENEW = {"bad_token": {"times": 1}}


async def killed_in_a_renewal(
    pollhook: Pollhook, provider: Provider, receiver: Receiver, kill: Kill
) -> tuple[Connected, Oracle]:
    """An instance whose daemon died while its tokens were renewed; one change has not been told."""
    program = await pollhook.start()
    instance = await pollhook.connect(receiver.callback(), ["contacts"])
    oracle = Oracle(
        provider=provider,
        receiver=receiver,
        instance=instance.id,
        since=await provider.changes(),
        resources=["contacts"],
    )
    armed = {"pid": program.pid, "times": 1, **kill}
    await provider.switch(kill=armed, **RENEW)
    assert await program.ended() == -signal.SIGKILL
    await provider.switch(kill=None)
    await provider.edit("contacts/3", Department="changed meanwhile")
    return instance, oracle


@pytest.mark.parametrize("when", ["before_answer", "after_answer"])
async def test_within_the_providers_grace_the_old_pair_is_tried_again(
    embedded: Pollhook, provider: Provider, receiver: Receiver, when: str
) -> None:
    await provider.switch(refresh_reuse_grace_seconds=GRACE_SECONDS)
    kill = {"call": ["token.refresh"], "when": when}
    instance, oracle = await killed_in_a_renewal(embedded, provider, receiver, kill)
    await provider.end_access_tokens()
    await embedded.start()
    await settled(oracle.missing)
    assert (await embedded.state(instance.id))["state"] == "active"
    renewals = await provider.requests("token.refresh")
    assert renewals[-1]["status"] == 200
    assert len(renewals) == 2


async def test_once_the_new_pair_is_stored_a_kill_changes_nothing(
    embedded: Pollhook, provider: Provider, receiver: Receiver
) -> None:
    first_use = {"call": ["read"], "when": "before_answer", "skip": 1}
    _, oracle = await killed_in_a_renewal(embedded, provider, receiver, first_use)
    await embedded.start()
    await settled(oracle.missing)
    assert len(await provider.requests("token.refresh")) == 1


async def test_without_a_grace_the_instance_asks_for_new_consent_and_goes_on_after_it(
    embedded: Pollhook, provider: Provider, receiver: Receiver
) -> None:
    kill = {"call": ["token.refresh"], "when": "before_answer"}
    instance, oracle = await killed_in_a_renewal(embedded, provider, receiver, kill)
    await provider.end_access_tokens()
    await embedded.start()

    async def asks_for_consent() -> bool:
        state = await embedded.state(instance.id)
        return bool(state["state"] == "needs_reauth" and state["stateReason"])

    await eventually(asks_for_consent, "the state says needs_reauth, and why")
    _, health = await embedded.health("/healthz")
    assert health["instances"]["needs_reauth"] == 1
    assert await oracle.missing() != []

    renewed = {"providerData": {"code": await embedded.consent()}}
    await embedded.call("PATCH", f"/instances/{instance.id}", renewed)
    await settled(oracle.missing)
    assert (await embedded.state(instance.id))["state"] == "active"
