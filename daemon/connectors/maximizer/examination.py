"""The examination of paging: sizes, page keys and their places, tried out on one resource."""

from __future__ import annotations

from dataclasses import replace

from daemon.connectors.facts import PagingFacts
from daemon.connectors.maximizer.answers import Rows
from daemon.connectors.maximizer.paging import computed_key, told_key
from daemon.connectors.maximizer.reader import OctopusReader, Question

SMALL = 2
"""Rows of a page that hardly any resource has too few for."""


async def examine_paging(reader: OctopusReader, question: Question) -> PagingFacts:
    """Four reads at most. Raises what `OctopusReader.read` raises."""
    asked = question.query.page_size
    large = await reader.rows(question, asked)
    small = await reader.rows(question, SMALL)
    return PagingFacts(
        asked=asked,
        got=len(large.records),
        cut=await _is_cut(reader, question, large),
        key_place=small.page_key_places[0] if small.page_keys else None,
        follows=await _follows(reader, question, small),
    )


async def _is_cut(reader: OctopusReader, question: Question, page: Rows) -> bool:
    if not 0 < len(page.records) < question.query.page_size:
        return False
    behind = await _behind(reader, question, page, 1)
    return behind is not None and bool(behind.records)


async def _follows(reader: OctopusReader, question: Question, first: Rows) -> bool | None:
    if len(first.records) < SMALL:
        return None
    second = await _behind(reader, question, first, SMALL)
    if second is None or not second.records:
        return None
    earlier = {record.identity for record in first.records}
    return len(first.records) == SMALL and not any(
        record.identity in earlier for record in second.records
    )


async def _behind(reader: OctopusReader, question: Question, page: Rows, size: int) -> Rows | None:
    """The page behind one that was asked for from the start; None if none can be asked for."""
    key = told_key(None, page.page_keys) or computed_key(None, len(page.records))
    if key is None:
        return None
    return await reader.rows(replace(question, query=replace(question.query, page_key=key)), size)
