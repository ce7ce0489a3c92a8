"""The calls about an account's settings: what becomes of what cannot be delivered."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import structlog
from aiohttp import web

from daemon.admin.access import CALLER
from daemon.admin.context import CONTEXT
from daemon.admin.messages import answer, check_members, read_object, refuse
from daemon.store import endpoints

log = structlog.get_logger(__name__)

FAILURE_POLICY = "notification.webhook.failure.policy"


class FailurePolicy(StrEnum):
    """What happens after a notification's last attempt.

    RETRY: it is dead, the others go on. QUEUE: it is kept, and the endpoint is disabled with all
    that is to come, until somebody enables it.
    """

    RETRY = "retry"
    QUEUE = "queue"


async def get_settings(request: web.Request) -> web.Response:
    """GET /accounts/settings"""
    organization_id = request[CALLER].user.organization_id
    stored = await endpoints.get_settings(request.app[CONTEXT].database, organization_id)
    return answer(_render(stored))


async def change_settings(request: web.Request) -> web.Response:
    """PATCH /accounts/settings, POST too: from then on for all instances of the account."""
    context, content = request.app[CONTEXT], await read_object(request)
    check_members(content, (FAILURE_POLICY,))
    policy = content.get(FAILURE_POLICY, FailurePolicy.RETRY)
    if policy not in list(FailurePolicy):
        raise refuse(FAILURE_POLICY, f"has to be one of {', '.join(FailurePolicy)}")
    organization_id = request[CALLER].user.organization_id
    stored = await endpoints.merge_settings(context.database, organization_id, content)
    for instance_id in await endpoints.list_instance_ids(context.database, organization_id):
        await context.on_endpoint_changed(instance_id)
    log.info("account.settings_changed", organization=organization_id, policy=policy)
    return answer(_render(stored))


def _render(stored: Mapping[str, Any]) -> dict[str, Any]:
    return {FAILURE_POLICY: FailurePolicy.RETRY.value, **stored}
