"""Access: who makes a call, by the secrets in its Authorization header, and what it is about."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from aiohttp import web

from daemon.admin.context import CONTEXT
from daemon.admin.problems import NotAcceptable, Unauthorized
from daemon.admin.sessions import find_user
from daemon.errors import NotFound
from daemon.instance import InstanceId
from daemon.store.accounts import User

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_PART = re.compile(r"\s*(user|organization|element)\s*[\s:=]\s*([^\s,]+)\s*", re.IGNORECASE)
_JSON_RANGES = frozenset({"*/*", "application/*", "application/json", "text/event-stream"})


class Access(StrEnum):
    """What a route asks for.

    OPEN: nothing. MEMBER: a user's secret with the organization's or an instance's token.
    PLATFORM: a user's secret with the organization's. HUB: a user's secret with an instance's
    token.
    """

    OPEN = "open"
    MEMBER = "member"
    PLATFORM = "platform"
    HUB = "hub"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A user, and the instance whose token came along, if one did."""

    user: User
    instance_id: InstanceId | None


CALLER = web.RequestKey("caller", Caller)


def require(access: Access, handler: Handler) -> Handler:
    """The handler behind its door."""
    if access is Access.OPEN:
        return handler

    async def behind_the_door(request: web.Request) -> web.StreamResponse:
        check_acceptable(request)
        caller = await authenticate(request)
        if access is Access.PLATFORM and caller.instance_id is not None:
            raise Unauthorized("Authorization has to name User and Organization for this call.")
        if access is Access.HUB and caller.instance_id is None:
            raise Unauthorized("Authorization has to name User and Element for this call.")
        request[CALLER] = caller
        return await handler(request)

    return behind_the_door


async def authenticate(request: web.Request) -> Caller:
    """Who calls. Raises Unauthorized, with the same words whatever part is wrong."""
    signed_in = await find_user(request)
    if signed_in is not None:
        return Caller(user=signed_in, instance_id=None)
    parts = parse_authorization(request.headers.get("Authorization", ""))
    user_secret, token = parts.get("user"), parts.get("element")
    if user_secret is None or (token is None and "organization" not in parts):
        raise Unauthorized(
            "Authorization has to be: User <user secret>, Organization <organization secret>;"
            " or: User <user secret>, Element <instance token>."
        )
    context = request.app[CONTEXT]
    user = await context.accounts.find_by_secrets(user_secret, parts.get("organization"))
    if user is None:
        raise Unauthorized("The secrets in Authorization are not valid.")
    if token is None:
        return Caller(user=user, instance_id=None)
    instance_id = await context.instances.find_by_token(user.organization_id, token)
    if instance_id is None:
        raise Unauthorized("The secrets in Authorization are not valid.")
    return Caller(user=user, instance_id=instance_id)


def parse_authorization(header: str) -> Mapping[str, str]:
    """The secrets by scheme word in lower case; nothing if the header is not understood."""
    matches = [_PART.fullmatch(part) for part in header.split(",") if part.strip()]
    if not all(matches):
        return {}
    return {match[1].lower(): match[2] for match in matches if match}


def target(request: web.Request) -> InstanceId:
    """The instance a call is about: by id, or by the token where the address has none.

    Raises NotFound if the token is another instance's, Unauthorized if there is neither.
    """
    named, caller = request.match_info.get("id"), request[CALLER]
    if named is None:
        if caller.instance_id is None:
            raise Unauthorized("Authorization has to name User and Element where no id is given.")
        return caller.instance_id
    instance_id = InstanceId(int(named))
    if caller.instance_id not in (None, instance_id):
        raise NotFound(f"No instance found with id {instance_id}.")
    return instance_id


def check_acceptable(request: web.Request) -> None:
    """Raises NotAcceptable if the caller says that it does not take JSON."""
    header = request.headers.get("Accept", "")
    ranges = [part.partition(";") for part in header.lower().split(",") if part.strip()]
    wanted = {kind.strip() for kind, _, rest in ranges if not re.search(r"q=0(\.0*)?\s*$", rest)}
    if ranges and not wanted & _JSON_RANGES:
        raise NotAcceptable("Accept has to allow application/json, which every answer is.")
