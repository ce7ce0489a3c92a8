"""`pollhook doctor` tells in words what is wrong, beside a running daemon and without one."""

from __future__ import annotations

from tests.flow.pollhook import Pollhook
from tests.flow.processes import finished
from tests.flow.standins import Provider

CALLBACK = "http://127.0.0.1:9/callback"


async def test_its_exit_status_says_whether_something_is_wrong(
    embedded: Pollhook, provider: Provider
) -> None:
    async def doctor(named: str) -> tuple[int, str, str]:
        return await finished("daemon", "doctor", named, "--config", str(embedded.config))

    await embedded.start()
    instance = await embedded.connect(CALLBACK, ("contacts", "tasks"))
    contacts, _ = (await embedded.state(instance.id))["resources"]
    assert contacts["probes"]["literal"]["verdict"] == "proved"
    status, told, complaints = await doctor(str(instance.id))
    assert (status, complaints) == (0, ""), told
    assert "ok    The provider accepts the token." in told
    assert "ok    contacts: The newest record is found by its own date" in told
    assert instance.token not in told
    await provider.switch(date_skew_seconds=4000)
    status, told, _ = await doctor("Flow")
    assert status == 1
    assert "WRONG contacts: The provider's clock is" in told
    status, told, complaints = await doctor("nobody")
    assert (status, told) == (2, "")
    assert complaints == "pollhook: INSTANCE: there is no instance nobody\n"
    assert (await embedded.stop()) == 0
    await provider.switch(date_skew_seconds=0)
    status, told, complaints = await doctor(str(instance.id))
    assert (status, complaints) == (0, ""), told
