"""Reads: the method Read, section by section, with the faults that concern its rows."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from zlib import crc32

from daemon.sandbox.criteria import Criteria
from daemon.sandbox.dates import Frame
from daemon.sandbox.faults import (
    Hidden,
    NoRows,
    PageCap,
    PageShift,
    Poison,
    RepeatedPageKey,
    Stale,
    Unordered,
)
from daemon.sandbox.journal import Call
from daemon.sandbox.ordering import Order, page_key, parse_order
from daemon.sandbox.page_shift import Shifter
from daemon.sandbox.poison import poisoned
from daemon.sandbox.projection import Projection, Row
from daemon.sandbox.reading import Page, Reading, Trouble
from daemon.sandbox.records import Record, Value
from daemon.sandbox.refusals import Refusal, UnknownField
from daemon.sandbox.sections import Section
from daemon.sandbox.service import Service


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """One section's answer; `is_poisoned` rows need an encoder that carries anything."""

    rows: list[Any]
    next_page_key: str | None = None
    is_poisoned: bool = False


class Reads:
    """Answers sections by the store."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._shifter = Shifter(service.store, service.editor)

    def answer(self, section: Section, call: Call, key_kind: str | None) -> Rows:
        """The rows of a section, keys of address book entries beginning with `key_kind`.

        Raises Refusal for what cannot be asked.
        """
        profile = self._service.switches.profile
        if call.strike(self._service.switches, NoRows, objects=section.objects):
            return Rows(rows=[])
        if not section.has_sql_driver and (section.driver or profile.missing_driver == "no_rows"):
            return Rows(rows=[])
        try:
            return self._read(section, call, key_kind)
        except UnknownField:
            if profile.unknown_field == "error":
                raise
            return Rows(rows=[])

    def _read(self, section: Section, call: Call, key_kind: str | None) -> Rows:
        section.check_driver()
        section.check_fields(self._service.switches.profile.missing_fields)
        criteria = self._criteria(section)
        order = parse_order(section.order, criteria)
        size = self._size(order)
        render = Projection(
            object_type=section.object_type,
            frame=criteria.frame,
            key_kind=key_kind,
            omit_empty=self._service.switches.profile.empty_fields == "omit",
        ).compile(section.fields)
        page = self._reading(section, criteria, order, call).page(size)
        self._count(section, page)
        rows = [render(version.fields) for _, version in page.rows]
        spoilt = self._poisoned(section, call, page, rows, render)
        self._shift(section, call, page)
        return Rows(
            rows=rows if spoilt is None else spoilt,
            next_page_key=self._next_key(section, call, order.offset, page),
            is_poisoned=spoilt is not None,
        )

    def _criteria(self, section: Section) -> Criteria:
        profile = self._service.switches.profile
        return Criteria(
            object_type=section.object_type,
            frame=Frame.of(section.object_type.name, profile, self._service.clock.now()),
            sql_driver=section.has_sql_driver,
            hidden_abilities=profile.hidden_abilities,
            not_queryable=profile.not_queryable,
        )

    def _size(self, order: Order) -> int:
        profile = self._service.switches.profile
        size = order.size or profile.default_page_size
        if size > profile.max_page_size and profile.over_page_size == "error":
            raise Refusal(f"OrderBy: PageSize must not be over {profile.max_page_size}")
        return min(size, profile.max_page_size)

    def _reading(self, section: Section, criteria: Criteria, order: Order, call: Call) -> Reading:
        store, switches = self._service.store, self._service.switches
        stale = call.strike(
            switches, Stale, lambda fault: call.is_over(fault.over_page_size), section.objects
        )
        return Reading(
            store=store,
            view=store.view(
                section.object_type.name,
                self._service.clock.furthest(),
                stale.seconds if stale else 0,
            ),
            criteria=criteria,
            query=section.query,
            order=order,
            trouble=self._trouble(section, call),
        )

    def _trouble(self, section: Section, call: Call) -> Trouble:
        switches, objects = self._service.switches, section.objects
        unordered = call.strike(switches, Unordered, objects=objects)
        cap = call.strike(switches, PageCap, objects=objects)
        hidden = call.strike(switches, Hidden, objects=objects)
        limits = [limit for limit in (section.top, cap.rows if cap else None) if limit is not None]
        seed = (unordered.seed if unordered else 0) + self._service.store.reads.total()
        return Trouble(
            shuffle=random.Random(seed) if unordered else None,
            shuffle_ties_only=unordered is not None and unordered.among == "ties",
            cap=min(limits) if limits else None,
            hides=_hider(hidden) if hidden else None,
        )

    def _count(self, section: Section, page: Page) -> None:
        store = self._service.store
        store.reads[section.object_type.name] += 1
        store.served.update(version.change for _, version in page.rows)

    def _poisoned(
        self,
        section: Section,
        call: Call,
        page: Page,
        rows: list[Row],
        render: Callable[[Mapping[str, Value]], Row],
    ) -> list[Any] | None:
        names = {record.name for record, _ in page.rows}
        fault = call.strike(
            self._service.switches,
            Poison,
            lambda each: bool(names) and (each.record is None or each.record in names),
            section.objects,
        )
        return poisoned(fault, page.rows, rows, render) if fault else None

    def _shift(self, section: Section, call: Call, page: Page) -> None:
        fault = call.strike(
            self._service.switches, PageShift, lambda _: bool(page.rows), section.objects
        )
        if fault is not None:
            self._shifter.shift(fault, section.object_type, page.rows)

    def _next_key(self, section: Section, call: Call, offset: int, page: Page) -> str | None:
        if not page.has_more:
            return None
        if call.strike(self._service.switches, RepeatedPageKey, objects=section.objects):
            return page_key(offset)
        return page_key(offset + len(page.rows))


def _hider(fault: Hidden) -> Callable[[Record], bool]:
    """Tells the records a fault hides: the same ones on every read."""
    if fault.record is not None:
        return lambda record: record.name == fault.record
    salt = str(fault.seed).encode()
    return lambda record: crc32(salt + record.name.encode()) < fault.share * 2**32
