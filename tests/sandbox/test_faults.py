import json
from typing import Any

import pytest

from tests.sandbox.clients import STAMP, Crm, read_body

PAGE = {"PageSize": 2, "Fields": STAMP}


async def fill(crm: Crm, names: str = "ABCDE", seconds: int = 1) -> list[dict[str, Any]]:
    """One individual for each letter, so many seconds apart."""
    added = []
    for name in names:
        added.append(await crm.contact(name))
        crm.service.clock.advance(seconds)
    return added


async def poisoned(crm: Crm, **fault: Any) -> tuple[str, list[Any]]:
    """The text of an answer with a poisoned row, and its rows."""
    await crm.switch(poison=fault)
    body = read_body(fields=("Key", "LastName", "LastModifyDate"))
    text = await (await crm.post("/octopus/Read", body)).text()
    return text, json.loads(text)["AbEntry"]["Data"]


async def test_late_rows_appear_seconds_after_their_stamp(crm: Crm) -> None:
    await crm.switch(late={"seconds": 3, "times": 1})
    await crm.contact("Late")
    await crm.contact("Punctual")
    before = await crm.names()
    crm.service.clock.advance(3)
    rows = await crm.rows(order={"Fields": STAMP})
    assert before == ["Punctual"]
    assert [row["LastName"] for row in rows] == ["Late", "Punctual"]
    assert {row["LastModifyDate"] for row in rows} == {"2026-06-01T12:00:00Z"}


async def test_late_rows_appear_after_so_many_reads_of_their_object(crm: Crm) -> None:
    await crm.switch(late={"reads": 2, "object": "individuals"})
    await crm.contact("Late")
    await crm.rows("Opportunity", fields=("Key",))
    assert [await crm.names() for _ in range(3)] == [[], [], ["Late"]]


async def test_a_late_edit_shows_the_version_before_it(crm: Crm) -> None:
    added = await crm.contact("Old")
    await crm.switch(late={"seconds": 3, "call": "update"})
    await crm.edit(added, LastName="New")
    before = await crm.names()
    crm.service.clock.advance(3)
    assert (before, await crm.names()) == (["Old"], ["New"])


async def test_a_late_delete_still_shows_the_record(crm: Crm) -> None:
    added = await crm.contact("Gone")
    await crm.switch(late={"seconds": 3, "call": "delete"})
    await crm.delete(added)
    before = await crm.names()
    crm.service.clock.advance(3)
    assert (before, await crm.names()) == (["Gone"], [])


async def test_edits_of_a_period_can_share_one_stamp(crm: Crm) -> None:
    await crm.switch(stamp={"hold_seconds": 10})
    await fill(crm, "ABC", seconds=4)
    await fill(crm, "D")
    rows = await crm.rows(order={"Fields": STAMP})
    assert [row["LastModifyDate"] for row in rows] == [
        *["2026-06-01T12:00:00Z"] * 3,
        "2026-06-01T12:00:12Z",
    ]


@pytest.mark.parametrize(
    ("fault", "stamp"),
    [
        ({"value": "2099-01-01T00:00:00Z"}, "2099-01-01T00:00:00Z"),
        ({"offset_seconds": -3600}, "2026-06-01T11:00:00Z"),
    ],
    ids=["the future", "back-dated"],
)
async def test_stamps_can_be_set_or_moved(crm: Crm, fault: Any, stamp: str) -> None:
    await crm.switch(stamp=fault | {"times": 1})
    await crm.contact("A")
    assert (await crm.rows())[0]["LastModifyDate"] == stamp
    await crm.contact("B")
    assert (await crm.rows())[1]["LastModifyDate"] == "2026-06-01T12:00:00Z"


async def test_stamps_can_be_as_coarse_as_minutes(crm: Crm) -> None:
    await crm.switch(stamp={"granularity_seconds": 60})
    await fill(crm, "ABC", seconds=40)
    stamps = [row["LastModifyDate"] for row in await crm.rows()]
    assert stamps == [f"2026-06-01T12:0{minute}:00Z" for minute in (0, 0, 1)]


async def test_a_new_record_may_have_no_modification_date_until_it_is_edited(crm: Crm) -> None:
    await crm.switch(undated={})
    added = await crm.contact("New")
    before = await crm.rows(fields=("LastModifyDate", "CreationDate"))
    await crm.edit(added, LastName="Edited")
    after = await crm.rows(fields=("LastModifyDate",))
    assert before == [{"LastModifyDate": None, "CreationDate": "2026-06-01T12:00:00Z"}]
    assert after == [{"LastModifyDate": "2026-06-01T12:00:00Z"}]


async def test_two_edits_within_a_second_share_their_stamp(crm: Crm) -> None:
    added = await crm.contact("A")
    crm.service.clock.advance(0.4)
    await crm.edit(added, LastName="B")
    path = f"/_sandbox/records/individuals/{added['id']}"
    versions = (await (await crm.http.get(path)).json())["versions"]
    assert [version["stamp"] for version in versions] == ["2026-06-01T12:00:00Z"] * 2
    assert [version["fields"]["LastName"] for version in versions] == ["A", "B"]


async def test_a_lost_write_succeeds_and_stores_nothing(crm: Crm) -> None:
    added = await crm.contact("Old")
    await crm.switch(lost_write={"times": 1})
    body = {"AbEntry": {"Data": {"Key": added["key"], "LastName": "New"}}}
    assert (await (await crm.post("/octopus/Update", body)).json())["Code"] == 0
    assert await crm.names() == ["Old"]


async def test_a_stale_replica_answers_with_older_versions(crm: Crm) -> None:
    added = await crm.contact("Old")
    crm.service.clock.advance(10)
    await crm.edit(added, LastName="New")
    await crm.contact("Added")
    await crm.switch(stale={"seconds": 5, "times": 1})
    assert await crm.names() == ["Old"]
    assert await crm.names() == ["New", "Added"]


async def test_a_stale_replica_does_not_know_of_the_newest_records(crm: Crm) -> None:
    await crm.contact("New")
    await crm.switch(stale={"seconds": 5})
    assert await crm.names() == []
    crm.service.clock.advance(5)
    assert await crm.names() == ["New"]


async def test_rows_come_unordered(crm: Crm) -> None:
    letters = "ABCDEFGHIJ"
    await fill(crm, letters)
    await crm.switch(unordered={"seed": 3})
    orders = {"".join(await crm.names()) for _ in range(4)}
    assert len(orders) == 4
    assert {"".join(sorted(order)) for order in orders} == {letters}


async def test_only_ties_come_unordered(crm: Crm) -> None:
    await fill(crm, "ABCDEFGH", seconds=0)
    crm.service.clock.advance(1)
    await crm.contact("Z")
    await crm.switch(unordered={"among": "ties"})
    orders = {"".join(await crm.names()) for _ in range(4)}
    assert len(orders) > 1
    assert {order[-1] for order in orders} == {"Z"}


async def test_a_page_cap_ends_the_result_silently(crm: Crm) -> None:
    await fill(crm)
    await crm.switch(page_cap={"rows": 3})
    answer = await crm.read(fields=("LastName",), order=PAGE | {"PageKey": "Mg=="})
    assert answer["AbEntry"] == {"Data": [{"LastName": "C"}]}


@pytest.mark.parametrize(
    ("fault", "rest"),
    [
        ({"action": "edit", "whom": "served"}, "DE"),
        ({"action": "edit", "whom": "unserved"}, ""),
        ({"action": "delete", "whom": "served"}, "DE"),
        ({"action": "create", "whom": "served"}, "CDE"),
    ],
    ids=["edit of a row on it", "edit of another row", "delete", "create"],
)
async def test_a_page_shifts_right_after_it_is_read(
    crm: Crm, fault: dict[str, str], rest: str
) -> None:
    await fill(crm)
    await crm.switch(page_shift=fault | {"times": 1})
    assert [row["LastName"] for row in await crm.rows(fields=("LastName",), order=PAGE)] == [
        "A",
        "B",
    ]
    names = [
        row["LastName"]
        for row in await crm.rows(
            fields=("LastName",), order={"PageSize": 9, "Fields": STAMP, "PageKey": "Mg=="}
        )
    ]
    assert "".join(names).startswith(rest)
    assert len(names) == {"edit": 3, "delete": 2, "create": 4}[fault["action"]]


async def test_a_page_shifts_edit_bears_a_marker(crm: Crm) -> None:
    await fill(crm, "A")
    await crm.switch(page_shift={"times": 1})
    await crm.names()
    rows = await crm.rows(fields=("Department", "LastModifyDate"))
    assert rows == [{"Department": "shift 1", "LastModifyDate": "2026-06-01T12:00:01Z"}]


async def test_the_page_key_repeats_itself(crm: Crm) -> None:
    await fill(crm)
    await crm.switch(repeated_page_key={"skip": 1, "times": 1})
    keys = [(await crm.read(order=PAGE | {"PageKey": "Mg=="}))["AbEntry"]["PageKey"]]
    keys.append((await crm.read(order=PAGE | {"PageKey": "Mg=="}))["AbEntry"]["PageKey"])
    assert keys == ["NA==", "Mg=="]


@pytest.mark.parametrize(
    ("what", "shown"),
    [
        ("nul", "\\u0000"),
        ("lone_surrogate", "\\ud800"),
        ("nan", "NaN"),
        ("huge_integer", "1000000000000000000000000000007"),
    ],
)
async def test_a_poisoned_value_is_sent_as_it_is(crm: Crm, what: str, shown: str) -> None:
    added = await fill(crm, "ABC")
    record = f"individuals/{added[1]['id']}"
    text, rows = await poisoned(crm, what=what, record=record, field="LastName")
    assert shown in text
    assert [row["LastName"] for row in rows][::2] == ["A", "C"]
    assert [row["Key"] for row in rows] == [each["key"] for each in added]


async def test_poison_goes_into_the_first_text_of_the_first_row_by_default(crm: Crm) -> None:
    await fill(crm, "AB")
    _, rows = await poisoned(crm, what="nul")
    assert [row["LastName"] for row in rows] == ["before\x00after", "B"]


@pytest.mark.parametrize(
    ("what", "row"),
    [
        ("no_key", {"LastName": "A", "LastModifyDate": "2026-06-01T12:00:00Z"}),
        ("no_date", {"LastName": "A"}),
        ("bad_date", {"LastName": "A", "LastModifyDate": "0000-00-00T00:00:00Z"}),
    ],
)
async def test_a_poisoned_row_lacks_its_key_or_its_date(
    crm: Crm, what: str, row: dict[str, str]
) -> None:
    (added,) = await fill(crm, "A")
    _, rows = await poisoned(crm, what=what)
    expected = row if what == "no_key" else {"Key": added["key"], **row}
    assert rows == [expected]


async def test_a_poisoned_row_is_no_object_at_all(crm: Crm) -> None:
    await fill(crm, "AB")
    _, rows = await poisoned(crm, what="not_an_object")
    assert (rows[0], rows[1]["LastName"]) == ("#REF!", "B")


async def test_one_record_comes_twice_on_a_page_the_second_time_as_it_was(crm: Crm) -> None:
    first, _ = await fill(crm, "AB", seconds=0)
    await crm.edit(first, LastName="A2")
    _, rows = await poisoned(crm, what="duplicate", record=f"individuals/{first['id']}")
    assert [row["LastName"] for row in rows] == ["A2", "B", "A"]
    assert rows[0]["Key"] == rows[2]["Key"]


async def test_records_that_moved_while_a_page_was_read_come_where_they_were_and_where_they_are(
    crm: Crm,
) -> None:
    first, second = await fill(crm, "AB")
    for record, name in ((second, "B2"), (first, "A2")):
        crm.service.clock.advance(1)
        await crm.edit(record, LastName=name)
    _, rows = await poisoned(crm, what="moved")
    assert [row["LastName"] for row in rows] == ["A", "B", "B2", "A2"]
    _, rows = await poisoned(crm, what="moved", record=f"individuals/{second['id']}")
    assert [row["LastName"] for row in rows] == ["B", "B2", "A2"]


async def test_poison_waits_for_the_page_with_its_record(crm: Crm) -> None:
    await fill(crm)
    await crm.switch(poison={"what": "nul", "record": "individuals/4", "times": 1})
    await crm.rows(order=PAGE)
    assert await crm.hits("poison") == [0]
    await crm.rows(order=PAGE | {"PageKey": "Mg=="})
    assert await crm.hits("poison") == [1]


async def test_hidden_records_are_missing_and_always_the_same_ones(crm: Crm) -> None:
    await fill(crm, "ABCDEFGHIJKLMNOPQRST")
    await crm.switch(hidden={"record": "individuals/1"})
    assert "".join(await crm.names()) == "BCDEFGHIJKLMNOPQRST"
    await crm.switch(hidden={"share": 0.4, "seed": 1})
    first, second = await crm.names(), await crm.names()
    assert first == second
    assert 5 < len(first) < 18


async def test_no_rows_at_all(crm: Crm) -> None:
    await fill(crm, "A")
    await crm.switch(no_rows={"times": 1})
    assert [await crm.names(), await crm.names()] == [[], ["A"]]


async def test_faults_can_be_limited_to_a_resource(crm: Crm) -> None:
    await fill(crm, "A")
    await crm.switch(no_rows={"object": ["contacts", "Opportunity"]})
    assert await crm.names() == ["A"]
    assert await crm.names(query={"Type": {"$EQ": "Individual"}}) == ["A"]
    assert await crm.hits("no_rows") == [0]
    await crm.names(query={"$AND": [{"Type": {"$EQ": "Contact"}}]})
    await crm.rows("Opportunity", fields=("Key",))
    assert await crm.hits("no_rows") == [2]


async def test_what_is_asked_for_by_its_key_need_not_come_from_the_stale_replica(crm: Crm) -> None:
    added = await crm.contact("Old")
    crm.service.clock.advance(10)
    await crm.edit(added, LastName="New")
    await crm.switch(stale={"seconds": 5, "over_page_size": 10_000})
    assert await crm.names() == ["New"]
    await crm.switch(stale={"seconds": 5, "over_page_size": 0})
    assert await crm.names() == ["Old"]
