import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from aiohttp import ClientConnectionResetError, ClientError, web

from tests.sandbox.clients import Crm, read_body


async def ask(crm: Crm, **body: Any) -> tuple[int, str, dict[str, str]]:
    response = await crm.post("/octopus/Read", read_body(**body))
    return response.status, await response.text(), dict(response.headers)


@pytest.mark.parametrize("status", [429, 500, 503, 408, 403])
async def test_a_status_comes_so_often_and_then_no_more(crm: Crm, status: int) -> None:
    fault = {"status": status, "times": 2, "retry_after": 7, "body": "busy"}
    await crm.switch(status=fault)
    answers = [await ask(crm) for _ in range(3)]
    assert [answer[0] for answer in answers] == [status, status, 200]
    assert (answers[0][1], answers[0][2]["Retry-After"]) == ("busy", "7")
    entries = await crm.requests()
    assert [entry["faults"] for entry in entries] == [["Status"], ["Status"], []]


async def test_only_large_pages_take_too_long(crm: Crm) -> None:
    await crm.switch(status={"status": 408, "over_page_size": 50})
    sizes = [(await ask(crm, order={"PageSize": size}))[0] for size in (100, 51, 50)]
    assert sizes == [408, 408, 200]


async def test_faults_can_strike_every_so_manieth_call_and_by_chance(crm: Crm) -> None:
    await crm.switch(status={"status": 500, "skip": 2, "times": 1})
    assert [(await ask(crm))[0] for _ in range(4)] == [200, 200, 500, 200]
    await crm.switch(status={"status": 500, "probability": 0.5, "seed": 1})
    statuses = [(await ask(crm))[0] for _ in range(40)]
    assert 8 < statuses.count(500) < 32


async def test_several_faults_of_a_kind_strike_one_after_the_other(crm: Crm) -> None:
    await crm.switch(status=[{"status": 500, "times": 1}, {"status": 429, "times": 1}])
    assert [(await ask(crm))[0] for _ in range(3)] == [500, 429, 200]


@pytest.mark.parametrize(("form", "status"), [("http_401", 401), ("code", 200), (None, 401)])
async def test_a_good_token_is_refused(crm: Crm, form: str | None, status: int) -> None:
    await crm.switch(bad_token={"form": form, "times": 1})
    refused, text, _ = await ask(crm)
    assert (refused, json.loads(text)["Code"]) == (status, -1)
    assert json.loads((await ask(crm))[1])["Code"] == 0


async def test_an_answer_is_empty_or_an_error_although_its_status_is_200(crm: Crm) -> None:
    await crm.switch(
        empty_answer={"times": 1}, error_answer={"code": -3, "message": "Busy", "times": 1}
    )
    assert (await ask(crm))[:2] == (200, "")
    status, text, _ = await ask(crm)
    assert (status, json.loads(text)) == (200, {"Code": -3, "Msg": ["Busy"]})


async def test_json_is_truncated_within_a_complete_answer(crm: Crm) -> None:
    _, whole, _ = await ask(crm)
    await crm.switch(truncated={"times": 1})
    status, text, _ = await ask(crm)
    assert (status, text) == (200, whole[: len(whole) // 2])


@pytest.mark.parametrize(
    "fault", [{"truncated": {"break_connection": True}}, {"reset": {}}], ids=["half", "reset"]
)
async def test_the_connection_breaks(crm: Crm, fault: Any) -> None:
    await crm.switch(**fault)
    with pytest.raises(ClientError):
        await ask(crm)
    await crm.switch(**dict.fromkeys(fault))
    assert (await ask(crm))[0] == 200


async def test_an_answer_is_held_until_it_is_released(crm: Crm) -> None:
    await crm.switch(hold={"times": 1})
    async with asyncio.timeout(10):
        asked = asyncio.create_task(ask(crm))
        held = await (await crm.http.get("/_sandbox/held?at_least=1")).json()
        await crm.contact("Later")
        assert not asked.done()
        released = await (await crm.http.post("/_sandbox/release")).json()
        status, text, _ = await asked
    assert (held, released, status) == ({"held": 1}, {"released": 1}, 200)
    assert json.loads(text)["AbEntry"]["Data"] == []
    assert (await (await crm.http.get("/_sandbox/held")).json()) == {"held": 0}


async def test_waiting_for_held_answers_gives_up(crm: Crm) -> None:
    response = await crm.http.get("/_sandbox/held?at_least=1&timeout_seconds=0")
    assert (response.status, await response.json()) == (408, {"held": 0})


async def test_an_answer_is_slow(crm: Crm) -> None:
    await crm.switch(slow={"seconds": 0.05, "times": 1})
    loop = asyncio.get_running_loop()
    began = loop.time()
    await ask(crm)
    assert loop.time() - began >= 0.05


@pytest.fixture
async def victim() -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that lives until it is killed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-S", "-c", "input()", stdin=asyncio.subprocess.PIPE
    )
    yield process
    if process.returncode is None:
        process.kill()
    await process.communicate()


async def test_a_process_is_killed_after_the_answer_of_a_read(
    crm: Crm, victim: asyncio.subprocess.Process
) -> None:
    kill = {"when": "after_answer", "object": "individuals", "skip": 1, "times": 1}
    await crm.switch(target_pid=victim.pid, kill=kill)
    query = {"Type": {"$EQ": "Individual"}}
    async with asyncio.timeout(10):
        await ask(crm)
        await ask(crm, query=query)
        assert await crm.hits("kill") == [0]
        assert (await ask(crm, query=query))[0] == 200
        assert await victim.wait() == -9
        await ask(crm, query=query)
    assert await crm.hits("kill") == [1]


async def test_a_process_is_killed_after_an_answer_although_whoever_asked_has_gone(
    crm: Crm, victim: asyncio.subprocess.Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def has_gone(_: web.StreamResponse, __: bytes = b"") -> None:
        raise ClientConnectionResetError

    await crm.switch(kill={"when": "after_answer", "pid": victim.pid, "times": 1})
    monkeypatch.setattr(web.Response, "write_eof", has_gone)
    with suppress(ClientError):
        await ask(crm)
    async with asyncio.timeout(10):
        assert await victim.wait() == -9


@pytest.mark.parametrize("other", [{"truncated": {}}, {"reset": {}}], ids=["half", "none"])
async def test_a_process_is_killed_after_an_answer_of_which_it_gets_less(
    crm: Crm, victim: asyncio.subprocess.Process, other: dict[str, Any]
) -> None:
    await crm.switch(kill={"when": "after_answer", "pid": victim.pid, "times": 1}, **other)
    with suppress(ClientError, ValueError):
        await ask(crm)
    async with asyncio.timeout(10):
        assert await victim.wait() == -9


CLIENT = """
import sys, urllib.request
sys.stdin.readline()
url, token = sys.argv[1:]
ask = urllib.request.Request(url, b"{}", {"Authorization": "Bearer " + token})
print(urllib.request.urlopen(ask).status)
"""


async def test_a_process_is_killed_before_it_gets_its_answer(crm: Crm) -> None:
    url = str(crm.http.make_url("/octopus/Read"))
    client = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", CLIENT, url, crm.service.personal_access_token),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    await crm.switch(kill={"pid": client.pid, "when": "before_answer", "times": 1})
    async with asyncio.timeout(20):
        output, _ = await client.communicate(b"\n")
    assert (client.returncode, output) == (-9, b"")
    assert (await crm.requests())[-1]["faults"] == ["Kill"]


async def test_a_process_is_killed_between_a_rotation_and_its_answer(
    crm: Crm, victim: asyncio.subprocess.Process
) -> None:
    await crm.switch(kill={"pid": victim.pid, "call": "token.refresh", "signal": "TERM"})
    form = {
        "client_id": "sandbox-client",
        "client_secret": "sandbox-secret",
        "redirect_uri": "http://x",
    }
    code = crm.service.grants.give_code("http://x", "demo")

    async def token(**more: str) -> Any:
        return await (await crm.http.post("/oauth2/demo/token", data=form | more)).json()

    async with asyncio.timeout(10):
        first = await token(grant_type="authorization_code", code=code)
        assert victim.returncode is None
        old = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
        assert (await token(**old))["refresh_token"]
        assert await victim.wait() == -15
        assert (await token(**old))["error"] == "invalid_grant"


async def test_a_kill_without_a_living_process_harms_nobody(
    crm: Crm, victim: asyncio.subprocess.Process
) -> None:
    victim.kill()
    await victim.wait()
    await crm.switch(kill=[{"times": 1}, {"pid": victim.pid}])
    assert [(await ask(crm))[0] for _ in range(2)] == [200, 200]


async def test_faults_strike_other_calls_than_reads_when_they_say_so(crm: Crm) -> None:
    await crm.switch(status={"status": 503, "call": ["token", "tokenvalid"]})
    assert (await ask(crm))[0] == 200
    assert (await crm.post("/octopus/TokenValid", {})).status == 503
    assert (await crm.http.post("/oauth2/demo/token", data={"a": "b"})).status == 503
    await crm.switch(status={"status": 503, "call": "any"})
    assert (await ask(crm))[0] == 503
