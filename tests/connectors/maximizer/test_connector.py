from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp.test_utils import TestClient, TestServer

from daemon.connectors import ceql
from daemon.connectors.connector import Order, Query, Record
from daemon.connectors.maximizer.keys import identity_of
from daemon.errors import (
    AnswerTooSlow,
    CredentialsRefused,
    MalformedAnswer,
    NotFound,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
    RequestRefused,
)
from daemon.sandbox import crm as crm_app
from daemon.sandbox.clock import Clock
from daemon.sandbox.service import Options
from tests.connectors.maximizer.stage import Stage, stage
from tests.sandbox.clients import Crm

NOON = datetime(2026, 6, 1, 12, 0, 0, tzinfo=UTC)


@pytest.fixture
def clock() -> Clock:
    return Clock(frozen_at=NOON)


@pytest.fixture
async def crm(clock: Clock) -> AsyncIterator[Crm]:
    app = crm_app.create_app(Options(seed=None, faults={"rate_limit_calls": 0}), clock)
    async with TestClient(TestServer(app)) as http:
        yield Crm(http)


@pytest.fixture
async def maximizer(crm: Crm) -> AsyncIterator[Stage]:
    configuration = {"maximizer.personal.access.token": crm.service.personal_access_token}
    async with stage(crm, configuration) as opened:
        yield opened


async def people(crm: Crm, clock: Clock, count: int, resource: str = "individuals") -> None:
    for number in range(count):
        clock.advance(1)
        await crm.add(resource, {"LastName": f"Person {number:03}"})


def names(records: list[Record]) -> list[str]:
    return [record.raw["LastName"] for record in records]


async def test_records_keep_the_providers_names_and_texts(crm: Crm, maximizer: Stage) -> None:
    company = await crm.add("companies", {"CompanyName": "Acme"})
    await crm.add("contacts", {"LastName": "Doe", "ParentKey": company["key"]})
    (record,) = await maximizer.records("contacts")
    assert record.raw["LastName"] == "Doe"
    assert record.raw["Type"] == "Contact"
    assert record.raw["LastModifyDate"] == "2026-06-01T12:00:00Z"
    assert record.key == record.raw["Key"]
    assert record.identity == identity_of(record.raw["Key"])
    assert record.poison is None


async def test_a_page_that_is_the_same_again_comes_alike_without_its_records(
    crm: Crm, clock: Clock, maximizer: Stage
) -> None:
    await people(crm, clock, 3)
    first = await maximizer.read(page_size=2, resource="addressbook-entries")
    again = await maximizer.read(
        page_size=2, resource="addressbook-entries", likeness=first.likeness
    )
    assert (first.alike, again.alike, again.records) == (False, True, ())
    assert (again.next_key, again.complete) == (first.next_key, False)
    others = await maximizer.read(
        page_size=2,
        resource="addressbook-entries",
        likeness=first.likeness,
        id_field="LastName",
    )
    assert [record.identity for record in others.records] == ["Person 000", "Person 001"]


async def test_behind_a_page_that_is_the_same_again_more_may_lie_now(
    crm: Crm, clock: Clock, maximizer: Stage
) -> None:
    """A provider that cuts pages in silence shows the same one after more has come."""
    await people(crm, clock, 12)
    await crm.switch(page_key="none", max_page_size=12)
    first = await maximizer.read(resource="addressbook-entries")
    await people(crm, clock, 1)
    again = await maximizer.read(resource="addressbook-entries", likeness=first.likeness)
    assert (first.complete, again.alike, again.complete) == (True, True, False)


async def test_contacts_companies_and_the_whole_address_book_are_told_apart(
    crm: Crm, maximizer: Stage
) -> None:
    company = await crm.add("companies", {"CompanyName": "Acme"})
    await crm.add("contacts", {"LastName": "Doe", "ParentKey": company["key"]})
    await crm.add("individuals", {"LastName": "Solo"})
    types = {
        resource: sorted(record.raw["Type"] for record in await maximizer.records(resource))
        for resource in ("contacts", "companies", "addressbook-entries")
    }
    assert types == {
        "contacts": ["Contact"],
        "companies": ["Company"],
        "addressbook-entries": ["Company", "Contact", "Individual"],
    }


@pytest.mark.parametrize(
    ("resource", "fields"),
    [
        ("opportunities", {"Objective": "Sell"}),
        ("leads", {"LastName": "Doe"}),
        ("cases", {"Subject": "Broken"}),
        ("campaigns", {"Name": "Spring"}),
        ("appointments", {"Subject": "Meet"}),
        ("tasks", {"Activity": "Call"}),
        ("notes", {"Text": "Said no"}),
        ("documents", {"Name": "offer.pdf"}),
        ("custom-records", {"Name": "Machine"}),
    ],
)
async def test_every_resource_can_be_read_with_the_fields_of_its_row(
    crm: Crm, maximizer: Stage, resource: str, fields: dict[str, str]
) -> None:
    await crm.add(resource, fields)
    page = await maximizer.read(resource)
    (record,) = page.records
    assert fields.items() <= record.raw.items()
    assert record.identity is not None


async def test_addresses_can_be_read_with_the_fields_of_their_row(
    crm: Crm, maximizer: Stage
) -> None:
    company = await crm.add("companies", {"CompanyName": "Acme"})
    await crm.add("addresses", {"City": "Vancouver", "ParentKey": company["key"]})
    (record,) = await maximizer.records("addresses")
    assert record.raw["City"] == "Vancouver"


async def test_a_resource_that_does_not_exist_is_not_found(maximizer: Stage) -> None:
    with pytest.raises(NotFound, match="invoices"):
        await maximizer.read("invoices")


async def test_records_come_in_the_order_of_their_last_change(
    crm: Crm, maximizer: Stage, clock: Clock
) -> None:
    first = await crm.contact("First")
    clock.advance(1)
    await crm.contact("Second")
    clock.advance(1)
    await crm.edit(first, LastName="First again")
    assert names(await maximizer.records("addressbook-entries")) == ["Second", "First again"]


async def test_the_newest_record_can_be_asked_for(crm: Crm, maximizer: Stage, clock: Clock) -> None:
    await people(crm, clock, 3)
    order = (Order(name="LastModifyDate", descending=True),)
    page = await maximizer.read("addressbook-entries", order=order, page_size=1)
    assert names(list(page.records)) == ["Person 002"]


async def test_a_condition_of_the_hub_reaches_the_provider(
    crm: Crm, maximizer: Stage, clock: Clock
) -> None:
    await people(crm, clock, 5)
    where = ceql.parse("LastModifyDate >= '2026-06-01T14:00:03+02:00' AND LastName != 'Person 004'")
    records = await maximizer.records("addressbook-entries", where=where)
    assert names(records) == ["Person 002", "Person 003"]


async def test_only_the_fields_asked_for_are_read(crm: Crm, maximizer: Stage) -> None:
    await crm.contact("Doe")
    (record,) = await maximizer.records(
        "addressbook-entries", fields=("lastname",), also=("LastModifyDate",)
    )
    assert set(record.raw) == {"Key", "LastName", "LastModifyDate"}


async def test_another_field_can_identify_a_record(crm: Crm, maximizer: Stage) -> None:
    await crm.contact("Doe", WebSite="https://doe.example")
    (record,) = await maximizer.records("addressbook-entries", id_field="WebSite")
    assert (record.identity, record.key) == ("https://doe.example", "https://doe.example")
    found = await maximizer.connector.read_one(
        maximizer.account,
        "addressbook-entries",
        "https://doe.example",
        like=Query(resource="addressbook-entries", id_field="WebSite"),
    )
    assert found is not None
    assert found.raw["LastName"] == "Doe"


@pytest.mark.parametrize("place", ["none", "object", "order_by", "next", "root"])
async def test_pages_are_followed_wherever_the_next_key_stands(
    crm: Crm, maximizer: Stage, clock: Clock, place: str
) -> None:
    await people(crm, clock, 25)
    await crm.switch(page_key=place)
    pages = await maximizer.walk("addressbook-entries", page_size=10)
    read = [record for page in pages for record in page.records]
    assert names(read) == [f"Person {number:03}" for number in range(25)]
    assert [page.complete for page in pages] == [False, False, True]


async def test_a_provider_that_cuts_pages_silently_loses_nothing(
    crm: Crm, maximizer: Stage, clock: Clock
) -> None:
    await people(crm, clock, 45)
    await crm.switch(page_key="none", max_page_size=20)
    pages = await maximizer.walk("addressbook-entries", page_size=100)
    assert [len(page.records) for page in pages] == [20, 20, 5]
    before = len(await crm.requests())
    await maximizer.walk("addressbook-entries", page_size=100)
    assert len(await crm.requests()) - before == 3


async def test_pages_cut_to_a_few_rows_are_noticed_at_the_first_one(
    crm: Crm, maximizer: Stage, clock: Clock
) -> None:
    await people(crm, clock, 11)
    await crm.switch(page_key="none", max_page_size=4)
    pages = await maximizer.walk("addressbook-entries", page_size=100)
    assert [len(page.records) for page in pages] == [4, 4, 3]


async def test_an_idle_resource_is_asked_once_for_each_read(
    crm: Crm, maximizer: Stage, clock: Clock
) -> None:
    await people(crm, clock, 3)
    await maximizer.read("addressbook-entries")
    before = len(await crm.requests())
    for _ in range(5):
        assert (await maximizer.read("addressbook-entries")).complete
    assert len(await crm.requests()) - before == 5


async def test_a_short_page_is_believed_once_a_longer_one_was_seen(
    crm: Crm, maximizer: Stage, clock: Clock
) -> None:
    await people(crm, clock, 45)
    await crm.switch(page_key="none")
    await maximizer.read("addressbook-entries", page_size=40)
    before = len(await crm.requests())
    where = ceql.parse("LastModifyDate >= '2026-06-01T12:00:30'")
    page = await maximizer.read("addressbook-entries", page_size=40, where=where)
    assert (len(page.records), page.complete) == (16, True)
    assert len(await crm.requests()) - before == 1


async def test_a_repeated_page_key_is_a_fault_and_no_loop(
    crm: Crm, maximizer: Stage, clock: Clock
) -> None:
    await people(crm, clock, 5)
    first = await maximizer.read("addressbook-entries", page_size=2)
    await crm.switch(repeated_page_key={})
    with pytest.raises(MalformedAnswer, match="leads back"):
        await maximizer.read("addressbook-entries", page_size=2, page_key=first.next_key)


async def test_both_forms_of_a_key_give_one_identity(crm: Crm, maximizer: Stage) -> None:
    await crm.contact("Doe")
    (typed,) = await maximizer.records("addressbook-entries")
    await crm.switch(key_form="compatibility")
    (compatible,) = await maximizer.records("addressbook-entries")
    assert typed.key != compatible.key
    assert typed.identity == compatible.identity
    assert typed.content == compatible.content


@pytest.mark.parametrize("form", ["null", "omit"])
async def test_empty_fields_do_not_count_whether_null_or_left_out(
    crm: Crm, maximizer: Stage, form: str
) -> None:
    await crm.contact("Doe")
    await crm.switch(empty_fields=form)
    (record,) = await maximizer.records("addressbook-entries")
    assert set(record.content) >= {"Key", "Type", "LastName", "CreationDate"}
    assert "FirstName" not in record.content


@pytest.mark.parametrize("path", ["/octopus", "/MaximizerWebData/Data.svc/json"])
@pytest.mark.parametrize("form", ["http_401", "code"])
async def test_a_rejected_personal_token_is_the_persons_to_replace(
    crm: Crm, path: str, form: str
) -> None:
    await crm.switch(unauthorized=form)
    configuration = {"maximizer.personal.access.token": "wrong"}
    async with stage(crm, configuration, api_path=path) as opened:
        with pytest.raises(CredentialsRefused, match="does not accept"):
            await opened.connector.verify(configuration)


async def test_a_good_personal_token_is_verified(maximizer: Stage) -> None:
    await maximizer.connector.verify(maximizer.configuration)
    assert maximizer.requests("200") == 1


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        ({"status": {"status": 500}}, ProviderUnavailable, "HTTP 500"),
        ({"status": {"status": 503}}, ProviderUnavailable, "HTTP 503"),
        ({"status": {"status": 403, "body": "No rights"}}, RequestRefused, "HTTP 403"),
        ({"status": {"status": 404}}, RequestRefused, "HTTP 404"),
        ({"status": {"status": 302}}, RequestRefused, "HTTP 302"),
        ({"status": {"status": 429, "retry_after": 60}}, RateLimited, "HTTP 429"),
        ({"truncated": {}}, MalformedAnswer, "not JSON"),
        ({"truncated": {"break_connection": True}}, ProviderUnavailable, "broke"),
        ({"empty_answer": {}}, MalformedAnswer, "not JSON"),
        ({"reset": {}}, ProviderUnavailable, "broke"),
        ({"error_answer": {}}, RequestRefused, "unexpected error"),
        ({"error_answer": {"message": "The query timed out"}}, ProviderUnavailable, "timed out"),
        ({"error_answer": {"message": "Too many requests"}}, RateLimited, "Too many"),
    ],
    ids=lambda value: str(value)[:60],
)
async def test_a_fault_of_the_provider_is_an_error_and_never_an_empty_page(
    crm: Crm, maximizer: Stage, fault: dict[str, object], kind: type[ProviderError], words: str
) -> None:
    await crm.contact("Doe")
    await crm.switch(**fault)
    with pytest.raises(kind, match=words) as raised:
        await maximizer.read("addressbook-entries")
    assert type(raised.value) is kind


@pytest.mark.parametrize("message_form", ["text", "object"])
async def test_an_unknown_field_is_refused_with_the_providers_words(
    crm: Crm, maximizer: Stage, message_form: str
) -> None:
    await crm.switch(message_form=message_form)
    with pytest.raises(RequestRefused, match="Shoesize") as raised:
        await maximizer.read("contacts", also=("Shoesize",))
    assert raised.value.provider_message is not None
    assert raised.value.status == 200


async def test_a_connection_that_was_reset_once_is_tried_once_more(
    crm: Crm, maximizer: Stage
) -> None:
    await crm.contact("Doe")
    await crm.switch(reset={"times": 1})
    assert len(await maximizer.records("addressbook-entries", page_size=1)) == 1
    assert (maximizer.requests("reset"), maximizer.requests("200")) == (1, 1)


async def test_a_rate_limit_pauses_every_call_of_the_account(crm: Crm, maximizer: Stage) -> None:
    await crm.switch(status={"status": 429, "retry_after": 60, "times": 1})
    with pytest.raises(RateLimited) as raised:
        await maximizer.read("contacts")
    assert raised.value.retry_after == timedelta(seconds=60)
    assert maximizer.connector.calls_left(maximizer.configuration) == 0
    with pytest.raises(RateLimited, match="pause"):
        await maximizer.read("companies")
    assert maximizer.requests("429") == 1
    assert maximizer.requests("200") == 0


async def test_the_budget_is_kept_so_that_the_provider_never_has_to_say_429(crm: Crm) -> None:
    await crm.switch(rate_limit_calls=3, rate_limit_seconds=0.2)
    crm.service.clock.run()
    configuration = {"maximizer.personal.access.token": crm.service.personal_access_token}
    async with stage(crm, configuration, rate_limit="3/0.2s") as opened:
        for _ in range(8):
            await opened.read("contacts")
        assert (opened.requests("200"), opened.requests("429")) == (8, 0)


async def test_a_question_too_large_is_asked_again_for_smaller_pages(
    crm: Crm, maximizer: Stage, clock: Clock
) -> None:
    await people(crm, clock, 30)
    await crm.switch(status={"status": 408, "over_page_size": 15})
    pages = await maximizer.walk("addressbook-entries", page_size=100)
    read = [record for page in pages for record in page.records]
    assert names(read) == [f"Person {number:03}" for number in range(30)]
    assert maximizer.requests("408") == 3
    await maximizer.read("addressbook-entries", page_size=100)
    assert maximizer.requests("408") == 3


async def test_a_question_too_large_even_for_one_row_is_given_up(
    crm: Crm, maximizer: Stage
) -> None:
    await crm.switch(status={"status": 408})
    with pytest.raises(AnswerTooSlow):
        await maximizer.read("contacts", page_size=100)
    assert maximizer.requests("408") == 7


@pytest.mark.parametrize(
    ("what", "lost"),
    [
        ("nul", "LastName"),
        ("lone_surrogate", "LastName"),
        ("nan", "LastName"),
        ("huge_integer", "LastName"),
    ],
)
async def test_a_poison_record_is_isolated_and_told_without_what_cannot_be_carried(
    crm: Crm, maximizer: Stage, clock: Clock, what: str, lost: str
) -> None:
    await people(crm, clock, 3)
    await crm.switch(poison={"what": what, "field": "LastName", "record": "individuals/2"})
    first, poisoned, last = await maximizer.records("addressbook-entries")
    assert names([first, last]) == ["Person 000", "Person 002"]
    assert (first.poison, last.poison) == (None, None)
    assert poisoned.poison is not None
    assert lost in poisoned.poison
    assert lost not in poisoned.raw
    assert lost not in poisoned.content
    assert poisoned.identity is not None
    assert poisoned.raw["LastModifyDate"] == "2026-06-01T12:00:02Z"


@pytest.mark.parametrize("what", ["no_key", "not_an_object"])
async def test_a_row_without_an_id_is_isolated(
    crm: Crm, maximizer: Stage, clock: Clock, what: str
) -> None:
    await people(crm, clock, 3)
    await crm.switch(poison={"what": what, "record": "individuals/2"})
    first, poisoned, last = await maximizer.records("addressbook-entries")
    assert (poisoned.identity, poisoned.key) == (None, None)
    assert poisoned.poison is not None
    assert names([first, last]) == ["Person 000", "Person 002"]


async def test_the_providers_clock_is_its_date_less_the_duration(
    crm: Crm, maximizer: Stage
) -> None:
    await crm.switch(date_skew_seconds=-3600)
    told = (await maximizer.read("contacts")).provider_time
    assert NOON - timedelta(seconds=3601) < told <= NOON - timedelta(seconds=3600)


async def test_one_record_is_read_by_its_key(crm: Crm, maximizer: Stage) -> None:
    await crm.contact("Roe")
    wanted = await crm.contact("Doe")
    record = await maximizer.connector.read_one(
        maximizer.account, "addressbook-entries", wanted["key"]
    )
    assert record is not None
    assert record.raw["LastName"] == "Doe"


async def test_a_deleted_record_and_one_of_another_type_are_not_shown(
    crm: Crm, maximizer: Stage
) -> None:
    gone = await crm.contact("Doe")
    await crm.delete(gone)
    other = await crm.contact("Roe")
    read_one = maximizer.connector.read_one
    assert await read_one(maximizer.account, "addressbook-entries", gone["key"]) is None
    assert await read_one(maximizer.account, "companies", other["key"]) is None


async def test_an_object_is_created_changed_and_deleted(crm: Crm, maximizer: Stage) -> None:
    connector, account = maximizer.connector, maximizer.account
    created = await connector.create(account, "companies", {"CompanyName": "Acme"})
    assert created.key is not None
    assert created.raw["CompanyName"] == "Acme"
    updated = await connector.update(account, "companies", created.key, {"CompanyName": "Ajax"})
    assert updated.identity == created.identity
    record = await connector.read_one(account, "companies", created.key)
    assert record is not None
    assert (record.raw["CompanyName"], record.raw["Type"]) == ("Ajax", "Company")
    await connector.delete(account, "companies", created.key)
    assert await connector.read_one(account, "companies", created.key) is None


async def test_a_refused_write_is_told_in_the_providers_words(maximizer: Stage) -> None:
    with pytest.raises(RequestRefused) as raised:
        await maximizer.connector.create(maximizer.account, "campaigns", {"Cost": "much"})
    assert raised.value.provider_message


async def test_a_write_whose_connection_broke_is_not_repeated(crm: Crm, maximizer: Stage) -> None:
    await crm.switch(reset={"call": ["create"], "times": 1})
    with pytest.raises(ProviderUnavailable):
        await maximizer.connector.create(maximizer.account, "companies", {"CompanyName": "Acme"})
    assert maximizer.requests("reset") == 1
    assert maximizer.requests("200") == 0


async def test_a_slow_answer_is_a_time_out_and_the_next_question_is_smaller(
    crm: Crm, maximizer: Stage, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await people(crm, clock, 60)
    await crm.switch(slow={"seconds": 5})
    monkeypatch.setattr("daemon.connectors.maximizer.octopus.DEADLINE_SECONDS", 0.05)
    with pytest.raises(ProviderTimeout):
        await maximizer.read("addressbook-entries", page_size=100)
    await crm.switch(slow=None)
    monkeypatch.setattr("daemon.connectors.maximizer.octopus.DEADLINE_SECONDS", 5)
    assert len(await maximizer.records("addressbook-entries", page_size=100)) == 50
    assert maximizer.requests("timeout") == 1


async def test_an_answer_beyond_every_measure_is_asked_for_in_smaller_pages(
    crm: Crm, maximizer: Stage, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await people(crm, clock, 30)
    monkeypatch.setattr("daemon.connectors.maximizer.octopus.LARGEST_ANSWER_BYTES", 10_000)
    pages = await maximizer.walk("addressbook-entries", page_size=100)
    assert sum(len(page.records) for page in pages) == 30
    assert [len(page.records) for page in pages] == [12, 12, 6]


async def test_an_api_that_an_instance_names_is_reached_only_through_the_guard(
    crm: Crm, maximizer: Stage
) -> None:
    maximizer.configuration = {
        **maximizer.configuration,
        "maximizer.url": f"{maximizer.base}/MaximizerWebData",
    }
    with pytest.raises(RequestRefused, match=r"security\.allowed_private_networks"):
        await maximizer.read("contacts")
    assert await crm.requests() == []


async def test_background_reads_leave_the_reserve_to_live_ones(crm: Crm) -> None:
    configuration = {"maximizer.personal.access.token": crm.service.personal_access_token}
    async with stage(crm, configuration, rate_limit="5/60s") as opened, asyncio.timeout(10):
        for _ in range(4):
            await opened.read("contacts", background=True)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await opened.read("contacts", background=True)
        await opened.read("contacts")
        assert opened.requests("200") == 5
