from typing import Any

import pytest

from tests.sandbox.clients import Crm, read_body

BASES = ("/octopus", "/MaximizerWebData/Data.svc/json", "/api160/Data.svc/json")


@pytest.mark.parametrize("base", BASES)
async def test_reads_work_under_every_base_with_the_token_in_header_or_body(
    crm: Crm, base: str
) -> None:
    await crm.contact("Smith")
    body = read_body(fields=("LastName",))
    by_header = await crm.post(f"{base}/Read", body)
    token = {"Token": crm.service.personal_access_token}
    by_body = await crm.http.post(f"{base}/Read", json=body | token)
    by_old_name = await crm.post(f"{base}/AbEntryRead", body)
    answers = [await each.json() for each in (by_header, by_body, by_old_name)]
    assert answers == [{"Code": 0, "AbEntry": {"Data": [{"LastName": "Smith"}]}}] * 3


@pytest.mark.parametrize(
    ("form", "base", "status"),
    [
        ("by_path", BASES[0], 401),
        ("by_path", BASES[1], 200),
        ("http_401", BASES[1], 401),
        ("code", BASES[0], 200),
    ],
)
async def test_a_bad_token_is_refused_by_status_or_by_code(
    crm: Crm, form: str, base: str, status: int
) -> None:
    await crm.switch(unauthorized=form)
    crm.headers = {"Authorization": "Bearer nonsense"}
    response = await crm.post(f"{base}/Read", read_body())
    assert response.status == status
    assert await response.json() == {"Code": -1, "Msg": ["Token is invalid"]}


async def test_token_checks_answer_as_documented(crm: Crm) -> None:
    async def checks() -> tuple[Any, ...]:
        valid = await crm.post("/octopus/TokenValid", {})
        verified = await crm.http.get("/octopus/VerifyToken", headers=crm.headers)
        return valid.status, (await valid.json())["Code"], verified.status, await verified.text()

    good = await checks()
    crm.headers = {"Authorization": "Bearer nonsense"}
    assert (good, await checks()) == ((200, 0, 200, ""), (200, -1, 401, ""))


async def test_discovery_tells_the_base_and_the_database(crm: Crm) -> None:
    base = await (await crm.http.get("/demo?request=api")).text()
    assert base == str(crm.http.make_url("/MaximizerWebData"))
    response = await crm.post("/MaximizerWebData/Data.svc/json/Read", read_body())
    assert (await response.json())["Code"] == 0
    assert await (await crm.http.get("/demo?request=ab")).text() == "64656D6F"
    assert (await crm.http.get("/demo")).status == 404


async def test_sessions_slide_with_use_and_end_after_a_day(crm: Crm) -> None:
    crm.headers = {"Authorization": f"Bearer {crm.service.sessions.open('demo').token}"}

    async def is_good() -> bool:
        return (await crm.http.get("/octopus/VerifyToken", headers=crm.headers)).status == 200

    for _ in range(3):
        crm.service.clock.advance(590)
        assert await is_good()
    crm.service.clock.advance(600)
    assert not await is_good()

    await crm.switch(session_idle_seconds=10**6)
    crm.headers = {"Authorization": f"Bearer {crm.service.sessions.open('demo').token}"}
    crm.service.clock.advance(86_399)
    assert await is_good()
    crm.service.clock.advance(1)
    assert not await is_good()


async def test_tokens_can_be_made_to_end_after_so_many_calls(crm: Crm) -> None:
    await crm.switch(session_calls=2)
    crm.headers = {"Authorization": f"Bearer {crm.service.sessions.open('demo').token}"}
    statuses = [(await crm.post("/octopus/Read", read_body())).status for _ in range(3)]
    assert statuses == [200, 200, 401]


@pytest.mark.parametrize(("kind", "permanent"), [("access", False), ("personal", True)])
async def test_tokens_can_be_revoked(crm: Crm, kind: str, permanent: bool) -> None:
    session = crm.service.sessions.open("demo", "given" if permanent else None)
    await crm.http.delete(f"/_sandbox/tokens/{kind}")
    crm.headers = {"Authorization": f"Bearer {session.token}"}
    assert (await crm.post("/octopus/Read", read_body())).status == 401


async def test_the_rate_limit_is_a_sliding_window_for_each_account(crm: Crm) -> None:
    await crm.switch(rate_limit_calls=3, rate_limit_seconds=10)
    other = {"Authorization": f"Bearer {crm.service.sessions.open('other').token}"}

    async def call(**headers: str) -> tuple[int, str | None]:
        response = await crm.http.post(
            "/octopus/Read", json=read_body(), headers=crm.headers | headers
        )
        return response.status, response.headers.get("Retry-After")

    assert [await call() for _ in range(2)] == [(200, None)] * 2
    crm.service.clock.advance(4)
    assert [await call() for _ in range(2)] == [(200, None), (429, "6")]
    assert await call(**other) == (200, None)
    crm.service.clock.advance(6)
    assert [(await call())[0] for _ in range(3)] == [200, 200, 429]
    await crm.switch(retry_after=False)
    assert await call() == (429, None)


async def test_a_body_that_is_no_object_and_an_unknown_method_are_http_errors(crm: Crm) -> None:
    bad = await crm.http.post("/octopus/Read", data="[1", headers=crm.headers)
    unknown = await crm.post("/octopus/Command", {})
    assert (bad.status, unknown.status) == (400, 404)


async def test_the_journal_tells_each_call_without_its_token(crm: Crm) -> None:
    await crm.contact("Smith")
    query = {"Type": {"$EQ": "Individual"}}
    body = read_body(query=query) | {"Token": "secret"}
    await crm.post("/octopus/Read", body)
    await crm.post("/octopus/TokenValid", {})
    read, check = await crm.requests()
    assert (read["number"], read["call"], read["status"], read["rows"]) == (1, ["read"], 200, 1)
    assert read["objects"] == ["abentry", "individuals"]
    assert read["alias"] == "demo"
    assert read["asked"]["AbEntry"]["Criteria"]["SearchQuery"] == query
    assert "Token" not in read["asked"]
    assert check["call"] == ["tokenvalid"]
    after = await (await crm.http.get("/_sandbox/requests?after=1")).json()
    assert after["requests"] == [check]
