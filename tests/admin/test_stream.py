from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest

from daemon.admin import stream
from daemon.admin.context import AdminContext
from daemon.store.first_account import Credentials
from tests.admin.api import Api
from tests.admin.sources import Told, make_told


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "LOOK_SECONDS", 0.02)


@pytest.fixture
async def told(api: Api, context: AdminContext) -> Told:
    return await make_told(api, context)


class Reader:
    """The events of a stream as an EventSource would see them."""

    def __init__(self, response: Any) -> None:
        self._response = response
        self.last_id = ""

    async def event(self) -> dict[str, Any]:
        """The next one that has data."""
        while True:
            data = await self.block()
            if data is not None:
                event: dict[str, Any] = orjson.loads(data)
                return event

    async def block(self) -> bytes | None:
        """The data of the next block, None if it has none."""
        data = None
        async with asyncio.timeout(10):
            while line := (await self._response.content.readline()).rstrip(b"\n"):
                name, _, value = line.partition(b": ")
                if name == b"id":
                    self.last_id = value.decode()
                elif name == b"data":
                    data = value
        return data

    async def is_over(self) -> bool:
        async with asyncio.timeout(10):
            await self._response.content.read()
        return True


@asynccontextmanager
async def listening(
    api: Api, query: str = "", headers: Mapping[str, str] | None = None
) -> AsyncIterator[Reader]:
    sent = {
        "Authorization": api.authorization or "",
        "Accept": "text/event-stream",
        **(headers or {}),
    }
    async with api.client.get(f"/events/stream{query}", headers=sent) as response:
        assert response.status == 200, await response.text()
        assert response.content_type == "text/event-stream"
        reader = Reader(response)
        await reader.block()
        assert reader.last_id
        yield reader


async def test_new_events_come_as_they_are_written(api: Api, told: Told) -> None:
    async with listening(api) as reader:
        await told.commit("a", "b")
        await told.commit("c")
        found = [await reader.event() for _ in range(3)]

    assert sorted(event["objectId"] for event in found[:2]) == ["a", "b"]
    assert found[2]["objectId"] == "c"
    assert found[2] == (await api.get("/instances/events?objectId=c")).json[0]


@pytest.mark.parametrize("way", ["header", "query"])
async def test_a_stream_resumes_where_it_was_without_a_gap(api: Api, told: Told, way: str) -> None:
    async with listening(api) as reader:
        await told.commit("a")
        await reader.event()
    await told.commit("b")
    await told.commit("c")
    query = f"?lastEventId={reader.last_id}" if way == "query" else ""
    headers = {"Last-Event-ID": reader.last_id} if way == "header" else {}

    async with listening(api, query, headers) as again:
        found = [(await again.event())["objectId"] for _ in range(2)]

    assert found == ["b", "c"]


async def test_a_stream_that_said_nothing_yet_resumes_without_a_gap_too(
    api: Api, told: Told
) -> None:
    async with listening(api) as reader:
        pass
    await told.commit("a")

    async with listening(api, headers={"Last-Event-ID": reader.last_id}) as again:
        assert (await again.event())["objectId"] == "a"


async def test_a_heartbeat_carries_the_place_to_resume_from(
    api: Api, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_SECONDS", 0.05)
    async with listening(api) as reader:
        first = reader.last_id
        await reader.block()
        assert reader.last_id > first


async def test_a_stream_shows_only_what_its_listener_may_see(
    api: Api, foreign: Api, told: Told, context: AdminContext, credentials: Credentials
) -> None:
    other = await make_told(api, context, "Second", "code-1")
    theirs = await make_told(foreign, context, "Third", "code-2")
    mine = api.acting_for(credentials, told.instance["token"])
    async with (
        listening(mine) as by_token,
        listening(api, f"?instanceId={other.id}") as by_id,
        listening(foreign) as by_stranger,
    ):
        await told.commit("a")
        await other.commit("b")
        assert (await by_token.event())["objectId"] == "a"
        assert (await by_id.event())["objectId"] == "b"
        await theirs.commit("c")
        assert (await by_stranger.event())["objectId"] == "c"


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        pytest.param("?instanceId=x", {}, id="no instance"),
        pytest.param("?since=x", {}, id="unknown parameter"),
        pytest.param("", {"Last-Event-ID": "yesterday"}, id="no place"),
    ],
)
async def test_a_stream_that_cannot_begin_says_why(
    api: Api, query: str, headers: dict[str, str]
) -> None:
    assert (await api.get(f"/events/stream{query}", headers=headers)).status == 400


async def test_only_so_many_streams_are_open_at_a_time(
    api: Api, foreign: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "STREAMS_AT_MOST", 1)
    async with listening(api):
        refused = await api.get("/events/stream")
        assert (refused.status, refused.headers["Retry-After"]) == (429, "15")
        async with listening(foreign):
            pass


async def test_a_stream_ends_when_its_listener_is_no_longer_let_in(
    api: Api, context: AdminContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_SECONDS", 0.05)
    async with listening(api) as reader:
        await context.accounts.rotate("anna")
        assert await reader.is_over()


async def test_the_end_of_the_server_ends_its_streams(api: Api) -> None:
    async with listening(api) as reader, asyncio.timeout(3):
        closing = asyncio.create_task(api.client.server.close())
        assert await reader.is_over()
        await closing
