import json
from typing import Any

import pytest

from tests.sandbox.clients import STAMP, Crm


async def test_a_person_edits_records_with_short_commands(crm: Crm) -> None:
    await crm.add("companies", {"CompanyName": "Acme"})
    added = await crm.add("contacts", {"LastName": "Smith"})
    response = await crm.http.patch(
        "/_sandbox/records/contacts/1",
        data='{"LastName":"Smythe"}',
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    edited = await response.json()
    assert (added["id"], added["version"], added["fields"]["CompanyName"]) == (1, 1, "Acme")
    assert (edited["version"], edited["fields"]["LastName"]) == (2, "Smythe")
    deleted = await (await crm.http.delete("/_sandbox/records/contacts/1")).json()
    assert deleted["deleted"]
    assert (await crm.http.delete("/_sandbox/records/contacts/1")).status == 400
    restored = await (await crm.http.post("/_sandbox/records/contacts/1/restore")).json()
    assert (restored["version"], restored["key"]) == (4, added["key"])
    assert (await crm.http.post("/_sandbox/records/contacts/1/restore")).status == 400


async def test_records_are_listed_and_searched_by_resource(crm: Crm) -> None:
    await crm.add("companies", {"CompanyName": "Acme"})
    for name in ("Smith", "Jones"):
        await crm.add("contacts", {"LastName": name})
    gone = await crm.add("individuals", {"LastName": "Smith"})
    await crm.delete(gone)

    async def names(path: str) -> list[Any]:
        answer = await (await crm.http.get(f"/_sandbox/records/{path}")).json()
        return [record["fields"]["DisplayValue"] for record in answer["records"]]

    assert await names("contacts") == ["Smith", "Jones"]
    assert await names("contacts?search=SMI") == ["Smith"]
    assert await names("contacts?limit=1") == ["Smith"]
    assert await names("addressbook-entries") == ["Acme", "Smith", "Jones"]
    assert await names("AbEntry?search=acme&limit=1") == ["Acme"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "message"),
    [
        ("GET", "records/contacts/9", None, 404, "there is no record contacts/9"),
        ("GET", "records/nothing", None, 400, "the resource 'nothing' is unknown"),
        ("POST", "records/nothing", "{}", 404, "there is no resource nothing"),
        ("POST", "records/contacts", '{"LastName":"A"}', 400, "a contact needs a company"),
        ("POST", "records/companies", "{", 400, "the body is not JSON"),
        ("POST", "records/companies", "[]", 400, "the body must be a JSON object"),
        ("POST", "records/companies", '{"Nonsense":1}', 400, "support property 'Nonsense'"),
        ("GET", "records/companies?limit=x", None, 400, "limit must be a number"),
        ("POST", "edits", '{"count":"x"}', 400, "edits.count: 'x' is not int"),
        ("POST", "edits", '{"count":1}', 400, "no record left"),
        ("POST", "import", '{"count":1}', 400, "no record to copy"),
        ("POST", "clock", '{"set":"soon"}', 400, "'soon' is not an instant"),
        ("POST", "clock", '{"speed":2}', 400, "clock: speed is unknown"),
        ("DELETE", "tokens/all", None, 404, "there are no all tokens"),
    ],
)
async def test_mistakes_are_told_in_a_sentence(
    crm: Crm, *, method: str, path: str, body: str | None, status: int, message: str
) -> None:
    response = await crm.http.request(method, f"/_sandbox/{path}", data=body)
    assert response.status == status
    assert message in (await response.json())["message"]


async def test_the_history_tells_every_version_and_which_were_served(crm: Crm) -> None:
    added = await crm.contact("A", Department="v1")
    await crm.names()
    await crm.names()
    crm.service.clock.advance(1.5)
    await crm.edit(added, Department="v2")
    await crm.switch(late={"seconds": 9})
    await crm.edit(added, Department="v3")
    await crm.delete(added)
    await crm.names()
    answer = await (await crm.http.get("/_sandbox/history?fields=Department,Key")).json()
    (record,) = answer["objects"]
    assert answer["changes"] == 4
    assert (record["resource"], record["id"], record["keyId"]) == (
        "individuals",
        1,
        added["keyId"],
    )
    assert [version["fields"]["Department"] for version in record["versions"]] == [
        "v1",
        "v2",
        "v3",
        "v3",
    ]
    keys = ("version", "change", "deleted", "visible", "served")
    assert [tuple(version[key] for key in keys) for version in record["versions"]] == [
        (1, 1, False, True, 2),
        (2, 2, False, True, 1),
        (3, 3, False, False, 0),
        (4, 4, True, False, 0),
    ]
    assert [version["stamp"][-3:] for version in record["versions"]] == ["00Z", "01Z", "01Z", "01Z"]


async def test_the_history_can_be_limited_to_a_resource_and_to_what_changed(crm: Crm) -> None:
    await crm.contact("A")
    second = await crm.contact("B")
    await crm.add("opportunities", {"Objective": "O"})
    await crm.edit(second, LastName="C")

    async def names(query: str) -> list[str]:
        answer = await (await crm.http.get(f"/_sandbox/history?{query}")).json()
        return [f"{each['resource']}/{each['id']}" for each in answer["objects"]]

    assert await names("resource=opportunities") == ["opportunities/1"]
    assert await names("after=2") == ["individuals/2", "opportunities/1"]
    assert await names("after=4") == []


async def test_a_marker_in_an_edit_reaches_the_reader(crm: Crm) -> None:
    added = await crm.contact("A")
    await crm.edit(added, Department="marker 7")
    assert await crm.rows(fields=("Department",)) == [{"Department": "marker 7"}]


async def test_lone_surrogates_can_be_written_and_are_carried_to_the_reader(crm: Crm) -> None:
    await crm.http.post("/_sandbox/records/individuals", data='{"LastName":"a\\ud800b"}')
    answer = await crm.read(fields=("LastName",))
    assert answer["AbEntry"]["Data"] == [{"LastName": "a\ud800b"}]


async def test_random_edits_create_change_and_delete_and_bear_markers(crm: Crm) -> None:
    await crm.add("companies", {"CompanyName": "Acme"})
    for name in ("A", "B"):
        await crm.add("contacts", {"LastName": name})
        await crm.add("opportunities", {"Objective": name})
    batch = {
        "count": 60,
        "seed": 5,
        "resources": ["contacts", "companies", "opportunities"],
        "create": 0.4,
        "delete": 0.2,
    }
    response = await crm.http.post("/_sandbox/edits", data=json.dumps(batch))
    assert response.status == 200, await response.text()
    changes = (await response.json())["changes"]
    history = await (await crm.http.get("/_sandbox/history?fields=Department,NextAction")).json()
    assert len(changes) == 60
    assert history["changes"] == 65
    versions = [version for each in history["objects"] for version in each["versions"]]
    markers = [
        version["fields"]["Department"] or version["fields"]["NextAction"]
        for version in versions
        if version["change"] > 5 and not version["deleted"]
    ]
    assert len(set(markers)) == len(markers) > 40
    kinds = {(change["version"] == 1, change["deleted"]) for change in changes}
    assert kinds == {(True, False), (False, False), (False, True)}
    assert not any(change["deleted"] for change in changes if change["resource"] == "companies")


async def test_a_bulk_import_has_one_stamp(crm: Crm) -> None:
    await crm.contact("Model")
    wanted = {"resource": "individuals", "count": 250, "stamp": "2024-01-01T00:00:00Z"}
    made = await (await crm.http.post("/_sandbox/import", data=json.dumps(wanted))).json()
    assert len(made["changes"]) == 250
    rows = await crm.rows(
        fields=("LastModifyDate", "CreationDate"), order={"PageSize": 300, "Fields": STAMP}
    )
    assert [set(row.values()) for row in rows[:250]] == [{"2024-01-01T00:00:00Z"}] * 250
    assert rows[250]["LastModifyDate"] == "2026-06-01T12:00:00Z"
