from __future__ import annotations

import pytest

from daemon.admin.context import AdminContext
from tests.admin.api import Api, Heard
from tests.admin.sources import make_told

POLICY = "notification.webhook.failure.policy"
PATH = "/accounts/settings"


@pytest.mark.parametrize("method", ["PATCH", "POST"])
async def test_the_failure_policy_holds_for_all_instances_of_the_account(
    api: Api, foreign: Api, context: AdminContext, heard: Heard, method: str
) -> None:
    told = await make_told(api, context)
    assert (await api.get(PATH)).json == {POLICY: "retry"}

    reply = await api.call(method, PATH, {POLICY: "queue"})

    assert reply.json == (await api.get(PATH)).json == {POLICY: "queue"}
    assert (await foreign.get(PATH)).json == {POLICY: "retry"}
    configuration = await context.instances.endpoint_configuration(told.source.instance_id)
    assert configuration.queues_failures
    assert heard.endpoints_changed == [told.id]


@pytest.mark.parametrize("body", [{POLICY: "drop"}, {POLICY: None}, {"colour": "red"}], ids=str)
async def test_a_setting_that_is_none_is_refused_by_name(api: Api, body: dict[str, object]) -> None:
    reply = await api.call("PATCH", PATH, body)

    assert (reply.status, list(reply.faults)) == (400, list(body))
