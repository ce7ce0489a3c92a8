"""The commands beside a daemon that runs, or is not to run."""

from __future__ import annotations

from tests.flow.pollhook import Pollhook
from tests.flow.processes import finished
from tests.flow.standins import Receiver


async def test_commands_work_beside_the_daemon_and_a_second_one_is_refused(
    embedded: Pollhook,
) -> None:
    config = ("--config", str(embedded.config))
    program = await embedded.start()
    assert (await finished("daemon", "healthcheck", "--url", f"{embedded.url}/readyz"))[0] == 0
    assert await finished("daemon", "migrate", *config) == (0, "the schema was up to date\n", "")

    second = await embedded.begin_another()
    assert await second.ended() == 1
    complaint = second.lines[-1]["text"]
    assert complaint.startswith(f"pollhook: Another pollhook (process {program.pid}) already uses ")
    assert (await embedded.health("/readyz"))[0] == 200

    assert await embedded.stop() == 0
    status, output, _ = await finished("daemon", "healthcheck", "--url", embedded.url)
    assert status == 1
    assert output.startswith("not ready: ")
    assert await finished("daemon", "migrate", *config) == (0, "the schema was up to date\n", "")


async def test_a_configuration_is_checked_without_starting_anything(embedded: Pollhook) -> None:
    config = ("--config", str(embedded.config))
    status, output, complaints = await finished("daemon", "check-config", *config)
    assert (status, complaints) == (0, "")
    assert output.endswith("no fault found\n")
    embedded.add_settings({"admin": {"port": 70000}, "nonsense": 1})
    status, output, complaints = await finished("daemon", "check-config", *config)
    assert (status, output) == (2, "")
    assert len(complaints.splitlines()) == 2
    assert not embedded.data_dir.exists()


async def test_a_database_from_the_future_is_left_alone(pollhook: Pollhook) -> None:
    await pollhook.start()
    assert await pollhook.stop() == 0
    async with pollhook.database() as database:
        await database.execute("insert into schema_migrations (number, name) values (9999, 'x')")
    program = await pollhook.begin()
    assert await program.ended() == 3
    assert "version 9999" in program.lines[-1]["text"]


async def test_secrets_are_encrypted_anew_while_the_daemon_works(
    pollhook: Pollhook, receiver: Receiver
) -> None:
    await pollhook.start()
    made = await pollhook.connect(receiver.callback(), ["contacts"])
    keys = pollhook.data_dir / "keys"
    config = ("--config", str(pollhook.config))
    status, output, complaints = await finished("daemon", "rekey", "--new-key", *config)
    assert (status, complaints) == (0, "")
    assert output.startswith("encrypted 6 secrets anew")
    second = await pollhook.connect(receiver.callback(), ["contacts"])
    assert (await pollhook.call("GET", f"/instances/{made.id}"))["token"] == made.token

    keys.write_text(keys.read_text("ascii").splitlines()[0], "ascii")
    assert await pollhook.stop() == 0
    await pollhook.start()
    for instance in (made, second):
        assert (await pollhook.state(instance.id))["state"] == "active"
    assert await pollhook.stop() == 0
