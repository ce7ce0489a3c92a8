"""SIGTERM: what is under way ends, nothing new begins, and what is cut off is no failed attempt."""

from __future__ import annotations

import signal

import pytest

from tests.flow.oracle import Oracle
from tests.flow.pollhook import Pollhook
from tests.flow.processes import settled
from tests.flow.standins import Provider, Receiver

ATTEMPTS = "select number, outcome, spent from attempts"


async def holding(pollhook: Pollhook, provider: Provider, receiver: Receiver) -> Oracle:
    """A started daemon with one attempt under way, whose answer is held back."""
    await pollhook.start()
    instance = await pollhook.connect(receiver.callback(), ["contacts"])
    oracle = Oracle(
        provider=provider,
        receiver=receiver,
        instance=instance.id,
        since=await provider.changes(),
        resources=["contacts"],
    )
    await receiver.switch(hold={})
    await provider.edit("contacts/3", Department="on its way")
    await receiver.held(1)
    return oracle


async def attempts(pollhook: Pollhook) -> list[tuple[int, str, bool]]:
    async with pollhook.database() as database:
        return [tuple(row) for row in await database.fetch(ATTEMPTS)]


async def test_a_delivery_under_way_is_waited_for_and_counts(
    pollhook: Pollhook, provider: Provider, receiver: Receiver
) -> None:
    oracle = await holding(pollhook, provider, receiver)
    program = pollhook.program
    program.send(signal.SIGTERM)
    await program.line(event="delivery.draining")
    assert (await pollhook.health("/readyz"))[0] == 503
    await receiver.switch(hold=None)
    await receiver.release()
    assert await program.ended() == 0
    assert await attempts(pollhook) == [(1, "delivered", True)]
    await pollhook.start()
    await provider.edit("contacts/3", Department="afterwards")
    await settled(oracle.missing)
    assert (await oracle.report())["repeats"] == 0


async def test_a_delivery_that_is_cut_off_is_no_failed_attempt(
    pollhook: Pollhook, provider: Provider, receiver: Receiver
) -> None:
    pollhook.add_settings({"shutdown_grace_seconds": 0.2, "logging": {"level": "debug"}})
    oracle = await holding(pollhook, provider, receiver)
    assert await pollhook.stop() == 0
    assert await attempts(pollhook) == [(1, "cancelled", False)]
    await receiver.switch(hold=None)
    await receiver.release()
    await pollhook.start()
    await pollhook.program.line(event="delivery.attempted", attempt=1, outcome="delivered")
    await settled(oracle.missing)
    assert (await oracle.report())["repeats"] == 1


async def test_a_poll_under_way_does_not_hold_up_the_stop_beyond_the_grace(
    pollhook: Pollhook, provider: Provider, receiver: Receiver
) -> None:
    pollhook.add_settings({"shutdown_grace_seconds": 0.2})
    await pollhook.start()
    instance = await pollhook.connect(receiver.callback(), ["contacts"])
    oracle = Oracle(
        provider=provider,
        receiver=receiver,
        instance=instance.id,
        since=await provider.changes(),
        resources=["contacts"],
    )
    await provider.switch(hold={"call": ["read"]})
    await provider.edit("contacts/3", Department="read too late")
    await provider.held(1)
    assert await pollhook.stop() == 0
    assert len(pollhook.program.said(event="poll.cut_off")) == 1
    await provider.switch(hold=None)
    await provider.release()
    await pollhook.start()
    await settled(oracle.missing)


@pytest.mark.parametrize("dsn", [None, "postgresql://nobody@127.0.0.1:9/nowhere"])
async def test_a_stop_during_the_start_is_a_clean_end(embedded: Pollhook, dsn: str | None) -> None:
    if dsn is not None:
        embedded.add_settings({"database": {"dsn": dsn}})
    program = await embedded.begin()
    await program.line(event="daemon.starting")
    assert await embedded.stop() == 0
    assert program.said(event="daemon.ready") == []
