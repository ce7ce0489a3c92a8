from __future__ import annotations

from typing import Any

import orjson
import pytest

from daemon.connectors.connector import Order, Query
from daemon.connectors.maximizer.questions import (
    create_body,
    delete_body,
    read_body,
    scope,
    update_body,
)
from daemon.connectors.maximizer.resources import RESOURCES

CONTACTS = RESOURCES["contacts"]


def asked(query: Query, size: int = 100) -> dict[str, Any]:
    resource = RESOURCES[query.resource]
    body: dict[str, Any] = orjson.loads(
        read_body(resource, query, {"A": {"$EQ": 1}}, scope(resource, query), size)
    )
    return body


def test_a_read_names_fields_criteria_order_driver_and_compatibility() -> None:
    body = asked(Query(resource="contacts", page_key="MTA="), 25)
    section = body.pop("AbEntry")
    assert body == {
        "Compatibility": {"AbEntryKey": "2.0"},
        "Configuration": {
            "Drivers": {"IAbEntrySearcher": "Maximizer.Model.Access.Sql.AbEntrySearcher"}
        },
    }
    assert section["Criteria"] == {"SearchQuery": {"A": {"$EQ": 1}}}
    assert section["OrderBy"] == {
        "PageKey": "MTA=",
        "PageSize": 25,
        "Fields": [{"LastModifyDate": "ASC"}, {"Key": "ASC"}],
    }
    assert section["Scope"]["Fields"]["Key"] == 1
    assert section["Scope"]["Fields"]["Address"]["City"] == 1


@pytest.mark.parametrize("name", list(RESOURCES))
def test_every_resource_reads_its_key_and_its_dates(name: str) -> None:
    resource = RESOURCES[name]
    fields = asked(Query(resource=name))[resource.object_name]["Scope"]["Fields"]
    dates = {date for date in (resource.updated, resource.created) if date is not None}
    assert {"Key"} | dates <= set(fields)


@pytest.mark.parametrize("name", list(RESOURCES))
def test_every_resource_is_read_through_its_sql_driver_if_one_is_known(name: str) -> None:
    drivers = asked(Query(resource=name))["Configuration"]["Drivers"]
    assert len(drivers) == (0 if name == "custom-records" else 1)
    assert all(value.startswith("Maximizer.Model.Access.Sql.") for value in drivers.values())


def test_a_resource_without_modification_date_is_ordered_by_creation() -> None:
    order = asked(Query(resource="tasks"))["Task"]["OrderBy"]["Fields"]
    assert order == [{"CreationDate": "ASC"}, {"Key": "ASC"}]


def test_another_order_replaces_the_usual_one() -> None:
    order = (Order(name="Address.City", descending=True),)
    section = asked(Query(resource="contacts", order=order))["AbEntry"]
    assert section["OrderBy"]["Fields"] == [{"Address/City": "DESC"}]


def test_fields_are_spelled_as_maximizer_does_and_the_needed_ones_are_added() -> None:
    query = Query(
        resource="contacts",
        fields=("lastname", "address", "Udf/$NAME(a.b)"),
        also=("lastmodifydate", "Email1.Address"),
        id_field="WebSite",
    )
    assert scope(CONTACTS, query) == {
        "Key": 1,
        "LastName": 1,
        "Address": CONTACTS.scope["Address"],
        "Udf/$NAME(a.b)": 1,
        "LastModifyDate": 1,
        "Email1/Address": 1,
        "WebSite": 1,
    }


def test_a_create_sends_the_type_of_the_resource_unless_one_is_given() -> None:
    body = orjson.loads(create_body(CONTACTS, {"LastName": "Doe", "key": "ignored"}))
    assert body == {
        "AbEntry": {"Data": {"Key": None, "LastName": "Doe", "Type": "Contact"}},
        "Compatibility": {"AbEntryKey": "2.0"},
    }
    given = orjson.loads(create_body(CONTACTS, {"type": "Individual"}))
    assert given["AbEntry"]["Data"] == {"Key": None, "type": "Individual"}


def test_an_update_and_a_delete_name_the_key() -> None:
    update = orjson.loads(update_body(CONTACTS, "abc", {"LastName": "Roe", "Key": "other"}))
    assert update["AbEntry"]["Data"] == {"Key": "abc", "LastName": "Roe"}
    assert orjson.loads(delete_body(CONTACTS, "abc"))["AbEntry"]["Data"] == {"Key": "abc"}
