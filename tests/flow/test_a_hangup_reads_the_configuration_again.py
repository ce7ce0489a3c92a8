"""SIGHUP, as `systemctl reload` sends it: the file is read again while the work goes on."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import tempfile
from pathlib import Path

from tests.flow.pollhook import Pollhook
from tests.flow.processes import running
from tests.flow.standins import Receiver

DATAGRAM = socket.SOCK_DGRAM


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


async def test_a_hangup_during_the_start_does_not_end_it_for_the_service_manager(
    tmp_path: Path,
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(
        f"data_dir: {tmp_path / 'data'}\nadmin: {{port: 0}}\nlogging: {{format: json}}\n"
        "database: {dsn: 'postgresql://nobody@127.0.0.1:9/none'}\n",
        "utf-8",
    )
    with tempfile.TemporaryDirectory() as short, socket.socket(socket.AF_UNIX, DATAGRAM) as door:
        door.bind(f"{short}/notify")
        door.setblocking(False)
        environment = {"NOTIFY_SOCKET": f"{short}/notify"}
        arguments = ("daemon", "run", "--config", str(config))
        async with running(*arguments, log=tmp_path / "log", environment=environment) as program:
            await program.line(event="database.waiting")
            program.send(signal.SIGHUP)
            await asyncio.sleep(0.2)  # what must not come would come at once
            assert await program.end(signal.SIGTERM) == 0
        told = []
        with contextlib.suppress(BlockingIOError):
            while True:
                told.append(door.recv(4096).decode())
    assert any("EXTEND_TIMEOUT_USEC" in message for message in told)
    assert not any("READY" in message or "RELOADING" in message for message in told)


async def test_no_link_that_signs_in_is_made_where_nobody_sees_it(pollhook: Pollhook) -> None:
    await pollhook.start()
    async with pollhook.database() as database:
        assert await database.fetchval("select count(*) from sign_in_links") == 0
