from typing import Any

import pytest

from daemon.sandbox.keys import parse_key
from tests.sandbox.clients import STAMP, Crm, read_body


async def test_names_are_matched_in_any_casing_and_echoed(crm: Crm) -> None:
    await crm.contact("Smith")
    body = {
        "abEntry": {
            "scope": {"fields": {"lastname": 1, "KEY": {"id": 1, "Number": 1}}},
            "criteria": {"searchQuery": {"lASTnAME": {"$eq": "SMITH"}}},
            "orderBy": {"pageSize": 1, "fields": [{"lastModifyDate": "desc"}]},
        }
    }
    answer = await (await crm.post("/octopus/Read", body)).json()
    row = answer["abEntry"]["Data"][0]
    assert row["lastname"] == "Smith"
    assert sorted(row["KEY"]) == ["Number", "id"]


async def test_keys_come_as_base64_text_or_expanded(crm: Crm) -> None:
    company = await crm.add("companies", {"CompanyName": "Acme"})
    contact = await crm.add("contacts", {"LastName": "Smith"})
    body = read_body(fields=())
    body["AbEntry"]["Scope"]["Fields"] = {
        "Key": {"Value": 1, "EntityType": 1, "ID": 1, "Number": 1}
    }
    answer = await (await crm.post("/octopus/Read", body)).json()
    keys = [row["Key"] for row in answer["AbEntry"]["Data"]]
    assert [key["Number"] for key in keys] == [0, 1]
    assert keys[0]["ID"] == keys[1]["ID"] == company["keyId"] == contact["keyId"]
    decoded = [parse_key(key["Value"]) for key in keys]
    assert [key.kind for key in decoded if key] == ["Company", "Contact"]
    assert {key["EntityType"] for key in keys} == {1}


@pytest.mark.parametrize(
    ("form", "compatibility", "kind"),
    [
        ("typed", "2.0", "Individual"),
        ("compatibility", "2.0", "AbEntry"),
        ("compatibility", "1.0", "Individual"),
    ],
)
async def test_key_text_depends_on_the_profile_and_compatibility(
    crm: Crm, form: str, compatibility: str, kind: str
) -> None:
    await crm.contact("Smith")
    await crm.switch(key_form=form)
    body = read_body() | {"Compatibility": {"AbEntryKey": compatibility}}
    answer = await (await crm.post("/octopus/Read", body)).json()
    key = parse_key(answer["AbEntry"]["Data"][0]["Key"])
    assert key is not None
    assert key.kind == kind


async def test_key_text_can_differ_between_sessions_while_id_and_number_stay(crm: Crm) -> None:
    await crm.contact("Smith")
    await crm.switch(key_form="session")
    texts = set()
    for _ in range(20):
        crm.headers = {"Authorization": f"Bearer {crm.service.sessions.open('demo').token}"}
        texts.add((await crm.rows())[0]["Key"])
    keys = [parse_key(text) for text in texts]
    assert len(texts) == 2
    assert len({(key.id, key.number) for key in keys if key}) == 1


async def test_dates_have_second_precision_and_a_z(crm: Crm) -> None:
    crm.service.clock.advance(0.7)
    await crm.contact("Smith")
    assert (await crm.rows())[0]["LastModifyDate"] == "2026-06-01T12:00:00Z"


async def test_facets_composites_paths_users_and_unset_user_fields_are_shown(crm: Crm) -> None:
    fields = {
        "LastName": "Smith",
        "Phone1": {"Number": "12"},
        "Address/City": "Leeds",
        "Udf/$TYPEID(1)": "x",
    }
    await crm.add("individuals", fields)
    body = read_body(fields=())
    body["AbEntry"]["Scope"]["Fields"] = {
        "Phone1": 1,
        "Address": {"City": 1},
        "Address/City": 1,
        "CreationDate": {"Value": 1, "DisplayValue": 1},
        "Creator": {"Uid": 1},
        "ModifiedBy": 1,
        "Category": [{"Key": 1}],
        "Udf/$TYPEID(1)": 1,
        "Udf/$NAME(a\\b)": 1,
    }
    answer = await (await crm.post("/octopus/Read", body)).json()
    row = answer["AbEntry"]["Data"][0]
    assert row == {
        "Phone1": {"Number": "12", "Extension": None, "Description": None},
        "Address": {"City": "Leeds"},
        "Address/City": "Leeds",
        "CreationDate": {"Value": "2026-06-01T12:00:00Z", "DisplayValue": "2026-06-01T12:00:00Z"},
        "Creator": {"Uid": "MASTER"},
        "ModifiedBy": "VXNlcglNQVNURVI=",
        "Category": None,
        "Udf/$TYPEID(1)": "x",
        "Udf/$NAME(a\\b)": None,
    }


async def test_empty_fields_are_null_or_left_out(crm: Crm) -> None:
    await crm.contact("Smith")
    fields = ("LastName", "Position", "Phone1")
    with_null = await crm.rows(fields=fields)
    await crm.switch(empty_fields="omit")
    without = await crm.rows(fields=fields)
    assert with_null[0]["Position"] is None
    assert without == [{"LastName": "Smith"}]


@pytest.mark.parametrize(
    ("place", "path"),
    [
        ("object", ("AbEntry", "PageKey")),
        ("order_by", ("AbEntry", "OrderBy", "PageKey")),
        ("next", ("AbEntry", "NextPageKey")),
        ("root", ("PageKey",)),
        ("none", None),
    ],
)
async def test_the_next_pages_key_is_where_the_profile_puts_it(
    crm: Crm, place: str, path: tuple[str, ...] | None
) -> None:
    for name in "ABC":
        await crm.contact(name)
    await crm.switch(page_key=place)
    order = {"PageSize": 2, "Fields": STAMP}
    first = await crm.read(fields=("LastName",), order=order)
    if path is None:
        assert first == {"Code": 0, "AbEntry": {"Data": [{"LastName": "A"}, {"LastName": "B"}]}}
        return
    key: Any = first
    for part in path:
        key = key[part]
    assert key == "Mg=="
    last = await crm.read(fields=("LastName",), order=order | {"PageKey": key})
    assert last == {"Code": 0, "AbEntry": {"Data": [{"LastName": "C"}]}}


async def test_a_full_last_page_has_no_next_key(crm: Crm) -> None:
    await crm.contact("A")
    await crm.contact("B")
    answer = await crm.read(order={"PageSize": 2, "Fields": STAMP})
    assert sorted(answer["AbEntry"]) == ["Data"]


async def test_page_sizes_have_a_default_and_a_maximum_that_caps_or_refuses(crm: Crm) -> None:
    for number in range(5):
        await crm.contact(f"N{number}")
    await crm.switch(default_page_size=2, max_page_size=3)
    assert len(await crm.rows(order={"Fields": STAMP})) == 2
    assert len(await crm.rows(order={"PageSize": 9, "Fields": STAMP})) == 3
    await crm.switch(over_page_size="error")
    assert (await crm.read(order={"PageSize": 9, "Fields": STAMP}))["Code"] == -1


async def test_top_caps_the_whole_result(crm: Crm) -> None:
    for name in "ABC":
        await crm.contact(name)
    answer = await crm.read(order={"PageSize": 10, "Fields": STAMP}, Top=2)
    assert len(answer["AbEntry"]["Data"]) == 2
    assert "PageKey" not in answer["AbEntry"]


async def test_rows_are_sorted_by_several_fields_and_directions(crm: Crm) -> None:
    for last, first in (("B", "x"), ("A", "y"), ("B", "y"), ("A", None)):
        await crm.contact(last, FirstName=first)
    rows = await crm.rows(
        fields=("LastName", "FirstName"),
        order={"PageSize": 9, "Fields": [{"LastName": "DESC"}, {"FirstName": "ASC"}]},
    )
    assert [(row["LastName"], row["FirstName"]) for row in rows] == [
        ("B", "x"),
        ("B", "y"),
        ("A", None),
        ("A", "y"),
    ]


@pytest.mark.parametrize(
    ("order", "told"),
    [
        ({"PageKey": "!"}, "PageKey"),
        ({"PageKey": "LTE="}, "PageKey"),
        ({"PageSize": 0}, "PageSize"),
        ({"Fields": [{"Category": "ASC"}]}, "sorted"),
        ({"Fields": [{"Nothing": "ASC"}]}, "Nothing"),
    ],
    ids=["no key", "negative", "size", "unsortable", "unknown"],
)
async def test_an_impossible_order_is_refused(crm: Crm, order: Any, told: str) -> None:
    answer = await crm.read(order=order)
    assert answer["Code"] == -1
    assert told in answer["Msg"][0]


@pytest.mark.parametrize("where", ["scope", "query", "order"])
async def test_an_unknown_field_is_an_error_or_gives_no_rows(crm: Crm, where: str) -> None:
    await crm.contact("Smith")
    asked: dict[str, Any] = {
        "scope": {"fields": ("LastName", "Nonsense")},
        "query": {"query": {"Nonsense": {"$EQ": "x"}}},
        "order": {"order": {"Fields": [{"Nonsense": "ASC"}]}},
    }[where]
    told = await crm.read(**asked)
    assert told == {"Code": -1, "Msg": ["AbEntry doesn't support property 'Nonsense'"]}
    await crm.switch(message_form="object")
    told = await crm.read(**asked)
    assert told["Msg"][0] == {
        "Message": "AbEntry doesn't support property 'Nonsense'",
        "ErrorCode": -1023,
    }
    await crm.switch(unknown_field="no_rows")
    assert await crm.rows(**asked) == []


async def test_a_missing_driver_gives_legacy_rows_or_none_and_a_wrong_one_none(crm: Crm) -> None:
    await crm.contact("Smith")
    body = read_body(fields=("LastName",))
    wrong = body | {"Configuration": {"Drivers": {"IAbEntrySearcher": "Nonsense"}}}
    missing = {"AbEntry": body["AbEntry"]}

    async def rows(asked: Any) -> Any:
        return (await (await crm.post("/octopus/Read", asked)).json())["AbEntry"]["Data"]

    assert (await rows(missing), await rows(wrong)) == ([{"LastName": "Smith"}], [])
    await crm.switch(missing_driver="no_rows")
    assert await rows(missing) == []


async def test_older_drivers_cannot_compare_some_dates(crm: Crm) -> None:
    for name in ("Note", "Task"):
        body = read_body(name, query={"DateTime": {"$GT": "2020-01-01"}})
        with_driver = await (await crm.post("/octopus/Read", body)).json()
        del body["Configuration"]
        without = await (await crm.post("/octopus/Read", body)).json()
        assert (with_driver["Code"], without["Code"]) == (0, -1)


@pytest.mark.parametrize(
    ("name", "changed"),
    [("Task", {"Top": 1}), ("Address", {})],
    ids=["task with Top", "address without filter"],
)
async def test_older_drivers_need_or_refuse_some_criteria(
    crm: Crm, name: str, changed: dict[str, Any]
) -> None:
    body = read_body(name, **changed)
    assert (await (await crm.post("/octopus/Read", body)).json())["Code"] == 0
    del body["Configuration"]
    assert (await (await crm.post("/octopus/Read", body)).json())["Code"] == -1


async def test_one_failing_part_fails_a_whole_batch(crm: Crm) -> None:
    await crm.contact("Smith")
    part = read_body(fields=("LastName",))["AbEntry"]
    good = await crm.post("/octopus/Read", {"AbEntry.First": part, "AbEntry.Second": part})
    assert sorted(await good.json()) == ["AbEntry.First", "AbEntry.Second", "Code"]
    bad = await crm.post("/octopus/Read", {"AbEntry.First": part, "Nonsense": part})
    assert await bad.json() == {"Code": -1, "Msg": ["The object 'Nonsense' is not supported"]}


async def test_notes_have_no_modification_date_and_tasks_neither(crm: Crm) -> None:
    for name in ("Note", "Task", "Document"):
        assert (await crm.read(name, fields=("LastModifyDate",)))["Code"] == -1
    assert (await crm.read("Note", fields=("CreationDate",)))["Code"] == -1


async def test_the_schema_tells_what_can_be_queried_and_sorted_by(crm: Crm) -> None:
    await crm.switch(hidden_abilities=["AbEntry/LastModifyDate"])

    async def schema(query: Any) -> Any:
        fields = {"Key": 1, "Type": 1, "Queryable": 1, "sortable": 1}
        body = {"Schema": {"Scope": {"Fields": fields}, "Criteria": {"SearchQuery": query}}}
        return await (await crm.post("/octopus/Read", body)).json()

    rows = (await schema({"Key": {"$TREE": "/AbEntry"}}))["Schema"]["Data"]
    by_key = {row["Key"]: row for row in rows}
    assert by_key["/AbEntry/LastModifyDate"] == {
        "Key": "/AbEntry/LastModifyDate",
        "Type": "DateTimeField",
        "Queryable": False,
        "sortable": False,
    }
    assert by_key["/AbEntry/CreationDate"]["Queryable"]
    one = await schema({"Key": {"$EQ": "/opportunity/status"}})
    assert [row["Key"] for row in one["Schema"]["Data"]] == ["/Opportunity/Status"]
    assert (await schema({"Key": {"$LIKE": "x"}}))["Code"] == -1
    query = {"LastModifyDate": {"$GE": "2020-01-01"}}
    assert (await crm.read(query=query))["Code"] == -1
    assert (await crm.read(order={"Fields": STAMP}))["Code"] == -1


async def test_session_info_tells_what_is_asked(crm: Crm) -> None:
    body = {"AddressBook": {"DisplayValue": 1}, "User": {"displayName": 1}}
    answer = await (await crm.post("/octopus/GetSessionInfo", body)).json()
    assert answer["Data"] == {
        "AddressBook": {"DisplayValue": "demo"},
        "User": {"displayName": "Master User"},
    }
