"""Reads of Octopus records: a page as large as the provider bears, and whether more lies behind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from daemon.connectors.budget import Priority
from daemon.connectors.connector import Page, Query, Record
from daemon.connectors.maximizer.answers import Rows, read_rows
from daemon.connectors.maximizer.criteria import SearchQuery, key_query, search_query
from daemon.connectors.maximizer.keys import identity_of
from daemon.connectors.maximizer.likeness import Likeness, digest_of, known_again
from daemon.connectors.maximizer.octopus import Call, Line, Octopus, clock_skew, provider_time
from daemon.connectors.maximizer.page_sizes import PageSizes
from daemon.connectors.maximizer.paging import computed_key, told_key
from daemon.connectors.maximizer.questions import read_body, scope, uncompared
from daemon.connectors.maximizer.records import RecordReader
from daemon.connectors.maximizer.resources import KEY, Resource
from daemon.errors import AnswerTooSlow, MalformedAnswer, ProviderTimeout, RequestRefused
from daemon.outbound import Answer

log = structlog.get_logger(__name__)

NO_ROWS = Rows(records=(), page_keys=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One Read to be asked: of which account (as page sizes are remembered), and for what."""

    line: Line
    account_key: str
    resource: Resource
    query: Query
    search: SearchQuery

    @classmethod
    def of(cls, line: Line, account_key: str, resource: Resource, query: Query) -> Question:
        """What a hub query means. Raises InvalidInput for a condition without sense."""
        return cls(
            line=line,
            account_key=account_key,
            resource=resource,
            query=query,
            search=search_query(resource, query.where),
        )

    @property
    def memory_key(self) -> str:
        """What page sizes are learned for."""
        return f"{self.account_key} {self.resource.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Got:
    """What came of a question that asked for `size` rows. `alike`: `rows` has no records, since the
    question knows them by the same likeness."""

    size: int
    rows: Rows
    likeness: Likeness
    alike: bool
    provider_time: datetime
    clock_skew: timedelta | None


class OctopusReader:
    """Asks for pages."""

    def __init__(self, octopus: Octopus, now: Callable[[], datetime]) -> None:
        self._octopus = octopus
        self._now = now
        self._sizes = PageSizes()

    async def read(self, question: Question) -> Page:
        """The page that a query asks for. Raises what `Octopus.ask` raises."""
        got = await self._ask_smaller_until_answered(question)
        next_key = await self._key_behind(question, got)
        return Page(
            records=got.rows.records,
            next_key=next_key,
            complete=next_key is None,
            provider_time=got.provider_time,
            clock_skew=got.clock_skew,
            likeness=got.likeness,
            alike=got.alike,
        )

    async def read_one(self, question: Question, key: str) -> Record | None:
        """The record with this key. Raises MalformedAnswer if the provider shows others instead."""
        query = question.query
        search = key_query(question.resource, query.id_field or KEY, key)
        narrowed = replace(
            question, search=search, query=replace(query, page_key=None, order=(), where=None)
        )
        records = (await self._ask(narrowed, 2)).rows.records
        wanted = {key, identity_of(key)}
        found = next((record for record in records if record.identity in wanted), None)
        if records and found is None:
            raise MalformedAnswer("The provider answers with other records than the one asked for")
        return found

    async def rows(self, question: Question, size: int) -> Rows:
        """The rows that come for this size, unjudged: for trying out how a provider pages."""
        return (await self._ask(question, size)).rows

    async def _ask_smaller_until_answered(self, question: Question) -> _Got:
        key = question.memory_key
        size = self._sizes.size(key, question.query.page_size)
        while True:
            try:
                return await self._ask(question, size)
            except ProviderTimeout:
                self._sizes.too_slow(key, size)
                raise
            except AnswerTooSlow:
                smaller = self._sizes.too_slow(key, size)
                if smaller is None:
                    raise
                size = smaller
                log.info("provider.page_too_large", resource=question.resource.name, next_size=size)

    async def _ask(self, question: Question, size: int) -> _Got:
        resource, query = question.resource, question.query
        fields = scope(resource, query)
        reader = RecordReader(fields, query.id_field, uncompared(resource, query))
        call = Call(
            method="Read",
            body=read_body(resource, query, question.search, fields, size),
            priority=Priority.BACKGROUND if query.background else Priority.LIVE,
            repeatable=True,
        )

        def judge(answer: Answer) -> _Got:
            now, digest, rows = self._now(), digest_of(answer.body), NO_ROWS
            likeness = known_again(query.likeness, digest, fields, query.id_field)
            if likeness is None:
                rows = read_rows(answer.body, resource.object_name, reader)
                likeness = Likeness.of(digest, fields, query.id_field, rows)
            return _Got(
                size=size,
                rows=rows,
                likeness=likeness,
                alike=likeness is query.likeness,
                provider_time=provider_time(answer, now),
                clock_skew=clock_skew(answer, now),
            )

        return await self._octopus.ask(question.line, call, judge)

    async def _key_behind(self, question: Question, got: _Got) -> str | None:
        """The key of the next page, None if there is none; what the page teaches is remembered."""
        key, rows = question.memory_key, got.likeness.rows
        told = told_key(question.query.page_key, got.likeness.page_keys) if rows else None
        suspicious = told is None and rows < got.size and self._sizes.may_be_capped(key, rows)
        self._sizes.succeeded(key, rows, tells_keys=told is not None)
        computed = computed_key(question.query.page_key, rows)
        if told is not None or rows >= got.size:
            return told or computed
        if computed is None or not suspicious:
            return None
        if not await self._lies_behind(question, computed):
            self._sizes.ended(key, rows)
            return None
        self._sizes.capped(key, rows)
        log.warning("provider.pages_capped", resource=question.resource.name, rows=rows)
        return computed

    async def _lies_behind(self, question: Question, page_key: str) -> bool:
        """Whether rows lie behind a page that was shorter than asked for."""
        behind = replace(question, query=replace(question.query, page_key=page_key))
        try:
            return bool((await self._ask(behind, 1)).rows.records)
        except RequestRefused:
            return False
