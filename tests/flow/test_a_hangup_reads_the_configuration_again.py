"""SIGHUP, as `systemctl reload` sends it: the file is read again while the work goes on."""

from __future__ import annotations

import signal

from tests.flow.pollhook import Pollhook
from tests.flow.standins import Receiver


async def test_a_new_log_level_holds_at_once_and_a_bad_file_changes_nothing(
    pollhook: Pollhook, receiver: Receiver
) -> None:
    program = await pollhook.start()
    await pollhook.connect(receiver.callback())
    assert not program.said(level="debug")

    pollhook.add_settings({"logging": {"level": "debug"}, "delivery": {"timeout_seconds": 7}})
    program.send(signal.SIGHUP)
    told = await program.line(event="configuration.reloaded")
    assert told["needs_restart"] == ["delivery"]
    await program.line(event="poll.finished", level="debug")

    pollhook.add_settings({"logging": {"level": "loud"}, "nonsense": 1})
    program.send(signal.SIGHUP)
    reason = (await program.line(event="configuration.refused"))["reason"]
    assert "logging.level" in reason
    assert "nonsense" in reason
    assert (await pollhook.health("/readyz"))[0] == 200
    assert await pollhook.stop() == 0


async def test_no_link_that_signs_in_is_made_where_nobody_sees_it(pollhook: Pollhook) -> None:
    await pollhook.start()
    async with pollhook.database() as database:
        assert await database.fetchval("select count(*) from sign_in_links") == 0
