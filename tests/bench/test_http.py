from __future__ import annotations

import asyncio

import aiohttp

from bench.http import Connection, Reply, Request, header, response


async def test_a_client_sends_large_bodies_and_keeps_its_connection() -> None:
    came: list[Request] = []
    connections: list[Connection] = []

    def handle(request: Request, reply: Reply) -> None:
        came.append(request)
        reply(response(request.body[-3:], b"Date: Tue, 24 Nov 2026 05:06:07 GMT"))

    def connect() -> Connection:
        connections.append(Connection(handle))
        return connections[-1]

    server = await asyncio.get_running_loop().create_server(connect, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, asyncio.timeout(10), aiohttp.ClientSession() as session:
        for size in (3, 300_000, 0):
            async with session.post(
                f"http://127.0.0.1:{port}/there?x",
                data=b"x" * size,
                headers={"Authorization": "Bearer Product-7"},
            ) as answer:
                assert (answer.status, await answer.read()) == (200, b"x" * min(size, 3))
                assert answer.headers["Date"] == "Tue, 24 Nov 2026 05:06:07 GMT"
    assert [len(request.body) for request in came] == [3, 300_000, 0]
    assert {request.target for request in came} == {b"/there?x"}
    assert header(came[0], b"authorization") == b"bearer product-7"
    assert header(came[0], b"x-missing") == b""
    assert len(connections) == 1


async def test_an_answer_may_come_later_than_the_next_request_of_another_client() -> None:
    held: list[Reply] = []

    def handle(request: Request, reply: Reply) -> None:
        if request.target == b"/held":
            held.append(reply)
            return
        reply(response(b"now"))
        held.pop()(response(b"later"))

    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(handle), "127.0.0.1", 0
    )
    port = server.sockets[0].getsockname()[1]
    async with server, asyncio.timeout(10), aiohttp.ClientSession() as session:

        async def get(path: str) -> bytes:
            async with session.get(f"http://127.0.0.1:{port}{path}") as answer:
                return await answer.read()

        waiting = asyncio.create_task(get("/held"))
        while not held:  # noqa: ASYNC110 -- the request is on its way
            await asyncio.sleep(0)
        assert await get("/free") == b"now"
        assert await waiting == b"later"
