from typing import Any

import pytest

from tests.sandbox.clients import Crm


async def write(crm: Crm, method: str, object_name: str, **data: Any) -> Any:
    response = await crm.post(f"/octopus/{method}", {object_name: {"Data": data}})
    return await response.json()


async def test_create_update_and_delete_change_what_reads_show(crm: Crm) -> None:
    made = await write(crm, "Create", "AbEntry", Key=None, Type="Company", CompanyName="Acme")
    key = made["AbEntry"]["Data"]["Key"]
    crm.service.clock.advance(5)
    await write(crm, "Update", "AbEntry", Key=key, CompanyName="Acme Ltd")
    fields = ("Key", "CompanyName", "CreationDate", "LastModifyDate")
    assert await crm.rows(fields=fields) == [
        {
            "Key": key,
            "CompanyName": "Acme Ltd",
            "CreationDate": "2026-06-01T12:00:00Z",
            "LastModifyDate": "2026-06-01T12:00:05Z",
        }
    ]
    assert (await write(crm, "Delete", "AbEntry", Key=key))["Code"] == 0
    assert await crm.rows() == []
    assert (await write(crm, "Update", "AbEntry", Key=key, CompanyName="x"))["Code"] == -1


async def test_records_are_found_by_id_and_number_too(crm: Crm) -> None:
    added = await crm.contact("Smith")
    key = {"Id": added["keyId"], "Number": 0}
    assert (await write(crm, "Update", "AbEntry", Key=key, LastName="Smythe"))["Code"] == 0
    assert await crm.names() == ["Smythe"]


async def test_dates_are_writable_so_that_imports_can_be_back_dated(crm: Crm) -> None:
    dates = {"CreationDate": "2020-01-01T00:00:00", "LastModifyDate": "2021-01-01T00:00:00+01:00"}
    await write(crm, "Create", "Opportunity", Objective="Old", Status={"Value": 3}, **dates)
    rows = await crm.rows("Opportunity", fields=("CreationDate", "LastModifyDate", "Status"))
    assert rows == [
        {
            "CreationDate": "2020-01-01T00:00:00Z",
            "LastModifyDate": "2020-12-31T23:00:00Z",
            "Status": 3,
        }
    ]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({"Type": "Company"}, -10010),
        ({"CompanyName": "Acme"}, -10010),
        ({"Type": "Contact", "LastName": "Smith"}, -10010),
        ({"Type": "Company", "CompanyName": "Acme", "Nonsense": 1}, -1023),
        ({"Type": "Company", "CompanyName": 7}, -1024),
        ({"Type": "Company", "CompanyName": "Acme", "LastContactDate": "soon"}, -1024),
    ],
    ids=["name", "type", "parent", "unknown", "wrong type", "wrong date"],
)
async def test_what_cannot_be_created_is_refused_with_its_code(
    crm: Crm, data: dict[str, Any], code: int
) -> None:
    await crm.switch(message_form="object")
    answer = await write(crm, "Create", "AbEntry", **data)
    assert answer["Msg"][0]["ErrorCode"] == code
    assert await crm.rows() == []


async def test_type_and_parent_of_an_entry_cannot_be_changed(crm: Crm) -> None:
    added = await crm.contact("Smith")
    answer = await write(crm, "Update", "AbEntry", Key=added["key"], Type="Company")
    assert answer == {"Code": -1, "Msg": ["AbEntry: Type cannot be changed"]}


async def test_updates_leave_notes_where_audit_notes_are_on(crm: Crm) -> None:
    added = await crm.contact("Smith")
    await crm.switch(audit_notes=True)
    await write(crm, "Update", "AbEntry", Key=added["key"], LastName="Smythe")
    rows = await crm.rows("Note", fields=("Text", "ParentKey"))
    assert rows == [{"Text": "LastName changed from Smith to Smythe", "ParentKey": added["key"]}]
