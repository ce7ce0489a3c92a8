from email.utils import parsedate_to_datetime
from pathlib import Path

from aiohttp.test_utils import TestClient, TestServer

from daemon.sandbox import crm as crm_app
from daemon.sandbox.clock import Clock
from daemon.sandbox.service import Options
from tests.sandbox.clients import STAMP, Crm
from tests.sandbox.conftest import NOON


async def test_the_date_header_is_the_sandboxs_time_and_can_be_skewed(crm: Crm) -> None:
    plain = await crm.post("/octopus/TokenValid", {})
    await crm.switch(date_skew_seconds=-3600)
    skewed = await crm.post("/octopus/TokenValid", {})

    assert parsedate_to_datetime(plain.headers["Date"]) == NOON
    assert (NOON - parsedate_to_datetime(skewed.headers["Date"])).total_seconds() == 3600


async def test_a_new_stand_in_holds_believable_records_of_every_object() -> None:
    async with TestClient(TestServer(crm_app.create_app())) as http:
        crm = Crm(http)
        rows = await crm.rows(
            fields=("Key", "Type", "LastName", "CompanyName"),
            query={"Type": {"$EQ": "Contact"}},
            order={"PageSize": 500, "Fields": STAMP},
        )
        assert len(rows) == 160
        assert all(row["LastName"] and row["CompanyName"] for row in rows)
        for name in ("Opportunity", "Lead", "Case", "Campaign", "Task", "Note", "Document"):
            assert await crm.rows(name, fields=("Key",)), name


async def test_the_same_seed_and_clock_give_the_same_records() -> None:
    async def everything(seed: int) -> list[object]:
        app = crm_app.create_app(Options(seed=seed), Clock(frozen_at=NOON))
        async with TestClient(TestServer(app)) as http:
            return await Crm(http).rows(order={"PageSize": 500, "Fields": STAMP})

    assert await everything(1) == await everything(1)
    assert await everything(1) != await everything(2)


async def test_a_state_file_carries_records_tokens_and_history_over_a_restart(
    tmp_path: Path, clock: Clock
) -> None:
    state = tmp_path / "state.json"
    options = Options(seed=3, personal_access_token="kept")
    async with TestClient(TestServer(crm_app.create_app(options, clock, state))) as http:
        crm = Crm(http)
        added = await crm.contact("Before")
        await crm.edit(added, LastName="After")
        before = await crm.rows(order={"PageSize": 500, "Fields": STAMP})
        history = await (await http.get("/_sandbox/history?fields=LastName")).json()

    options = Options(seed=3, personal_access_token="new")
    async with TestClient(TestServer(crm_app.create_app(options, clock, state))) as http:
        crm = Crm(http)
        crm.headers = {"Authorization": "Bearer kept"}
        again = await (await http.get("/_sandbox/history?fields=LastName")).json()
        assert again == history
        assert await crm.rows(order={"PageSize": 500, "Fields": STAMP}) == before
        assert (await crm.contact("Next"))["id"] == added["id"] + 1


async def test_a_stale_replica_knows_all_records_of_the_seed(clock: Clock) -> None:
    app = crm_app.create_app(Options(faults={"stale": {"seconds": 600}}), clock)
    async with TestClient(TestServer(app)) as http:
        assert len(await Crm(http).rows(order={"PageSize": 500, "Fields": STAMP})) == 260
