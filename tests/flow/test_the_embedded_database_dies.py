"""The embedded database dies: the daemon ends too, and what it knew is there after a restart."""

from __future__ import annotations

import os
import signal

from tests.flow.oracle import Oracle
from tests.flow.pollhook import Pollhook, trusted
from tests.flow.processes import settled
from tests.flow.standins import Provider, Receiver


async def test_the_daemon_ends_with_status_1_and_loses_nothing(
    embedded: Pollhook, provider: Provider, receiver: Receiver
) -> None:
    await embedded.start()
    instance = await embedded.connect(receiver.callback())
    await trusted(receiver, instance)
    oracle = Oracle(
        provider=provider, receiver=receiver, instance=instance.id, since=await provider.changes()
    )
    await provider.edit_at_random(40, seed=1)
    os.kill(embedded.embedded_server(), signal.SIGKILL)
    await provider.edit_at_random(10, seed=2)
    assert await embedded.program.ended() == 1
    words = [line["text"] for line in embedded.program.lines if "text" in line]
    assert words[0].startswith("pollhook: The embedded PostgreSQL ended by SIGKILL")

    await provider.edit_at_random(10, seed=3)
    await embedded.start()
    await settled(oracle.missing)
    assert (await oracle.judge()).wrong == []
    await oracle.report()
