from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.connectors import ceql
from daemon.errors import Fault
from daemon.polling.configuration import PollingStandards, as_json
from daemon.polling.javadate import compile_format
from daemon.polling.resource import FirstRun, FirstRunMode, Reconcile, RecordDate, Sweep
from tests.polling.element import DEFAULTS, PATTERN, accepted, faults_of, only, read

STOCK_WHERE = "LastModifyDate>'${date:yyyy-MM-dd'T'HH:mm:ssXXX}'"
STOCK: dict[str, Any] = {
    "url": f"/hubs/crm/contacts?where={STOCK_WHERE}",
    "idField": "Key",
    "datesConfiguration": {"updatedDateField": "LastModifyDate", "updatedDateFormat": PATTERN},
}
CONTACTS = {"url": "/hubs/crm/contacts"}


def where(resource: str, value: object) -> str | None:
    tree = accepted(value)[resource].where
    return ceql.render(tree) if tree else None


def test_the_original_body_is_read_and_its_empty_entries_are_the_default() -> None:
    companies = STOCK | {"url": STOCK["url"].replace("contacts", "companies")}
    polled = accepted(
        {
            "contacts": STOCK,
            "companies": companies,
            "addressbook-entries": {},
            "opportunities": {},
        }
    )
    assert [(name, polling.path) for name, polling in polled.items()] == [
        ("contacts", "contacts"),
        ("companies", "companies"),
        ("addressbook-entries", "addressbook-entries"),
        ("opportunities", "opportunities"),
    ]
    assert {ceql.render(polling.where) for polling in polled.values() if polling.where} == {
        STOCK_WHERE
    }
    assert accepted({"contacts": {}})["contacts"] == polled["contacts"]


def test_an_empty_entry_has_every_default() -> None:
    polling = accepted({"contacts": {}})["contacts"]
    usual = {"format": compile_format(PATTERN), "zone": UTC}
    assert polling.id_field == "Key"
    assert polling.updated == RecordDate(field="LastModifyDate", **usual)
    assert polling.created == RecordDate(field="CreationDate", **usual)
    assert polling.filter_by_updated_date
    assert not polling.filter_by_current_date
    assert polling.created_check_tolerance == timedelta(seconds=10)
    assert polling.page_size == 100
    assert polling.poll_delay == timedelta(0)
    assert (polling.overlap_seconds, polling.settle_lag_seconds) == (120, 0)
    assert polling.first_run == FirstRun()
    assert polling.reconcile is None
    assert polling.deletes is None
    assert polling.ignore_fields == ()
    assert polling.fields is None


@pytest.mark.parametrize("value", [None, ""])
def test_no_configuration_is_that_of_the_element(value: object) -> None:
    assert tuple(accepted(value)) == DEFAULTS
    assert accepted(value) == accepted({name: {} for name in DEFAULTS})


def test_a_configuration_may_be_json_text() -> None:
    assert accepted(json.dumps({"contacts": STOCK})) == accepted({"contacts": STOCK})
    assert accepted("{}") == {}


FULL: dict[str, Any] = {
    "url": f"/hubs/crm/leads?where={STOCK_WHERE}",
    "idField": "Lead.Id",
    "filterByUpdatedDate": True,
    "filterByCurrentDate": True,
    "createdCheckTolerance": 5,
    "pageSize": 15,
    "pollDelay": 30,
    "datesConfiguration": {
        "updatedDateField": "_info.lastUpdated",
        "updatedDateFormat": "yyyy-MM-dd HH:mm:ss",
        "updatedDateTimezone": "America/Vancouver",
        "createdDateField": "_info.created",
        "createdDateFormat": "milliseconds",
        "createdDateTimezone": "-6:00",
    },
    "overlapSeconds": 300,
    "settleLagSeconds": 2.5,
    "firstRun": "from:2024-01-31T12:00:00+01:00",
    "reconcile": {"intervalMinutes": 0.5, "windowHours": 12},
    "deletes": {"mode": "sweep", "intervalMinutes": 90, "maxFraction": 0.2},
    "ignoreFields": ["Udf", "Display"],
}


def as_texts(value: object) -> object:
    """The same configuration with numbers and booleans as strings."""
    if isinstance(value, dict):
        return {name: as_texts(field) for name, field in value.items()}
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


@pytest.mark.parametrize("entry", [FULL, as_texts(FULL)], ids=["natural", "texts"])
def test_every_field_is_read_natural_or_as_text(entry: dict[str, Any]) -> None:
    polling = only(entry)
    assert (polling.name, polling.path, polling.id_field) == ("mine", "leads", "Lead.Id")
    assert polling.updated == RecordDate(
        field="_info.lastUpdated",
        format=compile_format("yyyy-MM-dd HH:mm:ss"),
        zone=ZoneInfo("America/Vancouver"),
    )
    assert polling.created == RecordDate(
        field="_info.created",
        format=compile_format("milliseconds"),
        zone=timezone(timedelta(hours=-6)),
    )
    assert polling.filter_by_current_date
    assert polling.created_check_tolerance == timedelta(seconds=5)
    assert (polling.page_size, polling.poll_delay) == (15, timedelta(seconds=30))
    assert (polling.overlap_seconds, polling.settle_lag_seconds) == (300, 2.5)
    since = datetime(2024, 1, 31, 11, tzinfo=UTC)
    assert polling.first_run == FirstRun(mode=FirstRunMode.FROM, since=since)
    half_a_minute, half_a_day = timedelta(seconds=30), timedelta(hours=12)
    assert polling.reconcile == Reconcile(interval=half_a_minute, window=half_a_day)
    assert polling.deletes == Sweep(interval=timedelta(minutes=90), max_fraction=0.2)
    assert polling.ignore_fields == ("Display", "Udf")


def test_several_entries_may_poll_one_path() -> None:
    polled = accepted({"open": CONTACTS, "Closed ones": CONTACTS})
    assert [(name, polling.path) for name, polling in polled.items()] == [
        ("open", "contacts"),
        ("Closed ones", "contacts"),
    ]


@pytest.mark.parametrize(
    ("entry", "changes"),
    [
        (
            CONTACTS | {"createdCheckTolerance": 7},
            {"datesConfiguration": {"createdCheckTolerance": "7"}},
        ),
        (CONTACTS | {"filterByUpdatedDate": False}, {"filterByUpdateDate": "false"}),
        (
            CONTACTS | {"datesConfiguration": {"updatedDateTimezone": "EST"}},
            {"datesConfiguration": {"UpdatedDateTimezone": "EST"}},
        ),
        (
            CONTACTS | {"datesConfiguration": {"updatedDateTimezone": "EST"}},
            {"updatedDateTimezone": "EST"},
        ),
        (CONTACTS, {"datesConfiguration": {"updatedDateTimezone": "", "createdDateTimezone": ""}}),
        (CONTACTS, {"updatedDateTimezone": ""}),
        (CONTACTS, {"datesConfiguration": {"updatedDateFormat": f"{PATTERN}'"}}),
        (CONTACTS, {"datesConfiguration": None, "pageSize": "", "reconcile": None}),
    ],
    ids=[
        "tolerance among the dates",
        "filterByUpdateDate",
        "UpdatedDateTimezone",
        "zone outside the dates",
        "empty zones",
        "empty zone outside",
        "unbalanced quote",
        "nulls and empty texts",
    ],
)
def test_shipped_oddities_mean_what_they_were_meant_to(
    entry: dict[str, Any], changes: dict[str, Any]
) -> None:
    assert only(CONTACTS | changes) == only(entry)


def test_a_page_size_in_the_url_is_used_unless_there_is_a_field() -> None:
    entry = {"url": "/hubs/crm/contacts?pageSize=20&fields=Key,LastName"}
    assert only(entry).page_size == 20
    assert only(entry | {"pageSize": 30}).page_size == 30
    assert only(entry).fields == ("Key", "LastName")


def test_the_created_date_is_written_like_the_updated_one() -> None:
    dates = {"updatedDateFormat": "yyyy-MM-dd'T'HH:mm:ss'Z'", "updatedDateTimezone": "PST"}
    polling = only(CONTACTS | {"datesConfiguration": dates})
    assert polling.updated is not None
    assert polling.created == RecordDate(
        field="CreationDate", format=polling.updated.format, zone=polling.updated.zone
    )


def test_the_created_date_of_the_element_is_not_written_like_a_field_of_ones_own() -> None:
    dates = {"updatedDateField": "Udf.Changed", "updatedDateFormat": "seconds"}
    created = only(CONTACTS | {"datesConfiguration": dates}).created
    assert created == RecordDate(field="CreationDate", format=compile_format(PATTERN), zone=UTC)
    own = only(CONTACTS | {"datesConfiguration": dates | {"createdDateField": "Udf.Born"}}).created
    assert own == RecordDate(field="Udf.Born", format=compile_format("seconds"), zone=UTC)


def test_the_configured_zone_is_that_of_stamps_without_one() -> None:
    zone = ZoneInfo("Europe/Paris")
    polling = only(CONTACTS, PollingStandards(zone=zone))
    assert polling.updated is not None
    assert (polling.zone, polling.updated.zone) == (zone, zone)


@pytest.mark.parametrize(
    ("name", "entry", "text"),
    [
        ("leads", {"datesConfiguration": {"updatedDateField": "Changed"}}, "Changed>'"),
        ("leads", {"filterByUpdatedDate": False}, "CreationDate>'"),
        ("tasks", {"filterByUpdatedDate": False}, "CreationDate>'"),
    ],
)
def test_the_url_of_an_entry_without_one_asks_by_the_date_that_moves_the_cursor(
    name: str, entry: dict[str, Any], text: str
) -> None:
    assert (where(name, {name: entry}) or "").startswith(text)


def test_a_resource_without_dates_is_asked_without_a_where() -> None:
    assert where("documents", {"documents": {}}) is None
    assert accepted({"documents": {}})["documents"].cursor is None


@pytest.mark.parametrize(
    "entry",
    [
        {"pageSize": 15},
        {"url": "/hubs/crm/events", "pageSize": 15},
        {"URL": None, "pageSize": 15},
        {"url": "/elements/api-v2/hubs/crm/events/", "pageSize": 15},
    ],
)
def test_events_stands_for_the_resources_polled_by_default(entry: dict[str, Any]) -> None:
    assert accepted({"events": entry}) == accepted({name: {"pageSize": 15} for name in DEFAULTS})


def test_the_where_of_events_is_that_of_each_resource() -> None:
    polled = accepted({"events": {"url": "/hubs/crm/events?where=d>'${epoch:s}' AND x=1"}})
    assert {name: polling.path for name, polling in polled.items()} == {
        name: name for name in DEFAULTS
    }
    assert {ceql.render(polling.where) for polling in polled.values() if polling.where} == {
        "d>'${epoch:s}' AND x=1"
    }


def test_a_resource_of_its_own_beside_events_keeps_its_entry() -> None:
    polled = accepted({"events": {"pageSize": 15}, "companies": {"pageSize": 3}})
    assert sorted(polled) == sorted(DEFAULTS)
    assert {polled[name].page_size for name in DEFAULTS if name != "companies"} == {15}
    assert polled["companies"].page_size == 3


def test_an_entry_called_events_with_another_path_is_an_ordinary_one() -> None:
    assert accepted({"events": {"url": "/hubs/crm/leads"}})["events"].path == "leads"


def test_a_fault_of_events_is_told_once_and_under_its_own_name() -> None:
    assert list(faults_of({"events": {"pageSze": 1}})) == ["events.pageSze"]
    assert len(read({"events": {"pageSze": 1}})) == 1


@pytest.mark.parametrize(
    ("value", "field", "words"),
    [
        ("{", "", "is a text that is not JSON"),
        ('{"a": NaN}', "", "NaN is no JSON"),
        ('{"contacts": {}, "contacts": {}}', "", "'contacts' is given twice"),
        ("[" * 100_000, "", "nested too deep"),
        ("[]", "", "must be an object such as"),
        ([], "", "must be an object such as"),
        (5, "", "must be an object such as"),
        ({str(number): {} for number in range(201)}, "", "more than 200 resources"),
        ({"contact": {}}, "contact", "did you mean 'contacts'?"),
        ({"zzz": {}}, "zzz", "there is no resource 'zzz' in the hub; known: contacts"),
        ({"notes": {}}, "notes", "cannot be polled: the service keeps no dates for notes"),
        ({"x": {"url": "/hubs/crm/notes"}}, "x.url", "cannot be polled: the service keeps"),
        ({"x": {"url": "/hubs/crm/contact"}}, "x.url", "did you mean 'contacts'?"),
        ({"x": {"url": "/hubs/crm/events"}}, "x.url", "no resource 'events'"),
        ({"x": {"url": "/hubs/erp/contacts"}}, "x.url", "a path of this element's hub"),
        ({"x": {"url": None}}, "x.url", "must not be empty"),
        ({"x": {"url": ""}}, "x.url", "must not be empty"),
        ({"contacts": {"url": "/hubs/crm/contacts?where=a>'${nw:yyyy}'"}}, "contacts.url", "${nw"),
        ({"contacts": {"url": 5}}, "contacts.url", "must be a text"),
        ({"contacts": None}, "contacts", "must be an object, not null"),
        ({"contacts": {"idField": ""}}, "contacts.idField", "the default is 'Key'"),
        ({"contacts": {"idField": None}}, "contacts.idField", "must not be empty"),
        ({"contacts": {"pageSze": 5}}, "contacts.pageSze", "did you mean 'pageSize'?"),
        ({"contacts": {"batchSize": 5}}, "contacts.batchSize", "is no known field"),
        ({"contacts": {"pageSize": 1001}}, "contacts.pageSize", "from 1 to 1000"),
        ({"contacts": {"pageSize": 0}}, "contacts.pageSize", "from 1 to 1000"),
        ({"x": {"url": "/hubs/crm/leads?pageSize=x"}}, "x.url.pageSize", "must be a number"),
        ({"contacts": {"pollDelay": -1}}, "contacts.pollDelay", "from 0"),
        ({"contacts": {"overlapSeconds": 1e9}}, "contacts.overlapSeconds", "from 0 to 2.592e+06"),
        ({"contacts": {"settleLagSeconds": "x"}}, "contacts.settleLagSeconds", "a number"),
        ({"contacts": {"createdCheckTolerance": -1}}, "contacts.createdCheckTolerance", "from 0"),
        (
            {
                "contacts": {
                    "createdCheckTolerance": 1,
                    "datesConfiguration": {"createdCheckTolerance": 1},
                }
            },
            "contacts.createdCheckTolerance",
            "given twice",
        ),
        (
            {"contacts": {"filterByUpdatedDate": "si"}},
            "contacts.filterByUpdatedDate",
            "true or false",
        ),
        (
            {"documents": {"filterByUpdatedDate": False}},
            "documents.filterByUpdatedDate",
            "createdDateField",
        ),
        ({"contacts": {"firstRun": "all"}}, "contacts.firstRun", "baseline, backfill or from:"),
        ({"contacts": {"firstRun": "from:soon"}}, "contacts.firstRun", "from:<instant>"),
        ({"contacts": {"firstRun": "backfill:1"}}, "contacts.firstRun", "from:<instant>"),
        ({"contacts": {"reconcile": True}}, "contacts.reconcile", "must be an object"),
        ({"contacts": {"reconcile": {"windowHours": 0}}}, "contacts.reconcile.windowHours", "from"),
        (
            {"contacts": {"reconcile": {"intervalMinutes": 0.001}}},
            "contacts.reconcile.intervalMinutes",
            "from 0.0166667",
        ),
        ({"contacts": {"deletes": {"mode": "on"}}}, "contacts.deletes.mode", "off or sweep"),
        (
            {"contacts": {"deletes": {"mode": "sweep", "maxFraction": 2}}},
            "contacts.deletes.maxFraction",
            "to 1",
        ),
        ({"contacts": {"deletes": {"maxFraction": 0.1}}}, "contacts.deletes.mode", "is needed"),
        ({"contacts": {"deletes": {"intervalMinutes": 9}}}, "contacts.deletes.mode", "is needed"),
        ({"contacts": {"ignoreFields": 5}}, "contacts.ignoreFields", "a list of texts"),
        ({"contacts": {"datesConfiguration": []}}, "contacts.datesConfiguration", "an object"),
        (
            {"contacts": {"datesConfiguration": {"updatedDateFormat": "yyyy-qq"}}},
            "contacts.datesConfiguration.updatedDateFormat",
            "'q' is unknown",
        ),
        (
            {"contacts": {"datesConfiguration": {"createdDateTimezone": "Mars"}}},
            "contacts.datesConfiguration.createdDateTimezone",
            "'Mars' is no time zone",
        ),
        (
            {"contacts": {"updatedDateTimezone": "Mars"}},
            "contacts.updatedDateTimezone",
            "'Mars' is no time zone",
        ),
        (
            {"documents": {"datesConfiguration": {"updatedDateFormat": PATTERN}}},
            "documents.datesConfiguration.updatedDateFormat",
            "without updatedDateField",
        ),
        ({"a/b": CONTACTS}, "a/b", "1 to 100 characters"),
        ({"": CONTACTS}, "", "1 to 100 characters"),
        ({" a": CONTACTS}, " a", "1 to 100 characters"),
        ({"a\0": CONTACTS}, "a\0", "1 to 100 characters"),
    ],
    ids=lambda case: json.dumps(case)[:70] if isinstance(case, dict) else str(case)[:40],
)
def test_what_is_wrong_is_named_by_resource_and_field(
    value: object, field: str, words: str
) -> None:
    faults = faults_of(value)
    assert list(faults) == [field]
    assert words in faults[field]


def test_all_faults_are_told_at_once() -> None:
    faults = faults_of(
        {
            "nothing": {"url": None, "idField": "", "pageSze": 1, "pollDelay": "x"},
            "contacts": {"datesConfiguration": {"updatedDateFormat": "YYYY"}},
            "notes": {"deletes": {"mode": "maybe"}},
        }
    )
    assert sorted(faults) == [
        "contacts.datesConfiguration.updatedDateFormat",
        "notes",
        "notes.deletes.mode",
        "nothing.idField",
        "nothing.pageSze",
        "nothing.pollDelay",
        "nothing.url",
    ]


def test_halves_of_surrogate_pairs_do_not_get_into_an_answer() -> None:
    faults = read({"contacts": {"\ud800": 1, "firstRun": "\udfff"}, "\ud801": {}})
    assert isinstance(faults, list)
    assert len(faults) == 3
    assert all(str(fault).encode() for fault in faults)


ENTRIES = st.fixed_dictionaries(
    {"url": st.sampled_from([STOCK["url"], "/hubs/crm/leads", "/hubs/crm/tasks?fields=Key,Id"])},
    optional={
        "idField": st.sampled_from(["Key", "user.id"]),
        "filterByUpdatedDate": st.booleans(),
        "filterByCurrentDate": st.booleans(),
        "createdCheckTolerance": st.integers(0, 86_400) | st.floats(0, 86_400),
        "pageSize": st.integers(1, 1000),
        "pollDelay": st.floats(0, 86_400),
        "datesConfiguration": st.fixed_dictionaries(
            {},
            optional={
                "createdDateField": st.sampled_from(["Born", "a.b"]),
                "createdDateFormat": st.sampled_from([PATTERN, "seconds", "dd/MM/yy"]),
                "createdDateTimezone": st.sampled_from(["", "PST", "Europe/Paris", "+05:30"]),
            },
        ),
        "overlapSeconds": st.floats(0, 2_592_000),
        "settleLagSeconds": st.integers(0, 86_400),
        "firstRun": st.sampled_from(["baseline", "Backfill", "from:2024-01-31 12:00:00.25"]),
        "reconcile": st.fixed_dictionaries(
            {},
            optional={
                "intervalMinutes": st.floats(1 / 60, 43_200),
                "windowHours": st.floats(1 / 60, 8784),
            },
        ),
        "deletes": st.fixed_dictionaries(
            {"mode": st.sampled_from(["off", "sweep"])},
            optional={
                "intervalMinutes": st.floats(1 / 60, 43_200),
                "maxFraction": st.floats(0.0001, 1),
            },
        ),
        "ignoreFields": st.lists(st.sampled_from(["b", "a", "a.b"])),
    },
)


@given(ENTRIES)
def test_the_canonical_entry_is_read_back_as_the_same(entry: dict[str, Any]) -> None:
    polling = only(entry)
    canonical = json.loads(json.dumps(as_json(polling)))
    assert only(canonical) == polling
    assert as_json(only(canonical)) == canonical


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["url", "idField", "datesConfiguration", "updatedDateFormat", "reconcile"]
            )
            | st.text(max_size=8),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["contacts", "events", "x"]), JSON, max_size=3))
def test_any_json_is_either_accepted_or_has_faults_with_words(value: dict[str, object]) -> None:
    outcome = read(value)
    if isinstance(outcome, list):
        assert outcome
        assert all(isinstance(fault, Fault) and fault.message for fault in outcome)
    else:
        assert set(outcome) <= {*DEFAULTS, *value}
