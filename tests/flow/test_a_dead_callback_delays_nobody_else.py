"""A callback that never answers costs its own instance time, and no other."""

from __future__ import annotations

from tests.flow.oracle import Oracle
from tests.flow.pollhook import Pollhook, trusted
from tests.flow.processes import settled
from tests.flow.standins import Provider, Receiver


async def test_the_other_instance_has_everything_before_the_dead_ones_first_attempt_times_out(
    pollhook: Pollhook, provider: Provider, receiver: Receiver
) -> None:
    program = await pollhook.start()
    await receiver.switch(hold={"path": "/dead"})
    dead = await pollhook.connect(receiver.callback("/dead"))
    living = await pollhook.connect(receiver.callback("/living"))
    await trusted(receiver, dead, living)
    oracle = Oracle(
        provider=provider, receiver=receiver, instance=living.id, since=await provider.changes()
    )
    await provider.edit_at_random(30, seed=1)
    await receiver.held(1)
    await provider.edit_at_random(120, seed=2)
    await settled(oracle.missing)
    assert program.said(event="delivery.attempted", instance=dead.id) == []
    assert await receiver.held(1) >= 1
    assert (await oracle.judge()).wrong == []
    await oracle.report()
