"""What the stand-in tells of its schema, and tenants that lack some of it."""

import pytest

from tests.sandbox.clients import STAMP, Crm

SCHEMA = {
    "Schema": {
        "Scope": {"Fields": {"Key": 1, "Queryable": 1, "Sortable": 1}},
        "Criteria": {"SearchQuery": {"Key": {"$TREE": "/AbEntry"}}},
    }
}


async def abilities(crm: Crm) -> dict[str, tuple[bool, bool]]:
    answer = await (await crm.post("/octopus/Read", SCHEMA)).json()
    return {
        row["Key"].removeprefix("/AbEntry/"): (row["Queryable"], row["Sortable"])
        for row in answer["Schema"]["Data"]
    }


async def test_a_field_may_be_sorted_but_not_searched_by(crm: Crm) -> None:
    await crm.contact("Doe")
    await crm.switch(not_queryable=["AbEntry/LastModifyDate"])
    assert (await abilities(crm))["LastModifyDate"] == (False, True)
    query = {"LastModifyDate": {"$GE": "2020-01-01"}}
    assert (await crm.read(query=query))["Code"] == -1
    assert await crm.names(order={"Fields": STAMP}) == ["Doe"]


@pytest.mark.parametrize(
    "question",
    [
        {"fields": ("Department",)},
        {"query": {"Department": {"$EQ": "Sales"}}},
        {"query": {"$AND": [{"$OR": [{"Department": {"$EQ": "Sales"}}]}]}},
        {"order": {"Fields": [{"department": "ASC"}]}},
        {"fields": ("Phone1",)},
    ],
    ids=["read", "searched", "searched within", "sorted by", "a composite"],
)
async def test_a_field_that_a_tenant_lacks_is_unknown_wherever_it_is_named(
    crm: Crm, question: dict[str, object]
) -> None:
    await crm.contact("Doe")
    await crm.switch(missing_fields=["AbEntry/Department", "AbEntry/Phone1"])
    assert (await crm.read(**question))["Code"] == -1
    await crm.switch(unknown_field="no_rows")
    assert await crm.rows(**question) == []
    assert not {"Department", "Phone1/Number"} & (await abilities(crm)).keys()


async def test_a_schema_may_be_told_in_part(crm: Crm) -> None:
    whole = await abilities(crm)
    await crm.switch(schema="partial")
    assert list(await abilities(crm)) == list(whole)[:10]


async def test_a_schema_may_not_be_told_at_all(crm: Crm) -> None:
    await crm.switch(schema="unsupported")
    answer = await (await crm.post("/octopus/Read", SCHEMA)).json()
    assert (answer["Code"], "Schema" in answer["Msg"][0]) == (-1, True)
