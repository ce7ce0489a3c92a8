"""Instances with events, for the tests of the calls about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from daemon.admin.context import AdminContext
from daemon.instance import InstanceId, NotificationState, ResourceId
from tests.admin.api import Api, polling_body_of
from tests.delivery.workshop import Source


@dataclass(frozen=True)
class Told:
    """One instance made by a call, and the pages of its contacts."""

    path: str
    source: Source
    instance: dict[str, Any]

    @property
    def id(self) -> int:
        return int(self.instance["id"])

    async def commit(self, *object_ids: str) -> int:
        """The number of the first notification that a page brings about."""
        ready = await self.source.commit(*object_ids)
        await self.source.database.execute(
            "update resources set next_sequence = $2 where id = $1",
            self.source.resource_id,
            self.source.sequence,
        )
        return int(ready[0].id) if ready else 0

    async def end(self, state: NotificationState, number: int | None = None) -> None:
        """Have one notification, or all, come to an end."""
        await self.source.database.execute(
            "update notifications set state = $2, finished_at = now(), waits_for = null,"
            " attempts = 3 where instance_id = $1 and ($3::bigint is null or id = $3)",
            self.source.instance_id,
            state,
            number,
        )

    async def row(self, number: int) -> dict[str, Any]:
        row = await self.source.database.fetchrow(
            "select * from notifications where id = $1", number
        )
        assert row is not None
        return dict(row)


async def make_told(
    api: Api, context: AdminContext, name: str = "Polls", code: str = "code-0", **more: Any
) -> Told:
    reply = await api.call("POST", "/instances", polling_body_of(name, code, **more))
    assert reply.status == 200, reply.text
    number = InstanceId(reply.json["id"])
    resource = await context.database.fetchval(
        "select id from resources where instance_id = $1 and name = 'contacts'", number
    )
    source = Source(database=context.database, instance_id=number, resource_id=ResourceId(resource))
    return Told(path=f"/instances/{number}", source=source, instance=reply.json)
