"""The bare client: the same posts with no signature, no record and no order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import aiohttp

from bench.faults import check


async def post_all(
    urls: Sequence[str], *, count: int, body_bytes: int, at_once: int
) -> dict[str, float]:
    """So many posts to these addresses in turn, and what they took."""
    work = iter([urls[turn % len(urls)] for turn in range(count)])
    body, headers = b"x" * body_bytes, {"Content-Type": "application/json"}

    async def post_some(session: aiohttp.ClientSession) -> None:
        for url in work:
            async with session.post(url, data=body, headers=headers) as response:
                await response.read()
                check(response.status == 200, f"the bare client was answered {response.status}")

    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        began, used = time.monotonic(), time.process_time()
        async with asyncio.TaskGroup() as tasks:
            for _ in range(at_once):
                tasks.create_task(post_some(session))
        return {
            "count": count,
            "seconds": time.monotonic() - began,
            "cpu": time.process_time() - used,
        }
