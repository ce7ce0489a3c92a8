from typing import Any

import pytest

from tests.sandbox.clients import Crm


async def found(crm: Crm, query: Any) -> list[str]:
    return await crm.names(query=query)


@pytest.fixture
async def people(crm: Crm) -> Crm:
    """Three individuals and one contact, a day apart, the last at noon today."""
    await crm.add("companies", {"CompanyName": "Acme", "LastModifyDate": "2020-01-01T00:00:00Z"})
    for day, (resource, fields) in enumerate(
        (
            ("individuals", {"LastName": "Adams", "FirstName": "Ann", "Category": ["A", "B"]}),
            ("individuals", {"LastName": "Baker", "AccountManager": "JANE"}),
            ("contacts", {"LastName": "Clark", "Email1": {"Address": "c@x.example"}}),
            ("individuals", {"LastName": "Dent", "FirstName": "Ben"}),
        )
    ):
        stamp = f"2026-05-{29 + day}T12:00:00Z" if day < 3 else "2026-06-01T12:00:00Z"
        await crm.add(resource, {**fields, "LastModifyDate": stamp})
    return crm


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"LastName": {"$EQ": "baker"}}, ["Baker"]),
        ({"LastName": "Baker"}, ["Baker"]),
        ({"LastName": {"$NE": "Baker"}}, ["Adams", "Clark", "Dent"]),
        ({"LastName": {"$GT": "Baker"}}, ["Clark", "Dent"]),
        ({"LastName": {"$LE": "Baker"}}, ["Adams", "Baker"]),
        ({"LastName": {"$RANGE": ["B", "Cz"]}}, ["Baker", "Clark"]),
        ({"LastName": {"$NRANGE": ["B", "Cz"]}}, ["Adams", "Dent"]),
        ({"LastName": {"$LIKE": "%a_er"}}, ["Baker"]),
        ({"LastName": {"$NLIKE": "%a%"}}, ["Dent"]),
        ({"LastName": {"$IN": ["Dent", "Adams"]}}, ["Adams", "Dent"]),
        ({"LastName": {"$NIN": ["Dent", "Adams"]}}, ["Baker", "Clark"]),
        ({"FirstName": {"$EQ": None}, "Type": {"$EQ": "Individual"}}, ["Baker"]),
        ({"FirstName": {"$NE": None}}, ["Adams", "Dent"]),
        ({"Category": {"$EQ": "a"}}, ["Adams"]),
        ({"Category": {"$ALL": ["A", "B"]}}, ["Adams"]),
        ({"Category": {"$ALL": ["A", "C"]}}, []),
        ({"AccountManager": {"$EQ": "jane"}}, ["Baker"]),
        ({"Email1/Address": {"$LIKE": "c@%"}}, ["Clark"]),
        ({"Type": {"$IN": ["Contact", "Company"]}, "LastName": {"$NE": None}}, ["Clark"]),
        ({"$OR": [{"LastName": "Adams"}, {"$AND": [{"LastName": "Dent"}]}]}, ["Adams", "Dent"]),
        ({"$PHRASE": "x.exam"}, ["Clark"]),
        ({"LastModifyDate": {"$GE": "2026-05-31T12:00:00"}}, ["Clark", "Dent"]),
        ({"LastModifyDate": {"$GT": "2026-05-31T12:00:00"}}, ["Dent"]),
        ({"LastModifyDate": {"$RANGE": ["2026-05-30", "2026-05-31"]}}, ["Baker"]),
        ({"LastModifyDate": {"$EQ": "$TODAY()"}}, ["Dent"]),
        ({"LastModifyDate": {"$LT": "$TODAY()"}, "LastName": {"$GT": "B"}}, ["Baker", "Clark"]),
        ({"LastModifyDate": {"$GT": "$OFFSET(D-1, $TODAY())"}}, ["Dent"]),
        ({"LastModifyDate": {"$GE": "$OFFSET(h-24, $NOW())"}}, ["Clark", "Dent"]),
        ({"LastModifyDate": {"$GE": "$THISMONTH()"}}, ["Dent"]),
        ({"LastModifyDate": {"$GE": "$OFFSET(M-1, $THISMONTH())"}, "FirstName": "Ann"}, ["Adams"]),
        ({"LastModifyDate": {"$GE": "$THISWEEK()"}}, ["Clark", "Dent"]),
        ({"LastModifyDate": {"$GE": "$THISYEAR()"}, "LastName": "Dent"}, ["Dent"]),
    ],
    ids=str,
)
async def test_operators_choose_rows(people: Crm, query: Any, names: list[str]) -> None:
    assert await found(people, query) == names


async def test_keys_are_searched_by_text_or_by_id_and_number(people: Crm) -> None:
    clark = (await (await people.http.get("/_sandbox/records/contacts?search=Clark")).json())[
        "records"
    ][0]
    same_id = {"Id": clark["keyId"]}
    assert await found(people, {"Key": {"$EQ": clark["key"]}}) == ["Clark"]
    assert await found(people, {"Key": {"$EQ": same_id | {"Number": 1}}}) == ["Clark"]
    assert len(await found(people, {"Key": {"$EQ": same_id}})) == 2
    parent = clark["fields"]["ParentKey"]
    assert await found(people, {"ParentKey": {"$EQ": parent}}) == ["Clark"]


@pytest.mark.parametrize(
    "query",
    [
        {"LastName": {"$GE": "A", "$LE": "B"}},
        {"LastName": {"$EXISTS": "x"}},
        {"$EXISTS": {}},
        {"$AND": {"LastName": "x"}},
        {"Key": {"$GT": "x"}},
        {"Key": {"$EQ": "no key"}},
        {"Type": {"$NE": "Company"}},
        {"LastModifyDate": {"$GE": "yesterday"}},
        {"LastModifyDate": {"$GE": 7}},
        {"LastModifyDate": {"$RANGE": ["2020-01-01"]}},
        {"LastModifyDate": {"$LIKE": "2020%"}},
        {"LastModifyDate": {"$GE": "$SOON()"}},
        {"LastName": {"$IN": "x"}},
        {"DisplayValue": {"$EQ": "x"}},
    ],
    ids=str,
)
async def test_what_cannot_be_asked_is_refused(people: Crm, query: Any) -> None:
    answer = await people.read(query=query)
    assert (answer["Code"], len(answer["Msg"])) == (-1, 1)


@pytest.mark.parametrize(
    ("suffix", "names"),
    [("honour", ["Clark", "Dent"]), ("ignore", ["Dent"])],
)
async def test_a_zone_in_a_literal_is_honoured_or_ignored(
    people: Crm, suffix: str, names: list[str]
) -> None:
    await people.switch(literal_suffix=suffix)
    query = {"LastModifyDate": {"$GE": "2026-05-31T14:00:00+02:00"}}
    assert await found(people, query) == names


async def test_a_zone_in_a_literal_can_be_an_error(people: Crm) -> None:
    await people.switch(literal_suffix="error")
    answer = await people.read(query={"LastModifyDate": {"$GE": "2026-05-31T12:00:00Z"}})
    assert answer["Code"] == -1


async def test_numbers_and_flags_are_compared(crm: Crm) -> None:
    for objective, cost in (("A", 10), ("B", 20.5), ("C", None)):
        await crm.add("opportunities", {"Objective": objective, "Cost": cost, "Status": 2})

    async def objectives(query: Any) -> list[str]:
        rows = await crm.rows("Opportunity", fields=("Objective",), query=query)
        return [row["Objective"] for row in rows]

    assert await objectives({"Cost": {"$GT": 10}}) == ["B"]
    assert await objectives({"Cost": {"$RANGE": [10, 20]}}) == ["A"]
    assert await objectives({"Cost": {"$EQ": None}}) == ["C"]
    assert (await crm.read("Opportunity", query={"Cost": {"$EQ": "x"}}))["Code"] == -1
    body = {"Opportunity": {"Scope": {"Fields": {"Status": {"DisplayValue": 1}}}}}
    answer = await (await crm.post("/octopus/Read", body)).json()
    assert answer["Opportunity"]["Data"][0] == {"Status": {"DisplayValue": "In Progress"}}
