"""The hub: records of the provider read and written by people, under an instance's token."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from daemon import configuration_keys as keys
from daemon.admin.access import CALLER, target
from daemon.admin.context import CONTEXT
from daemon.admin.elements import find_connector
from daemon.admin.hub_questions import (
    LARGEST_PAGE,
    HubQuestion,
    parse_fields,
    parse_question,
)
from daemon.admin.messages import answer, check_members, read_object, refuse
from daemon.connectors.connector import Account, Connector, Query, Record
from daemon.errors import (
    InstanceDisabled,
    NotFound,
    ProviderError,
    ProviderTimeout,
    RateLimited,
    RequestRefused,
)
from daemon.instance import InstanceState
from daemon.notifications.records import without_nulls

DEADLINE_SECONDS = 60.0
"""How long a person waits for the provider, the wait for the rate budget included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """One resource of an instance's hub, with the way to its provider."""

    connector: Connector
    account: Account
    resource: str
    drops_nulls: bool

    def render(self, record: Record) -> Mapping[str, Any]:
        """A record under the provider's own names."""
        return without_nulls(record.raw) if self.drops_nulls else record.raw


async def list_records(request: web.Request) -> web.Response:
    """GET /hubs/{hub}/{resource}"""
    desk = await _desk(request)
    page_size = request.app[CONTEXT].polling.page_size
    question = parse_question(desk.resource, request.query, page_size)
    async with _provider_trouble(writes=False):
        rows, page_key = await _read(desk, question)
    shown = rows[question.skip :]
    headers = {"Elements-Returned-Count": str(len(shown))}
    if page_key is None and question.query.page_key is None:
        headers["Elements-Total-Count"] = str(len(rows))
    if token := question.token(page_key):
        headers["Elements-Next-Page-Token"] = token
        headers["Link"] = _next_link(request, token)
    return answer([desk.render(record) for record in shown], headers=headers)


async def get_record(request: web.Request) -> web.Response:
    """GET /hubs/{hub}/{resource}/{record}"""
    desk, record_key = await _desk(request), request.match_info["record"]
    check_members(request.query, ("fields",))
    like = Query(resource=desk.resource, fields=parse_fields(request.query))
    async with _provider_trouble(writes=False):
        record = await desk.connector.read_one(desk.account, desk.resource, record_key, like=like)
    if record is None:
        raise NotFound(f"No record found in {desk.resource} with id {record_key[:200]}.")
    return answer(desk.render(record))


async def create_record(request: web.Request) -> web.Response:
    """POST /hubs/{hub}/{resource}"""
    desk, fields = await _desk(request), await _read_fields(request)
    async with _provider_trouble(writes=True):
        record = await desk.connector.create(desk.account, desk.resource, fields)
    return answer(desk.render(record))


async def update_record(request: web.Request) -> web.Response:
    """PATCH /hubs/{hub}/{resource}/{record}"""
    desk, fields = await _desk(request), await _read_fields(request)
    record_key = request.match_info["record"]
    async with _provider_trouble(writes=True):
        record = await desk.connector.update(desk.account, desk.resource, record_key, fields)
    return answer(desk.render(record))


async def delete_record(request: web.Request) -> web.Response:
    """DELETE /hubs/{hub}/{resource}/{record}"""
    desk, record_key = await _desk(request), request.match_info["record"]
    async with _provider_trouble(writes=True):
        await desk.connector.delete(desk.account, desk.resource, record_key)
    return answer({})


async def _desk(request: web.Request) -> Desk:
    """Raises InstanceDisabled, and NotFound for another element's hub or an unknown resource."""
    context, instance_id = request.app[CONTEXT], target(request)
    owned = await context.instances.get(request[CALLER].user.organization_id, instance_id)
    if owned.instance.state is InstanceState.DISABLED:
        raise InstanceDisabled(f"Instance {instance_id} is disabled.")
    connector = find_connector(context, owned.instance.element_key)
    hub, resource = request.match_info["hub"], request.match_info["resource"]
    if hub != connector.element.hub or resource not in connector.element.resources:
        known = ", ".join(connector.element.resources)
        raise NotFound(
            f"There is no resource /hubs/{hub[:60]}/{resource[:60]};"
            f" /hubs/{connector.element.hub} has {known}."
        )
    return Desk(
        connector=connector,
        account=Account(instance_id=instance_id, configuration=owned.values),
        resource=resource,
        drops_nulls=bool(owned.instance.configuration.get(keys.RESPONSE_NULLS, True)),
    )


async def _read(desk: Desk, question: HubQuestion) -> tuple[list[Record], str | None]:
    """All rows up to the end of the page asked for, and the provider's key of what lies behind."""
    rows: list[Record] = []
    page_key, end = question.query.page_key, question.skip + question.take
    while len(rows) < end:
        size = min(end - len(rows), LARGEST_PAGE)
        query = replace(question.query, page_key=page_key, page_size=size)
        page = await desk.connector.read(desk.account, query)
        rows += page.records
        page_key = page.next_key if page.records else None
        if page_key is None:
            break
    return rows, page_key


async def _read_fields(request: web.Request) -> Mapping[str, Any]:
    fields = await read_object(request)
    if not fields:
        raise refuse("body", "has no field to be written")
    return fields


@asynccontextmanager
async def _provider_trouble(*, writes: bool) -> AsyncIterator[None]:
    """What goes wrong at the provider, as it is answered: its refusal of a write is the caller's
    fault, everything else is the provider's, told in its words."""
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            yield
    except RateLimited:
        raise
    except ProviderError as error:
        kind = ProviderTimeout if isinstance(error, ProviderTimeout) else ProviderError
        if writes and isinstance(error, RequestRefused):
            kind = RequestRefused
        words = error.provider_message or str(error)
        raise kind(str(error), status=error.status, provider_message=words) from error
    except TimeoutError as error:
        unsure = "; whether it wrote is not known" if writes else ""
        words = f"The provider did not answer within {DEADLINE_SECONDS:g} seconds{unsure}."
        raise ProviderTimeout(words, provider_message=words) from error


def _next_link(request: web.Request, token: str) -> str:
    kept = [(name, text) for name, text in request.query.items() if name not in _PLACES]
    return f'<{request.path}?{urlencode([*kept, ("nextPage", token)])}>; rel="next"'


_PLACES = ("page", "nextPage")
