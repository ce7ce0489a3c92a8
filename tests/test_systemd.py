import asyncio
import os
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.systemd import Notifier

UNIT = Path(__file__).parent.parent / "systemd" / "pollhook.service"


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[socket.socket]:
    """The service manager's socket, in the file system or in Linux's abstract namespace."""
    address = str(tmp_path / "n")
    if request.param == "abstract":
        address = "\0" + address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
        door.settimeout(5)
        door.bind(address)
        yield door


def environment(manager: socket.socket, **more: str) -> dict[str, str]:
    name = manager.getsockname()
    address = name if isinstance(name, str) else "@" + name[1:].decode()
    return {"NOTIFY_SOCKET": address, "PATH": "/bin", **more}


def received(manager: socket.socket) -> list[str]:
    return manager.recv(4096).decode().splitlines()


def test_each_message_has_the_words_systemd_knows(manager: socket.socket) -> None:
    notifier = Notifier.from_environment(environment(manager))
    notifier.ready("polling 3 instances")
    assert received(manager) == ["READY=1", "STATUS=polling 3 instances"]
    notifier.status("waiting for\nthe database")
    assert received(manager) == ["STATUS=waiting for the database"]
    notifier.alive()
    assert received(manager) == ["WATCHDOG=1"]
    notifier.extend_timeout(7.5)
    assert received(manager) == ["EXTEND_TIMEOUT_USEC=7500000"]
    notifier.stopping("2 attempts under way")
    assert received(manager) == ["STOPPING=1", "STATUS=2 attempts under way"]


def test_a_reload_carries_the_monotonic_time(manager: socket.socket) -> None:
    before = time.monotonic_ns() // 1000
    Notifier.from_environment(environment(manager)).reloading()
    word, instant = received(manager)
    assert word == "RELOADING=1"
    assert instant.startswith("MONOTONIC_USEC=")
    assert before <= int(instant.partition("=")[2]) <= time.monotonic_ns() // 1000


def test_no_child_inherits_the_way_to_systemd(manager: socket.socket) -> None:
    variables = environment(manager, WATCHDOG_USEC="1000000", WATCHDOG_PID=str(os.getpid()))
    Notifier.from_environment(variables)
    assert variables == {"PATH": "/bin"}


@pytest.mark.parametrize(
    ("variables", "interval"),
    [
        ({"WATCHDOG_USEC": "60000000"}, 30),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}, 30),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
    ids=["any process", "this process", "another process", "zero", "no number", "none"],
)
def test_the_watchdog_is_fed_twice_within_its_time(
    variables: dict[str, str], interval: float | None
) -> None:
    assert Notifier.from_environment({**variables}).watchdog_interval_seconds == interval


def test_without_systemd_nothing_is_sent_and_nothing_fails() -> None:
    notifier = Notifier.from_environment({})
    notifier.ready("x")
    notifier.alive()
    assert notifier.watchdog_interval_seconds is None


def test_a_socket_that_is_gone_does_not_disturb_the_daemon(tmp_path: Path) -> None:
    notifier = Notifier(str(tmp_path / "gone"))
    notifier.ready("x")
    notifier.stopping("x")
    assert not (tmp_path / "gone").exists()


def test_a_manager_that_does_not_listen_does_not_block_the_daemon(manager: socket.socket) -> None:
    notifier = Notifier.from_environment(environment(manager))
    began = time.monotonic()
    for _ in range(2000):  # more than the socket's buffer takes
        notifier.alive()
    assert time.monotonic() - began < 5


async def test_the_watchdog_is_fed_until_the_stop(manager: socket.socket) -> None:
    manager.setblocking(False)
    notifier = Notifier.from_environment(environment(manager, WATCHDOG_USEC="20000"))
    stop = asyncio.Event()
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(notifier.run_watchdog(stop))
        for _ in range(3):
            assert await asyncio.get_running_loop().sock_recv(manager, 100) == b"WATCHDOG=1"
        stop.set()


async def test_without_a_watchdog_there_is_nothing_to_feed() -> None:
    async with asyncio.timeout(5):
        await Notifier(None).run_watchdog(asyncio.Event())


def _unit() -> dict[str, list[str]]:
    settings: dict[str, list[str]] = {}
    for line in UNIT.read_text("utf-8").splitlines():
        if match := re.fullmatch(r"([A-Z]\w+)=(.*)", line):
            settings.setdefault(match[1], []).append(match[2])
    return settings


def test_the_unit_says_what_the_daemon_relies_on() -> None:
    unit = _unit()
    expected = {
        "Type": "notify",
        "NotifyAccess": "main",
        "KillMode": "mixed",
        "TimeoutStopSec": "90",
        "StateDirectory": "pollhook",
        "Restart": "on-failure",
        "RestartPreventExitStatus": "2 3",
        "ProtectSystem": "strict",
        "NoNewPrivileges": "yes",
    }
    assert {name: unit[name] for name in expected} == {n: [v] for n, v in expected.items()}
    assert unit["ExecReload"] == ["/bin/kill -HUP $MAINPID"]
    assert unit["ExecStart"][0].endswith("/pollhook run")


def test_the_unit_says_why_above_each_group_of_settings() -> None:
    lines = UNIT.read_text("utf-8").splitlines()
    groups = "\n".join(lines).split("\n\n")
    settings = [group for group in groups if re.search(r"^[A-Z]\w+=", group, re.MULTILINE)]
    unexplained = [g for g in settings if "#" not in g and "[Install]" not in g]
    assert unexplained == []
