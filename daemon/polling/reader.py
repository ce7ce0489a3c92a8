"""The reader: one resource of a provider as pages of sightings, asked for by stamp."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, ClassVar

from daemon.connectors import ceql
from daemon.connectors.connector import Account, Connector, Order, Page, Query, Record
from daemon.errors import ProviderTimeout
from daemon.polling import fingerprint
from daemon.polling.epoch import UnreadableDate
from daemon.polling.fingerprint import Fingerprint
from daemon.polling.resource import RecordDate, ResourcePolling
from daemon.polling.sighting import Sighting
from daemon.polling.source import Clock, KnownPage, Reading
from daemon.polling.window import Row
from daemon.polling.zones import zone_text


class Reader:
    """The Source of one resource. A page may take `timeout_seconds`, waiting for budget too.

    `clock_skew` is how far the provider's clock was last seen ahead of ours, None if it never was.
    """

    def __init__(
        self,
        connector: Connector,
        account: Account,
        polling: ResourcePolling,
        *,
        timeout_seconds: float,
        clock: Clock,
    ) -> None:
        self._connector = connector
        self._account = account
        self._polling = polling
        self._timeout_seconds = timeout_seconds
        self._clock = clock
        self.clock_skew: timedelta | None = None
        self._spec = connector.element.resources[polling.path]
        cursor = self._cursor = polling.cursor
        self._local_cursor = cursor if cursor is not None and cursor.is_zone_local else None
        dates = (date for date in (polling.updated, polling.created) if date is not None)
        # The same page comes to mean something else: in an hour that happens twice, or when the
        # date of a version comes that waits for it.
        self._means_the_same = not polling.filter_by_current_date and not any(
            date.is_zone_local for date in dates
        )
        self._ignored = frozenset(polling.ignore_fields)
        self._query = Query(
            resource=polling.path,
            order=self._order(descending=False),
            page_size=polling.page_size,
            also=self._dates(),
            id_field=None if polling.id_field == self._spec.id_field else polling.id_field,
            fields=polling.fields,
        )

    searches_by_stamp: ClassVar[bool] = True
    """Whether pages are asked for by stamp, so that they come oldest first."""

    @property
    def projection(self) -> int:
        """Which fields the hashes are made of, and what the stamps mean."""
        fields = self._spec.fields if self._polling.fields is None else self._polling.fields
        selection = ("-", *sorted(self._ignored), "+", *sorted(fields))
        return fingerprint.projection(self._spec.projection, selection, self._frame())

    async def newest(self, before: datetime | None = None) -> Reading:
        where = self._polling.with_lower_bound(None)
        if before is not None and (stamp := self._polling.cursor) is not None:
            where = ceql.conjunction(where, _comparison(stamp.field, ceql.Operator.LESS, before))
        order = self._order(descending=True)
        return self._reading(
            await self._ask(replace(self._query, where=where, order=order, page_size=1))
        )

    async def is_empty(self) -> bool:
        page = await self._ask(replace(self._query, where=None, order=(), page_size=1))
        return not page.records

    async def page(
        self,
        bound: datetime | None,
        page_key: str | None,
        *,
        background: bool = False,
        known: KnownPage | None = None,
    ) -> Reading:
        where = self._polling.with_lower_bound(bound)
        stamp = self._polling.cursor
        if bound is not None and stamp is not None and not self._polling.bounds:
            least = _comparison(stamp.field, ceql.Operator.GREATER_OR_EQUAL, bound)
            where = ceql.conjunction(where, least)
        query = replace(
            self._query,
            where=where,
            page_key=page_key,
            background=background,
            likeness=None if known is None else known.likeness,
        )
        page = await self._ask(query)
        reading = self._reading(page)
        return replace(reading, rows=known.rows, alike=True) if known and page.alike else reading

    async def one(self, object_key: str, *, background: bool = False) -> Sighting | None:
        like = replace(self._query, background=background)
        async with self._deadline():
            record = await self._connector.read_one(
                self._account, self._polling.path, object_key, like=like
            )
        if record is None:
            return None
        now = self._provider_time()
        return self._sighting(record, self._stamp(record, now), now)

    async def some(
        self, object_keys: Sequence[str], *, background: bool = False
    ) -> Sequence[Sighting]:
        field = self._query.id_field or self._spec.id_field
        where = ceql.In(field=field, values=tuple(object_keys))
        size = len(object_keys)
        return self._reading(
            await self._ask(
                replace(self._query, where=where, page_size=size, background=background)
            )
        ).sightings

    async def _ask(self, query: Query) -> Page:
        async with self._deadline():
            page = await self._connector.read(self._account, query)
        if page.clock_skew is not None:
            self.clock_skew = page.clock_skew
        return page

    def _provider_time(self) -> datetime:
        """The provider's time as far as it is known."""
        return self._clock() + (self.clock_skew or timedelta(0))

    @asynccontextmanager
    async def _deadline(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                yield
        except TimeoutError as error:
            raise ProviderTimeout(
                f"No page came within {self._timeout_seconds:g} seconds."
            ) from error

    def _reading(self, page: Page) -> Reading:
        now = page.provider_time
        pairs = [(record, self._stamp(record, now)) for record in page.records]
        return Reading(
            rows=[Row(identity=record.identity, stamp=stamp) for record, stamp in pairs],
            sightings=[
                self._sighting(record, stamp, now)
                for record, stamp in pairs
                if record.identity is not None
            ],
            next_key=page.next_key,
            complete=page.complete,
            provider_time=now,
            clock_skew=page.clock_skew,
            likeness=page.likeness if self._means_the_same else None,
        )

    def _sighting(self, record: Record, stamp: datetime | None, now: datetime) -> Sighting:
        content = fingerprint.without(record.content, self._ignored)
        names = record.raw.keys() - self._ignored if self._ignored else record.raw.keys()
        kept = Fingerprint(content, names)
        created = self._instant(self._polling.created, record.raw, now)
        return Sighting(
            object_id=record.identity or "",
            object_key=record.key or "",
            stamp=stamp or created,
            created=created,
            content_hash=kept.content_hash(),
            raw=record.raw,
            digests=kept.digests,
            changed_fields=kept.changed_fields,
            agrees=kept.agrees,
            other_stamp=self._other_reading(stamp),
        )

    def _stamp(self, record: Record, now: datetime) -> datetime | None:
        return self._instant(self._cursor, record.raw, now)

    def _other_reading(self, stamp: datetime | None) -> datetime | None:
        if self._local_cursor is None or stamp is None:
            return None
        return self._local_cursor.other_reading(stamp)

    def _instant(
        self, date: RecordDate | None, raw: Mapping[str, Any], now: datetime
    ) -> datetime | None:
        """A date of the record in its own frame; None if it has none or one nobody can read."""
        value = None if date is None else at_path(raw, date.field)
        if date is None or value is None or value == "":
            return None
        try:
            return date.parse(value, now)
        except UnreadableDate:
            return None

    def _order(self, *, descending: bool) -> Sequence[Order]:
        """Explicit only where the configuration goes by another date than the connector."""
        stamp = self._polling.cursor
        if stamp is None:
            return ()
        if not descending and stamp.field == self._spec.updated_field:
            return ()
        return (Order(name=stamp.field, descending=descending), Order(name=self._spec.id_field))

    def _frame(self) -> tuple[str, ...]:
        stamp = self._polling.cursor
        if stamp is None:
            return ()
        zone = zone_text(stamp.zone) if stamp.is_local else ""
        return (stamp.field, stamp.format.text, zone)

    def _dates(self) -> tuple[str, ...]:
        dates = (self._polling.updated, self._polling.created)
        return tuple(date.field for date in dates if date is not None)


def at_path(record: Mapping[str, Any], path: str) -> Any:
    """The value under a dotted path; a field that has the whole path as its name comes first."""
    if path in record:
        return record[path]
    value: Any = record
    for part in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(part)
    return value


def _comparison(field: str, operator: ceql.Operator, instant: datetime) -> ceql.Comparison:
    return ceql.Comparison(field=field, operator=operator, value=instant)
