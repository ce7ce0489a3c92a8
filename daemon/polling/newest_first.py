"""The reader for stamps that cannot be searched by: from the newest record on, down to the mark."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import ClassVar

from daemon.connectors.connector import Page
from daemon.polling.reader import Reader
from daemon.polling.source import KnownPage, Reading


class NewestFirstReader(Reader):
    """A Source whose order is not the one that walks rely on: they read it in passes."""

    searches_by_stamp: ClassVar[bool] = False

    async def newest(self, before: datetime | None = None) -> Reading:
        if before is None:
            return await super().newest()
        page = await self._descending(None, background=False)
        return self._reading(self._only(page, lambda stamp: stamp < before))

    async def page(
        self,
        bound: datetime | None,
        page_key: str | None,
        *,
        background: bool = False,
        known: KnownPage | None = None,  # noqa: ARG002 -- of the same page other rows count later
    ) -> Reading:
        page = await self._descending(page_key, background=background)
        if bound is None:
            return self._reading(page)
        kept = self._only(page, lambda stamp: stamp >= bound)
        reached = len(kept.records) < len(page.records)
        return self._reading(replace(kept, complete=page.complete or reached))

    async def _descending(self, page_key: str | None, *, background: bool) -> Page:
        return await self._ask(
            replace(
                self._query,
                where=self._polling.with_lower_bound(None),
                order=self._order(descending=True),
                page_key=page_key,
                background=background,
            )
        )

    def _only(self, page: Page, is_wanted: Callable[[datetime], bool]) -> Page:
        """The page with the records that are stamped as wanted, or not at all."""
        records = [
            record
            for record in page.records
            if (stamp := self._stamp(record, page.provider_time)) is None or is_wanted(stamp)
        ]
        return replace(page, records=records)
