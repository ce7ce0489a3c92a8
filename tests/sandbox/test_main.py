import asyncio
import signal
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from daemon.sandbox.__main__ import main
from tests.sandbox.clients import read_body, ready


async def start(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "daemon.sandbox", *arguments), stdout=asyncio.subprocess.PIPE
    )


async def stop(process: asyncio.subprocess.Process) -> int:
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(10):
        return await process.wait()


async def test_the_stand_in_runs_as_a_process_and_keeps_its_state(tmp_path: Path) -> None:
    arguments = (
        *("crm", "--port", "0", "--seed", "2", "--state", str(tmp_path / "state.json")),
        *("--faults", '{"page_key": "none"}', "--personal-access-token", "token"),
    )
    names = []
    async with aiohttp.ClientSession() as session:
        for _ in range(2):
            process = await start(*arguments)
            told = await ready(process)
            edit = f"{told['url']}/_sandbox/records/contacts/3"
            async with session.get(edit) as response:
                versions: list[Any] = (await response.json())["versions"]
                names.append(versions[-1]["fields"]["LastName"])
            async with session.patch(edit, data='{"LastName": "Kept"}') as response:
                assert response.status == 200
            headers = {"Authorization": f"Bearer {told['personalAccessToken']}"}
            body = read_body(order={"PageSize": 1})
            async with session.post(f"{told['apiUrl']}/Read", json=body, headers=headers) as read:
                assert sorted((await read.json())["AbEntry"]) == ["Data"]
            assert await stop(process) == 0
    assert names[0] != "Kept"
    assert names[1] == "Kept"
    assert told["authorizeUrl"] == f"{told['url']}/oauth2/{{alias}}/authorize"
    assert (told["pid"], told["clientId"]) == (process.pid, "sandbox-client")


@pytest.mark.parametrize("kind", ["crm", "receiver"])
async def test_a_stand_in_ends_with_its_standard_input(kind: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "daemon.sandbox", kind, "--until-input-ends"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    await ready(process)
    assert process.returncode is None
    async with asyncio.timeout(10):
        await process.communicate(b"")
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["crm", "--faults", '{"nonsense": 1}'], "switches.nonsense: unknown"),
        (["receiver", "--secret", "whsec_"], "not a Standard Webhooks secret"),
        (["receiver", "--host", "192.0.2.1"], "192.0.2.1"),
    ],
    ids=["switch", "secret", "address"],
)
def test_a_wrong_option_ends_it_with_one_sentence(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    output = capsys.readouterr()
    assert told in output.err
    assert (output.out, output.err.count("\n")) == ("", 1)


def test_switches_that_are_no_json_are_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["crm", "--faults", "{"])
    assert ended.value.code == 2
    assert "--faults" in capsys.readouterr().err
