"""A provider of a few records that understands what a reader asks, and fails when told to."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from daemon.connectors import ceql
from daemon.connectors.connector import Account, Page, Query, Record
from daemon.instance import InstanceId
from tests.admin.provider import Provider

STAMP = "LastModifyDate"
NO_SECRETS: Mapping[str, Any] = {}


def text(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Shelf(Provider):
    """`records` by key; `troubles` are raised one by one, None among them is a page that comes."""

    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    troubles: deque[BaseException | None] = field(default_factory=deque)
    queries: list[Query] = field(default_factory=list)
    asked_for: list[str] = field(default_factory=list)
    now: datetime = datetime(2026, 6, 1, 12, tzinfo=UTC)
    budget: int = 100

    def put(self, key: str, **fields: Any) -> None:
        """A record created or changed now."""
        before = self.records.get(key, {"Key": key, "CreationDate": text(self.now)})
        self.records[key] = {**before, STAMP: text(self.now), **fields}
        self.now += timedelta(seconds=1)

    async def account(self, instance_id: InstanceId) -> Account:
        return Account(instance_id=instance_id, configuration=NO_SECRETS)

    def calls_left(self, configuration: Mapping[str, Any], *, background: bool = False) -> int:
        return self.budget

    async def read(self, account: Account, query: Query) -> Page:
        self.queries.append(query)
        self._meet_trouble()
        found = [raw for raw in self.records.values() if _holds(query.where, raw)]
        order = query.order[0] if query.order else None
        name = STAMP if order is None else order.name
        found.sort(
            key=lambda raw: (raw.get(name) or "", raw["Key"]),
            reverse=order is not None and order.descending,
        )
        start = int(query.page_key or 0)
        end = start + query.page_size
        complete = len(found) < end
        likeness = repr(found[start:end])
        alike = query.likeness == likeness
        return Page(
            records=[] if alike else [_record(raw, query.id_field) for raw in found[start:end]],
            next_key=None if complete else str(end),
            complete=complete,
            provider_time=self.now,
            likeness=likeness,
            alike=alike,
        )

    async def read_one(
        self, account: Account, resource: str, key: str, *, like: Query | None = None
    ) -> Record | None:
        self.asked_for.append(key)
        self._meet_trouble()
        raw = self.records.get(key)
        return None if raw is None else _record(raw, like.id_field if like else None)

    def _meet_trouble(self) -> None:
        trouble = self.troubles.popleft() if self.troubles else None
        if trouble is not None:
            raise trouble


def _record(raw: dict[str, Any], id_field: str | None) -> Record:
    key = raw.get(id_field or "Key")
    return Record(identity=key, key=key, raw=raw, content=raw)


def _holds(where: ceql.Expression | None, raw: Mapping[str, Any]) -> bool:
    match where:
        case None:
            return True
        case ceql.And():
            return all(_holds(each, raw) for each in where.conditions)
        case ceql.IsNull():
            return (raw.get(where.field) is None) != where.negated
        case ceql.Comparison():
            return _compares(where, raw.get(where.field))
        case _:
            raise AssertionError(f"nobody asks {where}")


def _compares(leaf: ceql.Comparison, value: Any) -> bool:
    if value is None:
        return False
    wanted = text(leaf.value) if isinstance(leaf.value, datetime) else leaf.value
    match leaf.operator:
        case ceql.Operator.EQUAL:
            return bool(value == wanted)
        case ceql.Operator.GREATER_OR_EQUAL:
            return bool(value >= wanted)
        case ceql.Operator.LESS:
            return bool(value < wanted)
        case _:
            raise AssertionError(f"nobody asks {leaf}")
