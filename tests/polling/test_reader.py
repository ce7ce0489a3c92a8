from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any

import pytest

from daemon.connectors import ceql
from daemon.connectors.connector import Account, Order, Page, Query
from daemon.errors import ProviderTimeout
from daemon.instance import InstanceId
from daemon.polling.configuration import parse_polling
from daemon.polling.fingerprint import same_fields, same_frame, same_version
from daemon.polling.reader import Reader, at_path
from daemon.polling.resource import ResourcePolling
from daemon.polling.source import KnownPage, Reading
from daemon.polling.standards import PollingStandards
from tests.polling.shelf import STAMP, Shelf, text

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
ACCOUNT = Account(instance_id=InstanceId(1), configuration={})


def polling_of(shelf: Shelf, **entry: Any) -> ResourcePolling:
    polled = parse_polling(
        {"contacts": entry},
        hub="crm",
        resources=shelf.element.resources,
        standards=PollingStandards(),
    )
    assert isinstance(polled, dict), polled
    return polled["contacts"]


def reader_of(shelf: Shelf, *, timeout_seconds: float = 10, **entry: Any) -> Reader:
    return Reader(
        shelf,
        ACCOUNT,
        polling_of(shelf, **entry),
        timeout_seconds=timeout_seconds,
        clock=lambda: NOON,
    )


@pytest.fixture
def shelf() -> Shelf:
    shelf = Shelf()
    for number in range(5):
        shelf.put(f"c{number}", LastName=f"Name {number}")
    return shelf


def least(instant: datetime) -> ceql.Comparison:
    """As the element's own url spells it."""
    value = text(instant)
    return ceql.Comparison(field=STAMP, operator=ceql.Operator.GREATER_OR_EQUAL, value=value)


async def test_a_page_has_what_is_stamped_at_the_bound_or_later(shelf: Shelf) -> None:
    reading = await reader_of(shelf).page(NOON + timedelta(seconds=3), None)
    assert [row.identity for row in reading.rows] == ["c3", "c4"]
    assert [one.object_id for one in reading.sightings] == ["c3", "c4"]
    assert reading.rows[0].stamp == NOON + timedelta(seconds=3)
    assert (reading.complete, reading.next_key) == (True, None)
    assert shelf.queries[-1].where == least(NOON + timedelta(seconds=3))
    assert shelf.queries[-1].order == ()


async def test_pages_go_on_by_their_key_and_say_who_they_are_for(shelf: Shelf) -> None:
    reader = reader_of(shelf, pageSize=2)
    first = await reader.page(None, None)
    second = await reader.page(None, first.next_key, background=True)
    assert [row.identity for row in second.rows] == ["c2", "c3"]
    assert [(q.page_key, q.background) for q in shelf.queries] == [(None, False), ("2", True)]


async def test_the_comparison_of_the_url_takes_the_bound_and_the_rest_stays(shelf: Shelf) -> None:
    url = (
        "/hubs/crm/contacts?where=LastModifyDate>'${date:yyyy-MM-dd'T'HH:mm:ssXXX}'"
        " AND LastName='Name 4'"
    )
    reader = reader_of(shelf, url=url)
    assert [row.identity for row in (await reader.page(NOON, None)).rows] == ["c4"]
    where = shelf.queries[-1].where
    assert isinstance(where, ceql.And)
    assert where.conditions[0] == least(NOON)
    await reader.page(None, None)
    assert shelf.queries[-1].where == ceql.Comparison(
        field="LastName", operator=ceql.Operator.EQUAL, value="Name 4"
    )


async def test_the_newest_rows_come_first_and_may_be_asked_for_below_an_instant(
    shelf: Shelf,
) -> None:
    reader = reader_of(shelf)
    assert [row.identity for row in (await reader.newest()).rows] == ["c4"]
    before = await reader.newest(NOON + timedelta(seconds=2))
    assert [row.identity for row in before.rows] == ["c1"]
    assert shelf.queries[-1].order == (Order(name=STAMP, descending=True), Order(name="Key"))
    assert shelf.queries[-1].page_size == 1


async def test_a_resource_is_empty_whatever_its_filter_says(shelf: Shelf) -> None:
    url = "/hubs/crm/contacts?where=LastName='nobody'"
    reader = reader_of(shelf, url=url)
    assert (await reader.newest()).rows == []
    assert not await reader.is_empty()
    shelf.records.clear()
    assert await reader.is_empty()


async def test_an_object_is_read_by_its_id_in_the_background_if_that_is_where_it_is_needed(
    shelf: Shelf,
) -> None:
    reader = reader_of(shelf)
    found = await reader.one("c1", background=True)
    assert found is not None
    assert (found.object_id, found.stamp) == ("c1", NOON + timedelta(seconds=1))
    assert await reader.one("gone") is None


async def test_a_record_without_its_date_goes_by_its_creation_and_has_no_place_in_the_order(
    shelf: Shelf,
) -> None:
    shelf.put("undated", LastModifyDate=None)
    shelf.put("dateless", LastModifyDate="", CreationDate="soon")
    reading = await reader_of(shelf).page(None, None)
    rows = {row.identity: row.stamp for row in reading.rows}
    stamps = {one.object_id: one.stamp for one in reading.sightings}
    assert (rows["undated"], stamps["undated"]) == (None, NOON + timedelta(seconds=5))
    assert (rows["dateless"], stamps["dateless"]) == (None, None)


async def test_a_record_without_an_id_is_a_row_and_no_sighting(shelf: Shelf) -> None:
    reading = await reader_of(shelf, idField="Number").page(None, None)
    assert len(reading.rows) == 5
    assert reading.sightings == []
    assert shelf.queries[-1].id_field == "Number"


async def test_ignored_fields_change_neither_the_hash_nor_the_digests(shelf: Shelf) -> None:
    def hashed(reading: Any) -> tuple[bytes, bytes | None]:
        one = reading.sightings[0]
        return one.content_hash, one.digests()

    reader = reader_of(shelf, ignoreFields=["LastName"])
    before = hashed(await reader.page(None, None))
    shelf.records["c0"]["LastName"] = "Other"
    assert hashed(await reader.page(None, None)) == before
    assert hashed(await reader_of(shelf).page(None, None)) != before


LOCAL = {"updatedDateField": STAMP, "updatedDateFormat": "yyyy-MM-dd HH:mm:ss"}


def test_what_is_ignored_is_another_selection_of_fields(shelf: Shelf) -> None:
    one = reader_of(shelf).projection
    assert one == reader_of(shelf).projection
    for changes in ({"ignoreFields": ["LastName"]}, {"url": "/hubs/crm/contacts?fields=LastName"}):
        other = reader_of(shelf, **changes).projection
        assert not same_fields(one, other), changes
        assert same_frame(one, other), changes
        assert same_version(one, other), changes


def test_another_date_field_format_or_zone_is_another_frame_of_the_same_fields(
    shelf: Shelf,
) -> None:
    dates: list[dict[str, str]] = [
        {},
        {"updatedDateField": "Touched"},
        LOCAL,
        {**LOCAL, "updatedDateTimezone": "America/Vancouver"},
    ]
    readers = [reader_of(shelf, datesConfiguration=each) for each in dates]
    for one, other in combinations([reader.projection for reader in readers], 2):
        assert same_fields(one, other)
        assert not same_frame(one, other)


@pytest.mark.parametrize(
    "dates",
    [{"createdDateField": "Born"}, {"updatedDateField": STAMP, "updatedDateTimezone": "EST"}],
    ids=["the date of creation", "a zone that no stamp needs"],
)
def test_what_does_not_date_changes_is_the_same_frame(shelf: Shelf, dates: dict[str, str]) -> None:
    projection = reader_of(shelf, datesConfiguration=dates).projection
    assert projection == reader_of(shelf).projection


async def test_the_fields_that_changed_are_named(shelf: Shelf) -> None:
    reader = reader_of(shelf)
    [before, *_] = (await reader.page(None, None)).sightings
    digests = before.digests()
    shelf.records["c0"]["LastName"] = "Other"
    [after, *_] = (await reader.page(None, None)).sightings
    assert after.changed_fields(digests) == ("LastName",)


async def test_another_date_orders_and_bounds_what_is_read(shelf: Shelf) -> None:
    for raw in shelf.records.values():
        raw["Touched"] = raw[STAMP]
    dates = {"updatedDateField": "Touched", "updatedDateFormat": "yyyy-MM-dd'T'HH:mm:ssXXX"}
    reader = reader_of(shelf, datesConfiguration=dates)
    await reader.page(NOON, None)
    query = shelf.queries[-1]
    assert query.order == (Order(name="Touched"), Order(name="Key"))
    assert "Touched" in query.also
    assert isinstance(query.where, ceql.Comparison)
    assert query.where.field == "Touched"


def known(reading: Reading) -> KnownPage:
    return KnownPage(likeness=reading.likeness, rows=reading.rows, suppressed=5, writes=0)


async def test_a_known_page_comes_alike_until_one_record_is_another(shelf: Shelf) -> None:
    reader = reader_of(shelf)
    first = await reader.page(None, None)
    again = await reader.page(NOON, None, known=known(first))
    assert (again.alike, again.rows, again.sightings) == (True, first.rows, [])
    shelf.records["c2"]["LastName"] = "Other"
    changed = await reader.page(None, None, known=known(first))
    assert (changed.alike, len(changed.sightings)) == (False, 5)


async def test_where_the_hour_decides_what_a_stamp_means_no_page_is_known(shelf: Shelf) -> None:
    dates = {
        "updatedDateFormat": "yyyy-MM-dd'T'HH:mm:ss'Z'",
        "updatedDateTimezone": "America/Vancouver",
    }
    reading = await reader_of(shelf, datesConfiguration=dates).page(None, None)
    assert reading.likeness is None


async def test_a_page_that_does_not_come_in_time_is_a_timeout_of_the_provider() -> None:
    class Slow(Shelf):
        async def read(self, account: Account, query: Query) -> Page:
            await asyncio.Event().wait()
            raise AssertionError

    with pytest.raises(ProviderTimeout, match=r"0\.01 seconds"):
        async with asyncio.timeout(5):
            await reader_of(Slow(), timeout_seconds=0.01).page(None, None)


@pytest.mark.parametrize(
    ("path", "value"),
    [("a.b", 1), ("a", {"b": 1}), ("c.d", 2), ("a.x", None), ("e.f", None)],
)
def test_a_dotted_path_leads_into_composites_unless_a_field_has_that_name(
    path: str, value: object
) -> None:
    assert at_path({"a": {"b": 1}, "c.d": 2, "c": {"d": 3}, "e": "text"}, path) == value


def test_dates_are_written_as_the_provider_writes_them() -> None:
    assert text(NOON) == "2026-06-01T12:00:00Z"
