"""Clients of the stand-ins, for tests that talk to them over HTTP."""

import asyncio
import json
from typing import Any

from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient

from daemon.sandbox.catalogue import OBJECTS
from daemon.sandbox.crm import SERVICE

STAMP = [{"LastModifyDate": "ASC"}]


class Crm:
    """Asks a CRM stand-in, as the poller would and as a person would."""

    def __init__(self, http: TestClient[Any, Any]) -> None:
        self.http = http
        self.service = http.app[SERVICE]
        self.headers = {"Authorization": f"Bearer {self.service.personal_access_token}"}

    async def post(self, path: str, body: Any, **more: Any) -> ClientResponse:
        return await self.http.post(path, json=body, headers=self.headers | more)

    async def read(
        self,
        object_name: str = "AbEntry",
        fields: tuple[str, ...] = ("Key", "LastName", "LastModifyDate"),
        query: Any = None,
        order: Any = None,
        **criteria: Any,
    ) -> dict[str, Any]:
        """The whole answer of a Read with the SQL driver."""
        response = await self.post(
            "/octopus/Read", read_body(object_name, fields, query, order, **criteria)
        )
        assert response.status == 200, await response.text()
        return await response.json(content_type=None)

    async def rows(self, *arguments: Any, **named: Any) -> list[Any]:
        answer = await self.read(*arguments, **named)
        assert answer["Code"] == 0, answer
        return next(value["Data"] for name, value in answer.items() if name != "Code")

    async def names(self, **named: Any) -> list[Any]:
        """The last names of all address book entries, in the order of their stamps."""
        order = named.pop("order", {"PageSize": 100, "Fields": STAMP})
        rows = await self.rows(fields=("LastName",), order=order, **named)
        return [row["LastName"] for row in rows]

    async def contact(self, last_name: str, **fields: Any) -> dict[str, Any]:
        return await self.add("individuals", {"LastName": last_name, **fields})

    async def add(self, resource: str, fields: dict[str, Any]) -> dict[str, Any]:
        response = await self.http.post(f"/_sandbox/records/{resource}", data=json.dumps(fields))
        assert response.status == 201, await response.text()
        return await response.json()

    async def edit(self, record: dict[str, Any], **fields: Any) -> dict[str, Any]:
        path = f"/_sandbox/records/{record['resource']}/{record['id']}"
        response = await self.http.patch(path, data=json.dumps(fields))
        assert response.status == 200, await response.text()
        return await response.json()

    async def delete(self, record: dict[str, Any]) -> None:
        path = f"/_sandbox/records/{record['resource']}/{record['id']}"
        assert (await self.http.delete(path)).status == 200

    async def switch(self, **switches: Any) -> dict[str, Any]:
        response = await self.http.patch("/_sandbox/faults", json=switches)
        assert response.status == 200, await response.text()
        return await response.json()

    async def hits(self, name: str) -> list[int]:
        return (await (await self.http.get("/_sandbox/faults")).json())["hits"][name]

    async def requests(self) -> list[dict[str, Any]]:
        return (await (await self.http.get("/_sandbox/requests")).json())["requests"]


def read_body(
    object_name: str = "AbEntry",
    fields: tuple[str, ...] = ("Key",),
    query: Any = None,
    order: Any = None,
    **criteria: Any,
) -> dict[str, Any]:
    searcher = OBJECTS[object_name.lower()].searcher
    return {
        object_name: {
            "Scope": {"Fields": dict.fromkeys(fields, 1)},
            "Criteria": {"SearchQuery": query or {}, **criteria},
            "OrderBy": order or {"PageSize": 100},
        },
        "Configuration": {"Drivers": {f"I{searcher}": f"Maximizer.Model.Access.Sql.{searcher}"}},
    }


async def ready(process: asyncio.subprocess.Process) -> dict[str, Any]:
    """What a stand-in prints when it takes connections."""
    assert process.stdout is not None
    async with asyncio.timeout(20):
        return json.loads(await process.stdout.readline())
