"""The calls that count: events by time, and what the poller did about each resource."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from daemon.admin.access import CALLER
from daemon.admin.context import CONTEXT
from daemon.admin.events import read_optional_instant
from daemon.admin.messages import answer, instant_text, refuse
from daemon.admin.paging import (
    PAGE_PARAMETERS,
    answer_page,
    check_query,
    number_token,
    page_size,
    read_number,
    read_scope,
)
from daemon.errors import NotFound
from daemon.store import analytics
from daemon.store.analytics import Interval, PollerRecord, Tally, Timespan

MOST_BUCKETS = 10_000
_PARAMETERS = ("from", "to", "interval", "accountId")


async def count_events(request: web.Request) -> web.Response:
    """GET /instances/events/analytics: `{count, timestamp}` per bucket."""
    buckets, tallies = await _count(request, outcomes=False)
    return answer(
        [
            {
                "count": sum(tally.count for tally in tallies.get(bucket, ())),
                "timestamp": instant_text(bucket),
            }
            for bucket in buckets
        ]
    )


async def count_by_instance(request: web.Request) -> web.Response:
    """GET /instances/events/analytics/instances"""
    buckets, tallies = await _count(request)
    return answer(
        [
            _render_bucket(
                bucket,
                [
                    {"instanceId": one.instance_id, **_sums([one])}
                    for one in tallies.get(bucket, ())
                ],
            )
            for bucket in buckets
        ]
    )


async def count_by_account(request: web.Request) -> web.Response:
    """GET /instances/events/analytics/accounts: the caller's organization is the one there is."""
    buckets, tallies = await _count(request)
    account = request[CALLER].user.organization_id
    return answer(
        [
            _render_bucket(
                bucket,
                [{"accountId": account, **_sums(tallies[bucket])}] if bucket in tallies else [],
            )
            for bucket in buckets
        ]
    )


async def list_poller_records(request: web.Request) -> web.Response:
    """GET /instances/event-poller-records: one row per polled resource."""
    check_query(request, PAGE_PARAMETERS)
    context, size = request.app[CONTEXT], page_size(request)
    found = await analytics.list_poller_records(
        context.database, await read_scope(request), read_number(request) or 0, size + 1
    )
    page = found[:size]
    token = number_token(page[-1].id) if len(found) > size else None
    return answer_page(request, [_render_record(record) for record in page], token)


async def _count(
    request: web.Request, *, outcomes: bool = True
) -> tuple[Sequence[datetime], dict[datetime, list[Tally]]]:
    check_query(request, _PARAMETERS)
    context, scope, span = request.app[CONTEXT], await read_scope(request), _read_span(request)
    account = request.query.get("accountId", str(scope.organization_id))
    if account != str(scope.organization_id):
        raise NotFound(f"No account found with id {account[:60]}.")
    buckets = await analytics.list_buckets(context.database, span, MOST_BUCKETS + 1)
    if len(buckets) > MOST_BUCKETS:
        raise refuse("interval", f"makes more than {MOST_BUCKETS} buckets of this span")
    tallies: dict[datetime, list[Tally]] = defaultdict(list)
    for tally in await analytics.count_events(context.database, scope, span, outcomes=outcomes):
        tallies[tally.bucket].append(tally)
    return buckets, tallies


def _read_span(request: web.Request) -> Timespan:
    query = request.query
    until = read_optional_instant(query, "to") or datetime.now(UTC)
    since = read_optional_instant(query, "from") or until - timedelta(hours=1)
    if since > until:
        raise refuse("from", "lies after to")
    interval = query.get("interval") or Interval.MINUTE
    if interval not in list(Interval):
        raise refuse("interval", f"has to be one of {', '.join(Interval)}")
    return Timespan(since=since, until=until, interval=Interval(interval))


def _sums(tallies: Iterable[Tally]) -> dict[str, int]:
    counted = list(tallies)
    return {
        "count": sum(tally.count for tally in counted),
        "success": sum(tally.success for tally in counted),
        "failed": sum(tally.failed for tally in counted),
    }


def _render_bucket(bucket: datetime, records: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "total": sum(record["count"] for record in records),
        "timestamp": instant_text(bucket),
        "records": records,
    }


def _render_record(record: PollerRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "elementInstanceId": record.instance_id,
        "elementKey": record.element_key,
        "objectType": record.name,
        "state": record.state.replace("_", " "),
        "cursor": instant_text(record.cursor_at),
        "lastPollDate": instant_text(record.last_poll_at),
        "lastSuccessDate": instant_text(record.last_success_at),
        "nextPollDate": instant_text(record.next_poll_at),
        "lastError": record.last_error,
        "eventCount": record.next_sequence - 1,
        "createdDate": instant_text(record.created_at),
    }
