from datetime import timedelta

import pytest

from daemon.sandbox.clock import Clock
from daemon.sandbox.faults import FAULTS
from tests.sandbox.clients import Crm
from tests.sandbox.conftest import NOON


async def test_switches_are_put_patched_and_read_in_one_form(crm: Crm) -> None:
    await crm.http.put("/_sandbox/faults", json={"page_key": "none", "late": {"seconds": 2}})
    await crm.http.patch("/_sandbox/faults", json={"status": {"status": 500}, "expires_in": 60})
    shown = await (await crm.http.get("/_sandbox/faults")).json()
    assert (shown["page_key"], shown["expires_in"], shown["hits"]) == (
        "none",
        60,
        {"late": [0], "status": [0]},
    )
    again = await (await crm.http.put("/_sandbox/faults", json=shown)).json()
    assert again == shown
    await crm.http.patch("/_sandbox/faults", json={"late": None})
    left = await (await crm.http.get("/_sandbox/faults")).json()
    assert "late" not in left
    cleared = await (await crm.http.put("/_sandbox/faults", json={})).json()
    assert (cleared["page_key"], cleared["hits"]) == ("object", {})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"nonsense": 1}, "switches.nonsense: unknown"),
        ({"page_key": "here"}, "switches.page_key: 'here' is not one of 'none', 'object'"),
        ({"late": {"seconds": "x", "odd": 1}}, "late.odd: unknown; late.seconds: 'x' is not float"),
        ({"status": {}}, "status.status: missing"),
        ({"status": {"status": True}}, "status.status: True is not int"),
        ({"status": 7}, "status: a JSON object is wanted"),
        ({"stamp": {"value": "soon"}}, "stamp.value: 'soon' is not an instant"),
        ({"kill": {"signal": "HUP"}}, "kill.signal: 'HUP' is not one of 'KILL'"),
    ],
)
async def test_wrong_switches_are_refused_and_change_nothing(
    crm: Crm, given: dict[str, object], message: str
) -> None:
    before = await (await crm.http.get("/_sandbox/faults")).json()
    response = await crm.http.patch("/_sandbox/faults", json=given)
    assert response.status == 400
    assert message in (await response.json())["message"]
    assert await (await crm.http.get("/_sandbox/faults")).json() == before


async def test_the_clock_is_set_moved_stopped_and_started(crm: Crm) -> None:
    async def tell(**given: object) -> str:
        return (await (await crm.http.post("/_sandbox/clock", json=given)).json())["now"]

    assert await tell(advance_seconds=90) == "2026-06-01T12:01:30+00:00"
    assert await tell(set="2027-01-01T00:00:00Z") == "2027-01-01T00:00:00+00:00"
    started = await tell(frozen=False)
    stopped = await tell(frozen=True)
    assert "2027-01-01T00:00:00" <= started <= stopped
    assert (await (await crm.http.get("/_sandbox/clock")).json())["now"] == stopped


def test_a_running_clock_keeps_its_shift_and_a_frozen_one_stands() -> None:
    clock = Clock()
    clock.set(NOON)
    assert NOON <= clock.now() < NOON + timedelta(minutes=1)
    clock.freeze()
    shown = clock.now()
    clock.advance(60)
    assert clock.now() == shown + timedelta(seconds=60)
    clock.run()
    assert clock.now() >= shown + timedelta(seconds=60)


async def test_the_front_page_shows_every_switch_and_commands_that_work(crm: Crm) -> None:
    text = await (await crm.http.get("/")).text()
    assert all(f"\n  {name} " in text for name in FAULTS)
    assert f"curl -X PATCH {crm.http.make_url('/_sandbox')}/records/contacts/3" in text
