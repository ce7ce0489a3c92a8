"""The inbound webhook: a provider's word that something changed, which makes instances poll now."""

from __future__ import annotations

import structlog
from aiohttp import web

from daemon.admin.access import CALLER
from daemon.admin.context import CONTEXT
from daemon.admin.elements import find_connector
from daemon.admin.messages import answer, refuse
from daemon.errors import InstanceDisabled, NotFound
from daemon.instance import InstanceId, InstanceState, ResourceState
from daemon.store.instance_resources import list_resources

log = structlog.get_logger(__name__)

HEADER = "Element-Instances"
MOST_INSTANCES = 100
_POLLED = (ResourceState.BASELINE_PENDING, ResourceState.ACTIVE, ResourceState.DEGRADED)


async def receive(request: web.Request) -> web.Response:
    """POST /events/{element}: the instances named in the header poll all their resources at once.

    What the body says is not used: the poll reads what really changed, and a call that is lost
    costs nothing but the time until the next beat. Calls during a poll are answered by one more.
    """
    context, user = request.app[CONTEXT], request[CALLER].user
    element = find_connector(context, request.match_info["element"]).element
    polled: dict[str, list[str]] = {}
    for instance_id in _named(request):
        owned = await context.instances.get(user.organization_id, instance_id)
        if owned.instance.element_key != element.key:
            raise NotFound(f"No instance of {element.key} found with id {instance_id}.")
        if owned.instance.state is InstanceState.DISABLED:
            raise InstanceDisabled(f"Instance {instance_id} is disabled.")
        resources = await list_resources(context.database, instance_id)
        names = [each.name for each in resources if each.state in _POLLED]
        polled[str(instance_id)] = names
    for key, names in polled.items():
        context.poll_now(InstanceId(int(key)), names)
    log.info("webhook.received", element=element.key, instances=len(polled))
    return answer({"instances": polled})


def _named(request: web.Request) -> list[InstanceId]:
    """The instances in the header, or the one whose token came along. Raises InvalidInput."""
    caller = request[CALLER]
    texts = [text.strip() for text in request.headers.get(HEADER, "").split(",") if text.strip()]
    if not texts and caller.instance_id is not None:
        return [caller.instance_id]
    if not 1 <= len(texts) <= MOST_INSTANCES:
        raise refuse(HEADER, f"has to name 1 to {MOST_INSTANCES} instances, with commas between")
    if not all(text.isascii() and text.isdigit() and len(text) <= 18 for text in texts):
        raise refuse(HEADER, "holds something else than instance ids with commas between")
    named = [InstanceId(int(text)) for text in dict.fromkeys(texts)]
    foreign = [each for each in named if caller.instance_id not in (None, each)]
    if foreign:
        raise NotFound(f"No instance found with id {foreign[0]}.")
    return named
